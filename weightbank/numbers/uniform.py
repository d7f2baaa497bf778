"""The uniform distribution on (-1, 1) of a 32-bit word.

Its upper 24 bits give the odd multiples of 2**-24: symmetric, never 0, and 1 is
excluded. Source: docs/numbers.md, "Distributions".
"""

import numpy as np
from numpy.typing import NDArray


def centered_uniform(words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Return one uniform of (-1, 1) for each word.

    Args:
        words: u32, any shape.

    Returns:
        float32 of the same shape, odd multiples of 2**-24.

    Examples:
        >>> centered_uniform(np.array([0, 0x80000000], np.uint32)).tolist()
        [5.960464477539063e-08, -0.9999999403953552]
    """
    odd = 2 * (words.view(np.int32) >> np.int32(8)) + np.int32(1)
    return odd.astype(np.float32) * np.float32(2**-24)
