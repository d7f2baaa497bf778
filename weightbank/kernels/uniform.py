"""The uniform distribution of words, and its scaling, over one tile.

numba widens each integer operation to 64 bits; where that would halve the lanes
of a vector, here and in other kernels, a conversion says that 32 are enough.
"""

import numpy as np
from numba import float32, int32
from numpy.typing import NDArray

from weightbank.kernels.compile import kernel

_UNIT = np.float32(2**-24)


@kernel
def uniform_tile(
    words: NDArray[np.uint32], half_width: np.float32, out: NDArray[np.float32]
) -> None:
    """Write the uniform of (-1, 1) of each word, times ``half_width``.

    Args:
        words: u32, shape (n,).
        half_width: float32.
        out: float32, shape (n,).
    """
    for index in range(words.size):
        # Twice the upper 24 bits, plus 1.
        odd = int32((int32(words[index]) >> int32(7)) | int32(1))
        out[index] = (float32(odd) * _UNIT) * half_width
