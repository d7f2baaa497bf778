"""Philox4x32-10, and the words of a stream (Salmon et al. 2011).

Theory of operation: a block cipher on counters. Element i takes word i mod 4 of
the block whose counter is i // 4, so words have no order in which they must be
made. Source: Random123, https://doi.org/10.1145/2063384.2063405.
"""

import numpy as np
from numpy.typing import NDArray

from weightbank.numbers.streams import Stream

ROUNDS = 10
MULTIPLIER0 = 0xD2511F53
MULTIPLIER1 = 0xCD9E8D57
WEYL0 = 0x9E3779B9
WEYL1 = 0xBB67AE85
WORDS_PER_BLOCK = 4

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def philox4x32(
    counters: NDArray[np.uint32], key0: int, key1: int, *, rounds: int = ROUNDS
) -> NDArray[np.uint32]:
    """Encrypt counters.

    Args:
        counters: u32, shape (n, 4).
        key0: First key word.
        key1: Second key word.
        rounds: Ten in algorithm 1.

    Returns:
        u32 words, shape (n, 4).

    Examples:
        >>> [hex(word) for word in philox4x32(np.zeros((1, 4), np.uint32), 0, 0)[0]]
        ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    x0, x1, x2, x3 = (counters[:, column].astype(np.uint64) for column in range(4))
    for number in range(rounds):
        round_key0 = np.uint64((key0 + number * WEYL0) % 2**32)
        round_key1 = np.uint64((key1 + number * WEYL1) % 2**32)
        product0 = x0 * np.uint64(MULTIPLIER0)
        product1 = x2 * np.uint64(MULTIPLIER1)
        x0, x1, x2, x3 = (
            (product1 >> _32) ^ x1 ^ round_key0,
            product1 & _LOW,
            (product0 >> _32) ^ x3 ^ round_key1,
            product0 & _LOW,
        )
    return np.stack([x0, x1, x2, x3], axis=1).astype(np.uint32)


def stream_words(stream: Stream, start: int, stop: int) -> NDArray[np.uint32]:
    """Return the words of elements ``start`` to ``stop`` of a stream.

    Args:
        stream: Of one tensor.
        start: First element, counted over the whole tensor.
        stop: One beyond the last; the counter allows up to 2**66.

    Returns:
        u32, shape (stop - start,).
    """
    first = start // WORDS_PER_BLOCK
    last = -(-stop // WORDS_PER_BLOCK)
    blocks = np.arange(last - first, dtype=np.uint64) + np.uint64(first)
    counters = np.empty((last - first, 4), np.uint32)
    counters[:, 0] = blocks & _LOW
    counters[:, 1] = blocks >> _32
    counters[:, 2] = stream.counter2
    counters[:, 3] = stream.counter3
    words = philox4x32(counters, stream.key0, stream.key1).reshape(-1)
    skipped = start - first * WORDS_PER_BLOCK
    return words[skipped : skipped + stop - start]
