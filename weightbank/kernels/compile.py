"""How kernels are compiled, and where their machine code is kept.

Theory of operation: a kernel must give the same bytes on every processor, so the
compiler may neither contract nor reorder a float32 operation: ``fastmath`` stays
off, and LLVM then fuses nothing by itself. Machine code is kept beside the
source, or in the user's cache directory, or, where neither can be written, not at
all. To tell whether kept code is stale numba looks only at the file of its
function; but kernels are inlined across files, so here all of them are looked at.
"""

import contextlib
import hashlib
import pickle
from collections.abc import Callable
from importlib import resources
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core import caching
from numba.extending import intrinsic

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": False, "boundscheck": False}
# numba's types describe none of what follows.
_njit: Any = numba.njit
_intrinsic: Any = intrinsic
_FunctionCache: Any = caching.FunctionCache
_IndexDataCacheFile: Any = caching.IndexDataCacheFile


def kernel(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Compile a function on its first call, and keep the machine code.

    It releases the GIL, and may be called from several threads at once.
    """
    compiled = _njit(**_OPTIONS)(function)
    # RuntimeError: no directory can be written, and each process compiles anew.
    with contextlib.suppress(RuntimeError):
        compiled._cache = _KernelCache(function)  # noqa: SLF001 - as enable_caching() does
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


def _source_digest() -> str:
    """Return the digest of all that machine code is made from."""
    digest = hashlib.sha256()
    for package in ("weightbank.kernels", "weightbank.numbers"):
        for file in sorted(resources.files(package).iterdir(), key=lambda entry: entry.name):
            if file.name.endswith((".py", ".json")):
                digest.update(file.name.encode("utf-8") + b"\0" + file.read_bytes())
    return digest.hexdigest()


_SOURCE_DIGEST = _source_digest()


class _KernelCache(_FunctionCache):  # type: ignore[misc] # numba's types do not describe it
    """numba's cache, stale when any kernel changed, and never a reason to fail."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _IndexDataCacheFile(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=_SOURCE_DIGEST,
        )

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(signature, target_context)
        except (OSError, EOFError, pickle.UnpicklingError):
            # Unreadable or cut short: begin a new index, and compile again.
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        # A full disk, or one that is no longer writable, costs time, not answers.
        with contextlib.suppress(OSError):
            super().save_overload(signature, compiled)
