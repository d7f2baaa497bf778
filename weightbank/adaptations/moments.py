"""Mean and standard deviation of a stored tensor, exactly.

Theory of operation: the definition is the one of the textbook, over the reals, and
rounded once. The mean is the sum of the elements ÷ n, the variance the sum of the
squares of their distances from it ÷ n (of the population: nothing is estimated).
Sums are exact integers, so neither the order of the elements nor the blocks in which
they come can be told from the result.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from weightbank.errors import NO_VALUE, UnrepresentableError
from weightbank.kernels.moments import SQUARE_SHIFTS, SUM_SHIFTS, add_moments, empty_sums
from weightbank.numbers.exact import nearest_float32, nearest_float32_sqrt

MOST_ELEMENTS = 2**35
"""Of one tensor; the exact sums of more could overflow."""

# Binary places of the smallest doubles, those of exponent fields 0 and 1.
_SMALLEST_PLACES = 1074


@dataclass(frozen=True, slots=True)
class Moments:
    """What is known of a tensor's elements together.

    Attributes:
        mean: Exactly.
        variance: Exactly, of the population.
    """

    mean: Fraction
    variance: Fraction

    @property
    def mean_float32(self) -> np.float32:
        """The mean, rounded once."""
        return nearest_float32(self.mean)

    @property
    def std_float32(self) -> np.float32:
        """The root of the variance, rounded once."""
        return nearest_float32_sqrt(self.variance)


class MomentSums:
    """Sums over elements, from which their moments follow; not thread-safe.

    Examples:
        >>> sums = MomentSums()
        >>> sums.add(np.array([1.0, 2.0]))
        >>> sums.add(np.array([3.0, 4.0]))
        >>> sums.moments("fc.weight")
        Moments(mean=Fraction(5, 2), variance=Fraction(5, 4))
    """

    def __init__(self) -> None:
        self._limbs = empty_sums()
        self._elements = 0
        self._not_finite = 0

    def add(self, values: NDArray[np.float64]) -> None:
        """Count elements in.

        Args:
            values: float64, shape (n,), contiguous: stored values, widened.
        """
        self._not_finite += add_moments(values.view(np.int64), self._limbs)
        self._elements += values.size
        assert self._elements <= MOST_ELEMENTS, "limbs would overflow"

    def merge(self, other: "MomentSums") -> None:
        """Count in what other sums have counted."""
        self._limbs += other._limbs  # noqa: SLF001 - of its own kind
        self._not_finite += other._not_finite  # noqa: SLF001 - as above
        self._elements += other._elements  # noqa: SLF001 - as above
        assert self._elements <= MOST_ELEMENTS, "limbs would overflow"

    def moments(self, argument: str) -> Moments:
        """Return the moments of all elements counted in, at least one.

        Args:
            argument: What the tensor is called in messages.

        Raises:
            UnrepresentableError: If an element is infinite or no number.
        """
        assert self._elements, "no element, no moments"
        if self._not_finite:
            problem = f"has {self._not_finite} elements that are not finite: no mean, no deviation"
            raise UnrepresentableError(argument, NO_VALUE, problem, "a tensor of finite elements")
        columns = len(SUM_SHIFTS)
        total = _exact(self._limbs[:, :columns], SUM_SHIFTS, 1)
        squares = _exact(self._limbs[:, columns:], SQUARE_SHIFTS, 2)
        mean = total / self._elements
        return Moments(mean, squares / self._elements - mean**2)


def _exact(limbs: NDArray[np.int64], shifts: tuple[int, ...], power: int) -> Fraction:
    """Return the number that limbs of sums stand for; ``power`` 2 of squares."""
    total = 0
    for exponent in np.flatnonzero(limbs.any(axis=1)).tolist():
        scale = power * (max(exponent, 1) - 1)
        row: list[int] = limbs[exponent].tolist()
        total += sum(limb << shift for limb, shift in zip(row, shifts, strict=True)) << scale
    return Fraction(total, 2 ** (power * _SMALLEST_PLACES))
