"""Exact sums of doubles and of their squares, in any order.

Theory of operation: a double is an integer of 53 bits times a power of two. Integers
are added up for each power by itself, cut into limbs of 27 bits so that a sum of
2**35 of them fits a machine word. No addition rounds, so none minds its order.
"""

import numpy as np
from numpy.typing import NDArray

from weightbank.kernels.compile import kernel

EXPONENTS = 2048
"""Powers of two, one for each exponent field of a double."""

LIMB_BITS = 27

SUM_SHIFTS = (0, LIMB_BITS)
"""Bits by which each limb of a sum is shifted: the first columns."""

SQUARE_SHIFTS = (0, LIMB_BITS, LIMB_BITS, 2 * LIMB_BITS, 2 * LIMB_BITS, 3 * LIMB_BITS)
"""Bits by which each limb of a sum of squares is shifted: the columns after them."""

_FRACTION_BITS = 52
_FRACTION = 2**_FRACTION_BITS - 1
_LIMB = 2**LIMB_BITS - 1


def empty_sums() -> NDArray[np.int64]:
    """Return the limbs of sums of nothing: int64, shape (``EXPONENTS``, limbs)."""
    return np.zeros((EXPONENTS, len(SUM_SHIFTS) + len(SQUARE_SHIFTS)), np.int64)


@kernel
def add_moments(values: NDArray[np.int64], limbs: NDArray[np.int64]) -> int:
    """Add doubles and their squares to sums.

    Args:
        values: int64, shape (n,): the doubles' bits.
        limbs: int64, shape (``EXPONENTS``, limbs), added to.

    Returns:
        How many of them are not finite; what they add means nothing.
    """
    not_finite = 0
    for at in range(values.size):
        bits = values[at]
        exponent = (bits >> _FRACTION_BITS) & (EXPONENTS - 1)
        not_finite += exponent == EXPONENTS - 1
        mantissa = (bits & _FRACTION) | (np.int64(exponent > 0) << _FRACTION_BITS)
        sign = 1 - 2 * np.int64(bits < 0)
        low, high = mantissa & _LIMB, mantissa >> LIMB_BITS
        row = limbs[exponent]
        row[1] += sign * high
        square = high * high
        row[6] += square & _LIMB
        row[7] += square >> LIMB_BITS
        # What was float32 or narrower has no low bits.
        if low:
            row[0] += sign * low
            square = low * low
            row[2] += square & _LIMB
            row[3] += square >> LIMB_BITS
            cross = 2 * low * high
            row[4] += cross & _LIMB
            row[5] += cross >> LIMB_BITS
    return not_finite
