"""From float32 to the elements of a tensor.

Theory of operation: GPUs widen to float64 and round to float16, to nearest even
and with subnormals, in one instruction. bfloat16 is rounded on the bits of float32,
as on a CPU, because Triton's interpreter, in which the kernels are tested, cuts its
bits off; its tensors are given to kernels as i16.
"""

from __future__ import annotations

from weightbank.triton_kernels.compile import constant, inlined, tl

BELOW_HALF = constant(0x7FFF)


@inlined
def rounded(values: tl.tensor, element: tl.constexpr) -> tl.tensor:
    """Return finite float32 values as the elements of a tensor.

    Args:
        values: float32, shape (n,).
        element: Type of the elements: float32, float64, float16, or int16 for the
            bits of bfloat16.

    Returns:
        Of the element's type, shape (n,).
    """
    if element == tl.int16:
        bits = values.to(tl.uint32, bitcast=True)
        even = (bits >> 16) & 1
        return ((bits + BELOW_HALF + even) >> 16).to(tl.uint16).to(tl.int16, bitcast=True)
    else:  # noqa: RET505 - Triton compiles only the branch that a constant chooses
        return values.to(element)
