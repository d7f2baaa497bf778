"""Philox4x32-10 over consecutive counters.

Theory of operation: each lane takes one counter through all rounds. A product of
two u32 is taken as one u64, because a GPU has one instruction for the whole of it,
and its halves are registers already. Only the lowest word of the counter differs
between lanes, so the products of the first two rounds that do not depend on it
are made once for all: the upper word must then be the same in a whole launch, and
who launches sees to it.
"""

from __future__ import annotations

from weightbank.numbers import philox
from weightbank.triton_kernels.compile import constant, inlined, tl

WORDS_PER_BLOCK = constant(philox.WORDS_PER_BLOCK)
ROUNDS = constant(philox.ROUNDS)
MULTIPLIER0 = constant(philox.MULTIPLIER0)
MULTIPLIER1 = constant(philox.MULTIPLIER1)
WEYL0 = constant(philox.WEYL0)
WEYL1 = constant(philox.WEYL1)


@inlined
def unsigned(bits: tl.tensor) -> tl.tensor:
    """Return the u32 that crossed into a kernel as an i32 of the same bits."""
    return tl.cast(bits, tl.uint32, bitcast=True)


@inlined
def block_words(  # noqa: PLR0917 - Triton's functions take arguments by their place
    x0: tl.tensor, x1: tl.tensor, x2: tl.tensor, x3: tl.tensor, key0: tl.tensor, key1: tl.tensor
) -> tl.tensor:
    """Return the four words of each block.

    Args:
        x0: Lowest word of the counters, u32, shape (n,).
        x1: Second word, of all.
        x2: Third word, of all.
        x3: Fourth word, of all.
        key0: First key word.
        key1: Second key word.

    Returns:
        Four times u32, shape (n,).
    """
    for _ in tl.static_range(ROUNDS):
        product0 = x0.to(tl.uint64) * MULTIPLIER0
        product1 = x2.to(tl.uint64) * MULTIPLIER1
        x0 = (product1 >> 32).to(tl.uint32) ^ x1 ^ key0
        x1 = product1.to(tl.uint32)
        x2 = (product0 >> 32).to(tl.uint32) ^ x3 ^ key1
        x3 = product0.to(tl.uint32)
        key0 = key0 + WEYL0
        key1 = key1 + WEYL1
    return x0, x1, x2, x3


@inlined
def tile_words(  # noqa: PLR0917 - as above
    tile: tl.tensor,
    block: tl.tensor,
    upper: tl.tensor,
    key0: tl.tensor,
    key1: tl.tensor,
    counter2: tl.tensor,
    counter3: tl.tensor,
    tile_blocks: tl.constexpr,
) -> tl.tensor:
    """Return the words of one tile, in the order of their elements.

    Args:
        tile: Its number within the launch, i32.
        block: Lowest word of the first counter of the launch. It does not wrap
            within the blocks that are stored.
        upper: Second word of all counters.
        key0: Of the stream, as are the next three. All these are i32 bits.
        key1: See ``key0``.
        counter2: See ``key0``.
        counter3: See ``key0``.
        tile_blocks: Blocks of a tile.

    Returns:
        u32, shape (4 * tile_blocks,).
    """
    number = tile * tile_blocks + tl.arange(0, tile_blocks)
    w0, w1, w2, w3 = block_words(
        unsigned(number) + unsigned(block),
        unsigned(upper),
        unsigned(counter2),
        unsigned(counter3),
        unsigned(key0),
        unsigned(key1),
    )
    # Word k of a block is at [k // 2, k % 2].
    pairs = tl.join(tl.join(w0, w2), tl.join(w1, w3))
    return tl.reshape(pairs, [tile_blocks * WORDS_PER_BLOCK])
