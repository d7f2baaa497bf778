"""The uniform distribution on (-1, 1) of words."""

from __future__ import annotations

from weightbank.triton_kernels.compile import constant, inlined, tl

UNIT = constant(2.0**-24)


@inlined
def centered_uniform(words: tl.tensor) -> tl.tensor:
    """Return one uniform of (-1, 1) for each word.

    Args:
        words: u32, shape (n,).

    Returns:
        float32, shape (n,), odd multiples of 2**-24.
    """
    # Twice the upper 24 bits, plus 1.
    odd = (words.to(tl.int32, bitcast=True) >> 7) | 1
    return odd.to(tl.float32) * UNIT
