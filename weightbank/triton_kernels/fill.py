"""The kernels that fill a tensor.

Theory of operation: a program makes one tile, and tiles begin with a block of four
words. Where the tensor does too, and its address is a multiple of 16 bytes, whole
tiles are stored without a mask, in the widest stores there are; otherwise each
element is stored by itself, under a mask. So each kernel is compiled at most twice
for a kind and a dtype.
"""

from __future__ import annotations

from weightbank.triton_kernels.compile import constant, inlined, kernel, tl
from weightbank.triton_kernels.normal import standard_normal
from weightbank.triton_kernels.philox import WORDS_PER_BLOCK, tile_words, unsigned
from weightbank.triton_kernels.rounding import rounded
from weightbank.triton_kernels.truncated import clamped, truncated_words
from weightbank.triton_kernels.uniform import centered_uniform

NORMAL = constant(0)
UNIFORM = constant(1)
TRUNCATED = constant(2)

STORE_BYTES = constant(16)
"""The widest store there is."""

POSITION = ("count", "skipped", "block", "upper", "key0", "key1", "counter2", "counter3")
"""Scalars that say which words are made, and where they go."""

VALUES = ("scale", "shift", "first_rank", "last_offset", "low", "high")
"""Scalars that say what is made of the words."""


@inlined
def _float32(bits: tl.tensor) -> tl.tensor:
    """Return the float32 that crossed as an i32 of the same bits."""
    return tl.cast(bits, tl.float32, bitcast=True)


@inlined
def _store(  # noqa: PLR0917 - Triton's functions take arguments by their place
    out: tl.tensor,
    values: tl.tensor,
    tile: tl.tensor,
    count: tl.tensor,
    skipped: tl.tensor,
    tile_elements: tl.constexpr,
    aligned: tl.constexpr,
) -> None:
    """Store the values of a tile, less those that lie outside of the tensor."""
    first = tile * tile_elements
    lane = tl.arange(0, tile_elements)
    if aligned:
        places = tl.multiple_of(out + first + lane, [STORE_BYTES])
        if count - first >= tile_elements:
            tl.store(places, values)
        else:
            tl.store(places, values, mask=lane < count - first)
    else:
        place = lane + (first - skipped)
        tl.store(out + place, values, mask=(place >= 0) & (place < count))


@kernel(scalars=POSITION + VALUES)
def fill(  # noqa: PLR0917 - a launch takes arguments by their place
    out: tl.tensor,
    tail: tl.tensor,
    count: tl.tensor,
    skipped: tl.tensor,
    block: tl.tensor,
    upper: tl.tensor,
    key0: tl.tensor,
    key1: tl.tensor,
    counter2: tl.tensor,
    counter3: tl.tensor,
    scale: tl.tensor,
    shift: tl.tensor,
    first_rank: tl.tensor,
    last_offset: tl.tensor,
    low: tl.tensor,
    high: tl.tensor,
    kind: tl.constexpr,
    tile_blocks: tl.constexpr,
    aligned: tl.constexpr,
) -> None:
    """Write consecutive elements of a distribution.

    Args:
        out: Pointer to elements; bfloat16 as int16.
        tail: Pointer to the coefficients of ``normal.tail_table``.
        count: Elements to write.
        skipped: Words of the first block that come before the first element.
        block: Lowest word of the first block's counter; it must not wrap.
        upper: Second word of all counters.
        key0: First key word of the stream.
        key1: Second key word.
        counter2: Third counter word.
        counter3: Fourth counter word.
        scale: float32 std or half width.
        shift: float32 mean or middle.
        first_rank: Of a truncated normal, as are the next three.
        last_offset: Number of its ranks, less one.
        low: float32 clamp; infinite for none.
        high: float32 clamp; infinite for none.
        kind: NORMAL, UNIFORM or TRUNCATED.
        tile_blocks: Blocks of words that one program makes.
        aligned: Whether nothing is skipped, and ``out`` is a multiple of 16 bytes.
    """
    tile = tl.program_id(0)
    words = tile_words(tile, block, upper, key0, key1, counter2, counter3, tile_blocks)
    if kind == UNIFORM:
        x = centered_uniform(words) * _float32(scale)
    else:
        if kind == TRUNCATED:
            words = truncated_words(words, unsigned(first_rank), unsigned(last_offset))
        x = standard_normal(words, tail) * _float32(scale)
    # Adding 0 would turn a -0 into +0.
    x = tl.where(_float32(shift) != 0.0, x + _float32(shift), x)
    if kind == TRUNCATED:
        x = clamped(x, _float32(low), _float32(high))
    elements = rounded(x, out.dtype.element_ty)
    _store(out, elements, tile, count, skipped, tile_blocks * WORDS_PER_BLOCK, aligned)


@kernel(scalars=POSITION)
def fill_words(  # noqa: PLR0917 - a launch takes arguments by their place
    out: tl.tensor,
    count: tl.tensor,
    skipped: tl.tensor,
    block: tl.tensor,
    upper: tl.tensor,
    key0: tl.tensor,
    key1: tl.tensor,
    counter2: tl.tensor,
    counter3: tl.tensor,
    tile_blocks: tl.constexpr,
    aligned: tl.constexpr,
) -> None:
    """Write consecutive words of a stream; ``out`` is int32, the rest as in ``fill``."""
    tile = tl.program_id(0)
    words = tile_words(tile, block, upper, key0, key1, counter2, counter3, tile_blocks)
    elements = words.to(tl.int32, bitcast=True)
    _store(out, elements, tile, count, skipped, tile_blocks * WORDS_PER_BLOCK, aligned)


@kernel(scalars=["count"], anywhere=["words", "out"])
def map_words(
    words: tl.tensor, tail: tl.tensor, out: tl.tensor, count: tl.tensor, tile_elements: tl.constexpr
) -> None:
    """Write the standard normal of each of some words, which are int32."""
    place = tl.program_id(0) * tile_elements + tl.arange(0, tile_elements)
    given = tl.load(words + place, mask=place < count, other=0)
    normals = standard_normal(given.to(tl.uint32, bitcast=True), tail)
    tl.store(out + place, normals, mask=place < count)
