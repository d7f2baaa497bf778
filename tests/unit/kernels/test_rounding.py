"""Kernels that round, at every value where a rounding turns over."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.kernels.rounding import bfloat16_tile, float16_tile
from weightbank.numbers.rounding import to_bfloat16, to_float16

FINITE_HALVES = 0x7C00


def with_neighbours(positive: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return bit patterns, those just beside them, and the negatives of all."""
    near = np.concatenate([positive, positive + np.uint32(1), positive - np.uint32(1)])
    return np.concatenate([near, near | np.uint32(0x80000000)])


def rounded(kernel: Any, bits: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """Return what a kernel makes of bit patterns."""
    out = np.empty(bits.size, np.uint16)
    kernel(bits.view(np.float32), out)
    return out


def test_float16_midpoints() -> None:
    """Each float16, each midpoint of two, and what is just beside, are rounded as by NumPy."""
    halves = np.arange(1, FINITE_HALVES, dtype=np.uint16).view(np.float16).astype(np.float32)
    # The sum of neighbouring halves has one bit more than they: exact in float32.
    middles = (halves[1:] + halves[:-1]) * np.float32(0.5)
    smallest = np.array([2**-25, 2**-26, 2**-30, 2**-120], np.float32)
    points = np.concatenate([halves, middles, smallest]).view(np.uint32)
    bits = with_neighbours(points)
    bits = bits[np.abs(bits.view(np.float32)) <= 65504]
    assert rounded(float16_tile, bits).tobytes() == to_float16(bits.view(np.float32)).tobytes()


def test_float16_zeros_and_subnormal_float32() -> None:
    """Zeros keep their sign, and so does what is too small."""
    bits = np.array([0, 0x80000000, 1, 0x80000001, 0x007FFFFF, 0x807FFFFF], np.uint32)
    assert rounded(float16_tile, bits).tolist() == [0, 0x8000, 0, 0x8000, 0, 0x8000]


def test_float16_strided() -> None:
    """A sample of all float32 within the range of float16 is rounded as NumPy does."""
    bits = np.arange(0, 0x477FE001, 257, dtype=np.uint32)
    bits = np.concatenate([bits, bits | np.uint32(0x80000000)])
    assert rounded(float16_tile, bits).tobytes() == to_float16(bits.view(np.float32)).tobytes()


def test_bfloat16_midpoints() -> None:
    """Each bfloat16, each midpoint of two, and the float32 just beside, as the reference does."""
    values = np.arange(1, 0x7F7F, dtype=np.uint32) << np.uint32(16)
    bits = with_neighbours(np.concatenate([values, values + np.uint32(0x8000)]))
    expected = to_bfloat16(bits.view(np.float32))
    assert rounded(bfloat16_tile, bits).tobytes() == expected.tobytes()
