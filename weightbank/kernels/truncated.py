"""Words for the truncated normal, and its clamp, over one tile."""

import numpy as np
from numba import uint32, uint64
from numpy.typing import NDArray

from weightbank.kernels.compile import kernel

_32 = np.uint64(32)
_SIGN = np.uint32(0x80000000)


@kernel
def truncate_tile(words: NDArray[np.uint32], first_rank: np.uint64, ranks: np.uint64) -> None:
    """Map words onto those of ``ranks`` ranks from ``first_rank``, in place.

    Args:
        words: u32, shape (n,).
        first_rank: u64 below 2**32.
        ranks: u64 in [1, 2**32]: why it is not a u32.
    """
    for index in range(words.size):
        offset = (uint64(words[index]) * ranks) >> _32
        words[index] = uint32(first_rank + offset) ^ _SIGN


@kernel
def clamp_tile(values: NDArray[np.float32], low: np.float32, high: np.float32) -> None:
    """Put what is outside of [low, high] on its border, in place.

    A value equal to a border becomes the border: a zero takes its sign.

    Args:
        values: float32, shape (n,).
        low: Least value that is kept.
        high: Greatest value that is kept.
    """
    for index in range(values.size):
        values[index] = min(high, max(low, values[index]))
