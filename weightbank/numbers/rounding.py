"""From float32 to the 16-bit formats, to nearest even.

bfloat16 has no NumPy type; its values travel as their bit patterns in u16.
"""

import numpy as np
from numpy.typing import NDArray


def to_bfloat16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round finite float32 values to bfloat16 bit patterns.

    Args:
        values: float32, any shape, finite.

    Returns:
        u16 bit patterns of the same shape.

    Examples:
        A tie goes to the even neighbour:

        >>> [hex(v) for v in to_bfloat16(np.array([1.00390625, 1.01171875], np.float32))]
        ['0x3f80', '0x3f82']
    """
    bits = values.view(np.uint32)
    even = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + np.uint32(0x7FFF) + even) >> np.uint32(16)).astype(np.uint16)


def to_float16(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """Round float32 values to float16; subnormal results are kept.

    Args:
        values: float32, any shape, within ±65504.

    Returns:
        float16 of the same shape.
    """
    return values.astype(np.float16)
