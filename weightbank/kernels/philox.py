"""Philox4x32-10 over consecutive counters.

Theory of operation: all state is kept in 64-bit lanes of which the lower halves
count, because the multiplication of two such lanes (vpmuludq) reads just those
and gives the whole product. The upper half of a product is its shift; the lower
half needs no mask, since the next multiplication takes only that. What else ends
up in upper halves is cut off where words are stored, two to a lane.

Ten rounds are one long chain in which each step waits for the one before: both
halves of a tile are taken through them side by side, to fill the time. Two chains
and their constants fit into the sixteen vector registers of AVX2; four did not, and
what was spilt cost more than they gained.
"""

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from weightbank.kernels.bits import align_stack
from weightbank.kernels.compile import inlined, kernel
from weightbank.numbers import philox

TILE_ELEMENTS = 1024
"""Elements made at a time: words and values stay in the first-level cache."""

TILE_BLOCKS = TILE_ELEMENTS // philox.WORDS_PER_BLOCK

WORDS_PER_BLOCK = philox.WORDS_PER_BLOCK
_HALF = TILE_BLOCKS // 2
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

Lanes = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
TwoLanes = tuple[Lanes, Lanes]


@inlined
def _counter(block: np.uint64, key: Key) -> Lanes:
    return block & _LOW, block >> _32, uint64(key[2]), uint64(key[3])


@inlined
def _round(x: Lanes, key0: np.uint64, key1: np.uint64) -> Lanes:
    product0 = (x[0] & _LOW) * _MULTIPLIER0
    product1 = (x[2] & _LOW) * _MULTIPLIER1
    return (product1 >> _32) ^ (x[1] ^ key0), product1, (product0 >> _32) ^ (x[3] ^ key1), product0


@inlined
def _round_of_two(x: TwoLanes, key0: np.uint64, key1: np.uint64, index: int) -> TwoLanes:
    round0 = (key0 + uint64(index) * _WEYL0) & _LOW
    round1 = (key1 + uint64(index) * _WEYL1) & _LOW
    return _round(x[0], round0, round1), _round(x[1], round0, round1)


@inlined
def _last_round(
    pairs: NDArray[np.uint64], number: int, x: Lanes, key0: np.uint64, key1: np.uint64
) -> None:
    """Write a block's words, two to a lane.

    A product with its halves exchanged is (upper, lower), and upper is still to be
    mixed.
    """
    product0 = (x[0] & _LOW) * _MULTIPLIER0
    product1 = (x[2] & _LOW) * _MULTIPLIER1
    pairs[2 * number] = ((product1 >> _32) | (product1 << _32)) ^ ((x[1] ^ key0) & _LOW)
    pairs[2 * number + 1] = ((product0 >> _32) | (product0 << _32)) ^ ((x[3] ^ key1) & _LOW)


@kernel
def tile_words(pairs: NDArray[np.uint64], first_block: np.uint64, key: Key) -> None:
    """Write the words of ``TILE_BLOCKS`` blocks.

    Args:
        pairs: u64, shape (TILE_ELEMENTS // 2,): little-endian pairs of words.
        first_block: Counter of the first block, modulo 2**64.
        key: Of the stream.
    """
    align_stack()
    key0 = uint64(key[0])
    key1 = uint64(key[1])
    last0 = (key0 + uint64(_LAST_ROUND) * _WEYL0) & _LOW
    last1 = (key1 + uint64(_LAST_ROUND) * _WEYL1) & _LOW
    for n in range(_HALF):
        x = (
            _counter(first_block + uint64(n), key),
            _counter(first_block + uint64(n + _HALF), key),
        )
        # Written out, because LLVM does not vectorise a loop around this loop.
        x = _round_of_two(x, key0, key1, 0)
        x = _round_of_two(x, key0, key1, 1)
        x = _round_of_two(x, key0, key1, 2)
        x = _round_of_two(x, key0, key1, 3)
        x = _round_of_two(x, key0, key1, 4)
        x = _round_of_two(x, key0, key1, 5)
        x = _round_of_two(x, key0, key1, 6)
        x = _round_of_two(x, key0, key1, 7)
        x = _round_of_two(x, key0, key1, 8)
        _last_round(pairs, n, x[0], last0, last1)
        _last_round(pairs, n + _HALF, x[1], last0, last1)


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
