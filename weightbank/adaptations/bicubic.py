"""Bicubic resampling along one axis, as torch's with antialiasing.

Theory of operation: Keys' cubic kernel with a = -1/2. Sample i of s lies at
W·(2i+1)/(2s) of W stored samples, whose own centres are at j + 1/2; when shrinking, the
kernel is stretched by W/s, so that it averages what it skips. In units of 2·max(W, s)
all of this is integers: a weight is one integer divided by the sum of those of its
sample, and that quotient is the only thing rounded.
Source: Keys 1981, https://doi.org/10.1109/TASSP.1981.1163711, equation 15; torch's
``interpolate(mode="bicubic", antialias=True, align_corners=False)``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LARGEST_SIZE = 4096
"""Of either side; sums of a sample's integers then stay below 2**53."""


@dataclass(frozen=True, slots=True)
class Taps:
    """The stored samples that one resampled sample is made of.

    Attributes:
        indices: Ascending, of those whose weight is not zero.
        weights: One for each; they add up to 1 but for rounding.
    """

    indices: tuple[int, ...]
    weights: tuple[float, ...]


def bicubic_taps(stored: int, wanted: int, index: int) -> Taps:
    """Return what one resampled sample is made of.

    Args:
        stored: Number of stored samples.
        wanted: Number of resampled samples.
        index: Which of them.

    Examples:
        >>> bicubic_taps(2, 2, 1)
        Taps(indices=(1,), weights=(1.0,))
        >>> bicubic_taps(4, 2, 0)
        Taps(indices=(0, 1, 2, 3), weights=(0.4..., 0.4..., 0.1..., -0.0...))
    """
    assert max(stored, wanted) <= LARGEST_SIZE, "PositionGrid refuses it"
    unit = 2 * max(stored, wanted)
    distances = np.abs(2 * wanted * np.arange(stored) + wanted - stored * (2 * index + 1))
    weights = _kernel(distances, unit)
    indices = np.flatnonzero(weights)
    quotients = weights[indices] / weights.sum()
    return Taps(tuple(indices.tolist()), tuple(quotients.tolist()))


def _kernel(n: NDArray[np.int64], d: int) -> NDArray[np.int64]:
    """Return 2·d³ times the kernel's value at n/d."""
    near = (3 * n - 5 * d) * n * n + 2 * d**3
    far = ((5 * d - n) * n - 8 * d**2) * n + 4 * d**3
    return np.where(n < d, near, np.where(n < 2 * d, far, 0))


def resample(values: NDArray[np.float64], taps: Taps) -> NDArray[np.float64]:
    """Return one resampled sample along axis 0.

    Args:
        values: float64, shape (stored, ...).
        taps: Of the sample.

    Returns:
        float64, shape (...): weight times value, added in the order of the indices to 0.
    """
    total = np.zeros(values.shape[1:])
    for index, weight in zip(taps.indices, taps.weights, strict=True):
        total += weight * values[index]
    return total
