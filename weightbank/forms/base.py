"""What every exact form can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Self

from weightbank.distributions import Distribution
from weightbank.errors import InvalidArgumentError
from weightbank.numbers.streams import WEIGHT_TAG, Stream, derive_stream

SMALLEST_SCALE = 2.0**-64
"""A smaller positive std or half-width is refused: products would be subnormal."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a form's numbers go: which tensor, of which seed, in which part.

    Attributes:
        seed: The caller's.
        name: The tensor's.
        shape: Of the tensor, or of the part.
        part: Index of the part of a split, or None.
    """

    seed: int
    name: str
    shape: tuple[int, ...]
    part: int | None = None

    def stream(self) -> Stream:
        """Return the stream of one word an element, which parts share."""
        return derive_stream(self.seed, self.name, WEIGHT_TAG)

    def tagged_stream(self, tag: str) -> Stream:
        """Return a stream of another use, of this part alone."""
        return derive_stream(
            self.seed, self.name, tag if self.part is None else f"{tag}/{self.part}"
        )


class Form(ABC):
    """The exact initializer of one tensor.

    Attributes:
        type: Its name in a resolved spec.
        splittable: Whether it can be a part of a split.
    """

    type: ClassVar[str]
    splittable: ClassVar[bool] = False

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """Return it as JSON values, ``type`` included."""

    @classmethod
    @abstractmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what ``document`` wrote."""

    @abstractmethod
    def bounds(self) -> tuple[float, float]:
        """Return what its arithmetic could reach: what a dtype has to hold."""

    def extremes(self) -> tuple[float, float]:
        """Return the least and greatest value that it can give, before rounding."""
        return self.bounds()

    @abstractmethod
    def distribution(self, placement: Placement) -> Distribution:
        """Round its parameters once, for one tensor of one seed."""

    @property
    def is_whole(self) -> bool:
        """Whether the tensor has to be made whole before any range of it."""
        return False

    def check(self, argument: str) -> None:
        """Raise an InvalidArgumentError if its float32 parameters are out of range."""
        del argument

    def scaled(self, factor: Fraction, argument: str) -> "Form":
        """Return it with its variance multiplied by an exact factor."""
        del factor
        raise InvalidArgumentError(
            argument, self.type, "has no variance that could be scaled", "an initializer that draws"
        )


def check_scale(value: float, argument: str) -> None:
    """Refuse a positive scale below 2**-64.

    Raises:
        InvalidArgumentError: If it is.
    """
    if value < SMALLEST_SCALE:
        raise InvalidArgumentError(
            argument, value, "is too small for float32 arithmetic", "0, or 2**-64 and more"
        )


def part_shapes(shape: Sequence[int], axis: int, sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the shapes of the parts of a split.

    Examples:
        >>> part_shapes((6, 4), 0, (2, 4))
        [(2, 4), (4, 4)]
    """
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]
