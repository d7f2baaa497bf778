"""From a tile of float32 to the bytes of a dtype.

Theory of operation: the 16-bit formats are rounded on the bits of float32, to the
nearest and a tie to the even neighbour. A conversion instruction to float16 is
not on every processor, and where it is missing LLVM calls a function that may
not be there either.
"""

from typing import Any

import numpy as np
from numba import int32, uint16, uint32
from numpy.typing import NDArray

from weightbank.kernels.compile import inlined, kernel

_SIGN = np.uint32(0x8000)
_MAGNITUDE = np.uint32(0x7FFFFFFF)
_SMALLEST_NORMAL = np.float32(2**-14)
_REBIAS = np.uint32(0x38000000)
_HALF = np.float32(0.5)
_SUBNORMAL_UNITS = np.float32(2**24)


@kernel
def bfloat16_tile(values: NDArray[np.float32], out: NDArray[np.uint16]) -> None:
    """Round finite float32 to bfloat16.

    Args:
        values: float32, shape (n,).
        out: u16, shape (n,).
    """
    bits = values.view(np.uint32)
    for index in range(bits.size):
        word = bits[index]
        even = uint32((word >> uint32(16)) & uint32(1))
        out[index] = uint16(uint32(word + uint32(0x7FFF) + even) >> uint32(16))


@inlined
def _float16(value: np.float32, word: np.uint32) -> np.uint16:
    magnitude = uint32(word & _MAGNITUDE)
    # Drop 13 bits; a carry out of the mantissa raises the exponent.
    even = uint32((magnitude >> uint32(13)) & uint32(1))
    normal = uint32(uint32(magnitude - _REBIAS + uint32(0xFFF) + even) >> uint32(13))
    # Between 1/2 and 1 the unit of float32 is 2**-24, as that of subnormals: the
    # sum is rounded as they are, and the rest is exact.
    small = min(abs(value), _SMALLEST_NORMAL)
    units: Any = ((small + _HALF) - _HALF) * _SUBNORMAL_UNITS
    subnormal = uint32(int32(units))
    rounded = normal if abs(value) >= _SMALLEST_NORMAL else subnormal
    return uint16(rounded | ((word >> uint32(16)) & _SIGN))


@kernel
def float16_tile(values: NDArray[np.float32], out: NDArray[np.uint16]) -> None:
    """Round float32 within ±65504 to float16, subnormals included.

    Args:
        values: float32, shape (n,).
        out: u16, shape (n,).
    """
    bits = values.view(np.uint32)
    for index in range(values.size):
        out[index] = _float16(values[index], bits[index])
