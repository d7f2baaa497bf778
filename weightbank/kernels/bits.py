"""The few machine instructions that numba has no name for."""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types

from weightbank.kernels.compile import instruction

LANES = 64
"""Words that ``tail_lanes`` looks at."""

_LINE_BYTES = 64
_WORD = ir.IntType(32)
_MASK = ir.IntType(LANES)
_UNDEFINED_FOR_ZERO = ir.Constant(ir.IntType(1), 1)


@instruction
def leading_zeros(_typing: Any, _word: Any) -> Any:
    """Count the zeros above the highest one of a u32 that is not 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], _UNDEFINED_FOR_ZERO)

    return types.uint32(types.uint32), generate


@instruction
def trailing_zeros(_typing: Any, _word: Any) -> Any:
    """Count the zeros below the lowest one of a u64 that is not 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], _UNDEFINED_FOR_ZERO)

    return types.uint64(types.uint64), generate


@instruction
def tail_lanes(_typing: Any, words: Any, _first: Any) -> Any:
    """Return a bit for each of ``LANES`` words from ``first``: is it in the tail?

    Those are the words whose upper byte is 0x7F or 0x80: with 2**24 added they
    lie in [2**31, 2**31 + 2**25).
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        vector = ir.VectorType(_WORD, LANES)
        start = builder.gep(array.data, [arguments[1]])
        loaded = builder.load(builder.bitcast(start, vector.as_pointer()), align=_WORD.width // 8)
        moved = builder.add(loaded, ir.Constant(vector, [1 << 24] * LANES))
        upper = builder.lshr(moved, ir.Constant(vector, [25] * LANES))
        is_tail = builder.icmp_unsigned("==", upper, ir.Constant(vector, [0x40] * LANES))
        return builder.bitcast(is_tail, _MASK)

    return types.uint64(words, types.intp), generate


@instruction
def align_stack(_typing: Any) -> Any:
    """Have the calling kernel begin its stack at a cache line.

    It keeps vectors there that do not fit into registers. Where the stack begins
    depends on what Python did before; if vectors then lie across two lines, a fifth of
    the speed is gone.
    """

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        attributes = builder.function.attributes
        attributes.alignstack = _LINE_BYTES
        attributes.add("nounwind")  # llvmlite writes the one only beside another
        return context.get_dummy_value()

    return types.none(), generate
