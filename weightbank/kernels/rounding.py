"""From a tile of float32 to the bytes of a dtype.

Theory of operation: the 16-bit formats are rounded in integer arithmetic, to the
nearest and a tie to the even neighbour. A conversion instruction to float16 is
not on every processor, and where it is missing LLVM calls a function that may
not be there either.
"""

import numpy as np
from numba import int32, uint16, uint32
from numpy.typing import NDArray

from weightbank.kernels.compile import inlined, kernel

_SIGN = np.uint32(0x8000)
_MAGNITUDE = np.uint32(0x7FFFFFFF)
_MANTISSA = np.uint32(0x7FFFFF)
_HIDDEN_BIT = np.uint32(0x800000)
# Below 2**-14 float16 is subnormal: its unit is 2**-24, whatever the exponent.
_SMALLEST_NORMAL = np.uint32(0x38800000)
_REBIAS = np.uint32(0x38000000)
_SUBNORMAL_SHIFT_BASE = np.int32(126)
_LARGEST_SHIFT = np.int32(25)


@kernel
def bfloat16_tile(bits: NDArray[np.uint32], out: NDArray[np.uint16]) -> None:
    """Round finite float32 bit patterns to bfloat16.

    Args:
        bits: u32, shape (n,).
        out: u16, shape (n,).
    """
    for index in range(bits.size):
        word = bits[index]
        even = (word >> uint32(16)) & uint32(1)
        out[index] = uint16((word + uint32(0x7FFF) + even) >> uint32(16))


@inlined
def _float16(word: np.uint32) -> np.uint16:
    magnitude = word & _MAGNITUDE
    # Normal: drop 13 bits; a carry out of the mantissa raises the exponent.
    even = (magnitude >> uint32(13)) & uint32(1)
    normal = (magnitude - _REBIAS + uint32(0xFFF) + even) >> uint32(13)
    # Subnormal: the mantissa in units of 2**-24. From shift 25 on all of it is
    # less than half a unit.
    missing = _SUBNORMAL_SHIFT_BASE - int32(magnitude >> uint32(23))
    shift = uint32(min(max(missing, int32(1)), _LARGEST_SHIFT))
    mantissa = (magnitude & _MANTISSA) | _HIDDEN_BIT
    even = (mantissa >> shift) & uint32(1)
    half = (uint32(1) << (shift - uint32(1))) - uint32(1)
    subnormal = (mantissa + half + even) >> shift
    rounded = normal if magnitude >= _SMALLEST_NORMAL else subnormal
    return uint16(rounded | ((word >> uint32(16)) & _SIGN))


@kernel
def float16_tile(bits: NDArray[np.uint32], out: NDArray[np.uint16]) -> None:
    """Round float32 bit patterns within ±65504 to float16, subnormals included.

    Args:
        bits: u32, shape (n,).
        out: u16, shape (n,).
    """
    for index in range(bits.size):
        out[index] = _float16(bits[index])
