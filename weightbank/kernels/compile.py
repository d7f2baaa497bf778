"""How kernels are compiled.

Theory of operation: a kernel must give the same bytes on every processor, so the
compiler may neither contract nor reorder a float32 operation: ``fastmath`` stays
off, and LLVM then fuses nothing by itself, whatever instruction set it compiles for.
"""

import contextlib
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba
from numba.extending import intrinsic

from weightbank.kernels.machine_code import KernelCache

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": False, "boundscheck": False}
# numba's types describe none of what follows.
_njit: Any = numba.njit
_intrinsic: Any = intrinsic


def kernel(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Compile a function on its first call, and keep the machine code.

    It releases the GIL, and may be called from several threads at once.
    """
    compiled = _njit(**_OPTIONS)(function)
    # RuntimeError: it comes from no file, and each process compiles anew.
    with contextlib.suppress(RuntimeError):
        compiled._cache = KernelCache(function)  # noqa: SLF001 - as enable_caching() does
    typed: Callable[_Arguments, _Result] = compiled
    return typed


def inlined(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Compile a function into each kernel that calls it."""
    typed: Callable[_Arguments, _Result] = _njit(**_OPTIONS, forceinline=True)(function)
    return typed


def instruction(generator: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function for kernels out of what generates its LLVM instructions."""
    typed: Callable[..., Any] = _intrinsic(generator)
    return typed
