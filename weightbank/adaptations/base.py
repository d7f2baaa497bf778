"""What every adaptation can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from weightbank.errors import InvalidArgumentError, InvalidShapeError


class Adaptation(ABC):
    """How a stored tensor is fitted to another shape.

    Attributes:
        type: Its name in a resolved spec.
    """

    __slots__ = ()

    type: ClassVar[str]

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """Return it as JSON values, ``type`` included."""

    @classmethod
    @abstractmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what ``document`` wrote."""

    @abstractmethod
    def shape(
        self, source_shape: tuple[int, ...], *, argument: str = "the stored tensor"
    ) -> tuple[int, ...]:
        """Return the shape of what it makes of a stored tensor.

        Args:
            source_shape: Of the stored tensor.
            argument: What it is called in messages.

        Raises:
            InvalidShapeError: If it cannot be done to such a tensor.
        """


def shape_error(
    argument: str, shape: tuple[int, ...], problem: str, accepted: str
) -> InvalidShapeError:
    """Return an error about the shape of a stored tensor."""
    return InvalidShapeError(f"{argument}: shape", list(shape), problem, accepted)


def check_count(argument: str, value: int, *, minimum: int = 1) -> None:
    """Refuse a number of things that there cannot be.

    Raises:
        InvalidArgumentError: If it is below the minimum.
    """
    if value < minimum:
        raise InvalidArgumentError(argument, value, "is too small", f"{minimum} or more")
