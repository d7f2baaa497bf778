"""The standard normal of words, times a scale.

Theory of operation: every lane first takes the central rational, without a
branch, so that the loop is vectorised; the two words in 256 that are of the tail
get a wrong value there. A second pass over the same words, still in the
first-level cache, finds those in a group of lanes by one comparison, and puts the
tail's value in their place.
"""

import numpy as np
from numba import float32, int32, int64, uint32, uint64
from numpy.typing import NDArray

from weightbank.kernels.bits import LANES, align_stack, leading_zeros, tail_lanes, trailing_zeros
from weightbank.kernels.compile import inlined, kernel
from weightbank.numbers.coefficients import P, Q, T

P0, P1, P2, P3, P4, P5, P6 = P
Q0, Q1, Q2, Q3, Q4, Q5 = Q
_ONE = np.float32(1)
_TWO = np.float32(2)
_ONE_AND_A_HALF = np.float32(1.5)
_UNIT = np.float32(2**-31)
_INVERSE_BINADE = np.float32(2) ** -np.arange(len(T), dtype=np.float32)


@inlined
def _central(word: np.uint32) -> np.float32:
    t = int32(word | uint32(1))
    m = int32(uint32(0x80000000) - uint32(abs(t)))
    v = float32(m) * _UNIT
    y = v * (_TWO - v)
    s = y * y
    numerator = (((P6 * s + P4) * s + P2) * s + P0) + y * ((P5 * s + P3) * s + P1)
    denominator = ((Q4 * s + Q2) * s + Q0) + y * ((Q5 * s + Q3) * s + Q1)
    z: np.float32 = float32(t) * (numerator / denominator)
    return z


@inlined
def _tail(word: np.uint32) -> np.float32:
    t = int32(word | uint32(1))
    m = uint32(0x80000000) - uint32(abs(t))
    binade = int64(uint32(31) - leading_zeros(m))
    g = float32(int32(m)) * _INVERSE_BINADE[binade] - _ONE_AND_A_HALF
    r = T[binade, 6]
    for power in range(5, -1, -1):
        r = r * g + T[binade, power]
    z: np.float32 = -r if t < int32(0) else r
    return z


@kernel
def normal_tile(words: NDArray[np.uint32], scale: np.float32, out: NDArray[np.float32]) -> None:
    """Write the standard normal of each word, times ``scale``.

    Args:
        words: u32, shape (n,), n a multiple of ``LANES``.
        scale: Multiplies every element.
        out: float32, shape (n,).
    """
    align_stack()
    for index in range(words.size):
        out[index] = _central(words[index]) * scale
    for first in range(0, words.size, LANES):
        lanes = uint64(tail_lanes(words, first))
        while lanes != uint64(0):
            index = first + int64(trailing_zeros(lanes))
            out[index] = _tail(words[index]) * scale
            lanes &= lanes - uint64(1)


@kernel
def standard_normal(words: NDArray[np.uint32], out: NDArray[np.float32]) -> None:
    """Write the standard normal of each word.

    Args:
        words: u32, shape (n,).
        out: float32, shape (n,).
    """
    whole = words.size - words.size % LANES
    # A scale of 1 changes no bit.
    normal_tile(words[:whole], _ONE, out[:whole])
    if whole < words.size:
        last_words = np.zeros(LANES, np.uint32)
        last_words[: words.size - whole] = words[whole:]
        last = np.empty(LANES, np.float32)
        normal_tile(last_words, _ONE, last)
        out[whole:] = last[: words.size - whole]
