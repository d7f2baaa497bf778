"""Elements of a distribution, a tile at a time.

Theory of operation: a tile is made in float32 in a small buffer that stays in
the first-level cache, and stored from there in the format asked for; whole tiles
of float32 are made in place. Where a range starts within a block of four words,
the first tile gives up to three elements less, and all others begin with a block.
"""

import numpy as np
from numba import float32, int64, uint64
from numpy.typing import NDArray

from weightbank.kernels.compile import kernel
from weightbank.kernels.normal import normal_tile
from weightbank.kernels.philox import TILE_BLOCKS, TILE_ELEMENTS, Key, tile_words
from weightbank.kernels.rounding import bfloat16_tile, float16_tile
from weightbank.kernels.truncated import clamp_tile, truncate_tile
from weightbank.kernels.uniform import uniform_tile

FLOAT32, FLOAT64, BFLOAT16, FLOAT16 = 0, 1, 2, 3
"""Formats of the elements."""

ITEM_BYTES = (4, 8, 2, 2)
"""Bytes of one element of each format."""

NORMAL, UNIFORM, TRUNCATED = 0, 1, 2
"""Kinds of distribution."""


Draw = tuple[int, float, float, int, int, float, float]
"""A distribution as kernels take it, see ``weightbank.distributions``.

The kind; the float32 std or half width; the float32 mean or middle; and of a
truncated normal, else 0: first rank, number of ranks (up to 2**32), and the
float32 clamps, low and high.
"""


@kernel
def shift_tile(values: NDArray[np.float32], shift: np.float32) -> None:
    """Add ``shift`` to each value, in place."""
    for index in range(values.size):
        values[index] = values[index] + shift


@kernel
def _values_tile(words: NDArray[np.uint32], draw: Draw, values: NDArray[np.float32]) -> None:
    """Write the values of a tile of words, which may be changed."""
    kind, scale, shift, first_rank, ranks, low, high = draw
    if kind == TRUNCATED:
        truncate_tile(words, uint64(first_rank), uint64(ranks))
    if kind == UNIFORM:
        uniform_tile(words, float32(scale), values)
    else:
        normal_tile(words, float32(scale), values)
    # Adding 0 would turn a -0 into +0.
    if shift != 0:
        shift_tile(values, float32(shift))
    if kind == TRUNCATED:
        clamp_tile(values, float32(low), float32(high))


@kernel
def _store(values: NDArray[np.float32], item: int, out: NDArray[np.uint8]) -> None:
    """Write float32 values in a format, as bytes."""
    if item == FLOAT32:
        out.view(np.float32)[:] = values
    elif item == FLOAT64:
        out.view(np.float64)[:] = values
    elif item == BFLOAT16:
        bfloat16_tile(values, out.view(np.uint16))
    else:
        float16_tile(values, out.view(np.uint16))


@kernel
def fill(  # noqa: PLR0917 - numba takes no keywords in good time
    out: NDArray[np.uint8], item: int, first_block: int, skipped: int, key: Key, draw: Draw
) -> None:
    """Write consecutive elements of a distribution.

    Args:
        out: Where to, as bytes: whole elements, aligned as the format needs.
        item: The format of an element.
        first_block: Counter of the first element's block, modulo 2**64, as an i64.
        skipped: Words of that block that come before the first element.
        key: Of the stream.
        draw: The distribution.
    """
    words = np.empty(TILE_ELEMENTS, np.uint32)
    pairs = words.view(np.uint64)
    scratch = np.empty(TILE_ELEMENTS, np.float32)
    item_bytes = ITEM_BYTES[item]
    elements = out.size // item_bytes
    block = uint64(first_block)
    offset = int64(skipped)
    done = int64(0)
    while done < elements:
        tile_words(pairs, block, key)
        count = min(TILE_ELEMENTS - offset, elements - done)
        target = out[done * item_bytes : (done + count) * item_bytes]
        if item == FLOAT32 and count == TILE_ELEMENTS:
            _values_tile(words, draw, target.view(np.float32))
        else:
            _values_tile(words, draw, scratch)
            _store(scratch[offset : offset + count], item, target)
        done += count
        offset = int64(0)
        block += uint64(TILE_BLOCKS)
