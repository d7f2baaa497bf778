"""Philox4x32-10 over consecutive counters.

Theory of operation: all state is kept in 64-bit lanes of which the lower halves
count, because the multiplication of two such lanes (vpmuludq) reads just those
and gives the whole product. The upper half of a product is its shift; the lower
half needs no mask, since the next multiplication takes only that. What else ends
up in upper halves is cut off where words are stored, two to a lane.
"""

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from weightbank.kernels.compile import kernel
from weightbank.numbers import philox

TILE_ELEMENTS = 1024
"""Elements made at a time: words and values stay in the first-level cache."""

TILE_BLOCKS = TILE_ELEMENTS // philox.WORDS_PER_BLOCK

WORDS_PER_BLOCK = philox.WORDS_PER_BLOCK
_LAST_ROUND = philox.ROUNDS - 1
_MULTIPLIER0 = np.uint64(philox.MULTIPLIER0)
_MULTIPLIER1 = np.uint64(philox.MULTIPLIER1)
_WEYL0 = np.uint64(philox.WEYL0)
_WEYL1 = np.uint64(philox.WEYL1)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


Key = tuple[int, int, int, int]
"""A stream as kernels take it: key0, key1, counter2, counter3.

A plain tuple, because numba takes a microsecond longer to look at a named one.
"""


@kernel
def tile_words(pairs: NDArray[np.uint64], first_block: np.uint64, key: Key) -> None:
    """Write the words of ``TILE_BLOCKS`` blocks.

    Args:
        pairs: u64, shape (TILE_ELEMENTS // 2,): little-endian pairs of words.
        first_block: Counter of the first block.
        key: Of the stream.
    """
    key0, key1 = uint64(key[0]), uint64(key[1])
    for number in range(TILE_BLOCKS):
        block = first_block + uint64(number)
        x0 = block & _LOW
        x1 = block >> _32
        x2 = uint64(key[2])
        x3 = uint64(key[3])
        for index in range(_LAST_ROUND):
            product0 = (x0 & _LOW) * _MULTIPLIER0
            product1 = (x2 & _LOW) * _MULTIPLIER1
            x0 = (product1 >> _32) ^ (x1 ^ ((key0 + uint64(index) * _WEYL0) & _LOW))
            x1 = product1
            x2 = (product0 >> _32) ^ (x3 ^ ((key1 + uint64(index) * _WEYL1) & _LOW))
            x3 = product0
        # The last round makes two words a lane: a product with its halves
        # exchanged is (upper, lower), of which upper is still to be mixed.
        product0 = (x0 & _LOW) * _MULTIPLIER0
        product1 = (x2 & _LOW) * _MULTIPLIER1
        mixed0 = (x1 ^ (key0 + uint64(_LAST_ROUND) * _WEYL0)) & _LOW
        mixed1 = (x3 ^ (key1 + uint64(_LAST_ROUND) * _WEYL1)) & _LOW
        pairs[2 * number] = ((product1 >> _32) | (product1 << _32)) ^ mixed0
        pairs[2 * number + 1] = ((product0 >> _32) | (product0 << _32)) ^ mixed1


@kernel
def stream_words(out: NDArray[np.uint32], first_block: int, skipped: int, key: Key) -> None:
    """Write consecutive words of a stream.

    Args:
        out: u32, shape (n,).
        first_block: Counter of the first word's block, modulo 2**64, as an i64.
        skipped: Words of that block that come before the first.
        key: Of the stream.
    """
    words = np.empty(TILE_ELEMENTS, np.uint32)
    pairs = words.view(np.uint64)
    block = uint64(first_block)
    offset = int64(skipped)
    done = int64(0)
    while done < out.size:
        tile_words(pairs, block, key)
        count = min(TILE_ELEMENTS - offset, out.size - done)
        out[done : done + count] = words[offset : offset + count]
        done += count
        offset = int64(0)
        block += uint64(TILE_BLOCKS)
