"""Words for the truncated normal, and its clamp."""

from __future__ import annotations

from weightbank.triton_kernels.compile import constant, inlined, tl

SIGN = constant(0x80000000)


@inlined
def truncated_words(words: tl.tensor, first_rank: tl.tensor, last_offset: tl.tensor) -> tl.tensor:
    """Map words onto those of some ranks.

    Args:
        words: u32, shape (n,).
        first_rank: u32.
        last_offset: Ranks less one, u32: there may be 2**32 of them.

    Returns:
        u32, shape (n,).
    """
    wide = words.to(tl.uint64)
    # w * ranks, of 64 bits, in one multiplication of two u32 and a sum.
    offset = (wide * last_offset + wide) >> 32
    return (offset.to(tl.uint32) + first_rank) ^ SIGN


@inlined
def clamped(values: tl.tensor, low: tl.tensor, high: tl.tensor) -> tl.tensor:
    """Put what is outside of [low, high] on its border.

    A value equal to a border becomes the border: a zero takes its sign. An
    instruction for the minimum or maximum would choose the sign by itself.

    Args:
        values: float32, shape (n,).
        low: Least value that is kept, or -infinity.
        high: Greatest value that is kept, or infinity.
    """
    values = tl.where(values > low, values, low)
    return tl.where(values < high, values, high)
