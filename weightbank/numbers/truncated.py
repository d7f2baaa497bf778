"""The truncated normal: the same map of words, on a part of the ranks.

Theory of operation: the normal of a word is monotone in its rank (the word with
its sign bit flipped), so drawing a rank between those of the two cut-offs draws
exactly the truncated distribution, without rejection: one word an element, as
everywhere. Source: docs/numbers.md, "Distributions".
"""

import numpy as np
from numpy.typing import NDArray

RANKS = 2**32
FEWEST_RANKS = 2**16
"""Fewer ranks than this would show as a coarse grid, and are refused."""


def truncated_words(
    words: NDArray[np.uint32], first_rank: int, stop_rank: int
) -> NDArray[np.uint32]:
    """Map words onto the words whose ranks lie in [first_rank, stop_rank).

    Args:
        words: u32, any shape.
        first_rank: ``rank(alpha)``, in [0, 2**32).
        stop_rank: ``rank(beta)``, in (first_rank, 2**32].

    Returns:
        u32 of the same shape, for ``standard_normal``.

    Examples:
        >>> truncated_words(np.array([0, 2**32 - 1], np.uint32), 0, 2**32).tolist()
        [2147483648, 2147483647]
    """
    span = np.uint64(stop_rank - first_rank)
    offset = (words.astype(np.uint64) * span) >> np.uint64(32)
    rank = np.uint64(first_rank) + offset
    return rank.astype(np.uint32) ^ np.uint32(0x80000000)
