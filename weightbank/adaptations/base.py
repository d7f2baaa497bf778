"""What every adaptation can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

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


def check_count(argument: str, value: int, *, minimum: int = 1, maximum: int | None = None) -> None:
    """Refuse a number of things that there cannot be.

    Raises:
        InvalidArgumentError: If it is below the minimum or above the maximum.
    """
    accepted = f"{minimum} or more" if maximum is None else f"{minimum} to {maximum}"
    if value < minimum:
        raise InvalidArgumentError(argument, value, "is too small", accepted)
    if maximum is not None and value > maximum:
        raise InvalidArgumentError(argument, value, "is too large", accepted)


def canonical(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put every NaN to the one NaN, in place, and return the array.

    Processors differ in the sign and payload of a NaN that arithmetic gives.
    """
    values[np.isnan(values)] = NAN
    return values


NAN = np.array([0x7FF8000000000000], np.uint64).view(np.float64)[0]
"""The quiet NaN without a sign or a payload."""
