"""The standard normal of a 32-bit word.

Theory of operation: the inverse of the normal distribution function, taken at
1/2 + t/2**32 for an odd integer t, so that the result is antisymmetric and never
zero. Eight words in a thousand fall in the tails, where a polynomial for each
binade of the remaining probability takes over from one central rational. Every
operation is one float32 operation rounded to nearest even, in the order written:
that, and not the formula, is what makes the bytes equal everywhere.
Source: docs/numbers.md, "Standard normal".
"""

import numpy as np
from numpy.typing import NDArray

from weightbank.numbers.coefficients import P, Q, T

TAIL_STOP = 2**24
"""M below this is in the tail."""

LARGEST = 6.2303
"""No word gives a larger magnitude."""


def standard_normal(words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Return one standard normal for each word.

    Args:
        words: u32, any shape.

    Returns:
        float32 of the same shape; 5.8e-10 <= abs(z) <= 6.2303.

    Examples:
        >>> standard_normal(np.array([0x40000000, 0x80000000], np.uint32)).tolist()
        [0.6744897365570068, -6.230259895324707]
    """
    t = (words | np.uint32(1)).view(np.int32).astype(np.int64)
    m = 2**31 - np.abs(t)
    in_tail = m < TAIL_STOP
    z = _central(t, m)
    z[in_tail] = _tail(t[in_tail], m[in_tail])
    return z


def _central(t: NDArray[np.int64], m: NDArray[np.int64]) -> NDArray[np.float32]:
    v = m.astype(np.float32) * np.float32(2**-31)
    y = v * (np.float32(2) - v)
    s = y * y
    numerator = (((P[6] * s + P[4]) * s + P[2]) * s + P[0]) + y * ((P[5] * s + P[3]) * s + P[1])
    denominator = ((Q[4] * s + Q[2]) * s + Q[0]) + y * ((Q[5] * s + Q[3]) * s + Q[1])
    z: NDArray[np.float32] = t.astype(np.float32) * (numerator / denominator)
    return z


def _tail(t: NDArray[np.int64], m: NDArray[np.int64]) -> NDArray[np.float32]:
    # frexp gives m = fraction * 2**exponent with fraction in [1/2, 1).
    fraction, exponent = np.frexp(m.astype(np.float32))
    g = fraction * np.float32(2) - np.float32(1.5)
    row = T[exponent - 1]
    r = row[:, 6].copy()
    for power in (5, 4, 3, 2, 1, 0):
        r = r * g + row[:, power]
    z: NDArray[np.float32] = np.where(t > 0, r, -r)
    return z
