"""How Triton's kernels are compiled, and what may stand in them.

Theory of operation: a kernel must give the same bytes on every GPU, so the
compiler may not contract: ``enable_fp_fusion`` is off, for Triton and for the
assembler behind it, and is passed with every launch because an environment
variable could turn it on. ``/`` is an approximate division in Triton;
``tl.div_rn`` is the one of IEEE 754.

The kernels must also run in Triton's interpreter, whose scalars and constants are
those of Python: so a constant stands right of an operator, never left of it, and
only builtins of ``tl`` are called, not the functions that Triton itself compiles.
Whether they are compiled or interpreted is decided once, when this is imported.

Where Triton is not installed, the modules of kernels can be imported and read.
"""

from collections.abc import Callable, Iterable
from typing import Any

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None
    tl = None

__all__ = ["INTERPRETED", "OPTIONS", "constant", "inlined", "kernel", "tl"]

WARPS = 4
"""Of 32 threads each, in one program of a kernel."""

OPTIONS = {"num_warps": WARPS, "enable_fp_fusion": False, "sanitize_overflow": False}
"""How every kernel is launched. Integers wrap on purpose, also where Triton debugs."""

INTERPRETED = triton is not None and bool(triton.knobs.runtime.interpret)
"""Whether kernels run on the CPU, in Python: ``TRITON_INTERPRET=1`` was set."""


def kernel(
    *, scalars: Iterable[str], anywhere: Iterable[str] = ("out",)
) -> Callable[[Callable[..., Any]], Any]:
    """Make a kernel that is launched, and compiled on its first launch.

    Triton specializes arguments by their values, and would compile a variant for
    integers that are 1, that are multiples of 16, and of each width; and for
    addresses that are multiples of 16. None is wanted: a kernel is compiled once for
    each type of its tensors and each of its constants.

    Args:
        scalars: Names of its arguments that are no pointers and no constants. Each
            is an i32, or has the bits of one.
        anywhere: Names of its pointers that may have any address.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        if triton is None:
            return function
        return triton.jit(
            function,
            do_not_specialize=list(scalars),
            do_not_specialize_on_alignment=list(anywhere),
        )

    return compiled


def inlined(function: Callable[..., Any]) -> Any:
    """Make a function that is compiled into each kernel that calls it."""
    return function if triton is None else triton.jit(function)


def constant(value: float) -> Any:
    """Make a number that kernels may refer to by its name.

    A float is a double with the value of a float32; Triton makes a float32 of it.
    """
    return value if tl is None else tl.constexpr(value)
