"""Where the machine code of kernels is kept, and where it is found.

Theory of operation: code that this process compiled is kept where numba keeps it:
in ``NUMBA_CACHE_DIR``, beside the source, or in the user's cache directory, and
where none can be written, not at all. To tell whether kept code is stale numba
looks only at the file of its function; but kernels are inlined across files, so
here all of them are looked at.

Besides, an installation may ship code, in the directory ``SHIPPED`` of this
package, made for an instruction set that many processors have. It is only read.
numba's own index is by the exact processor, so that code made on one machine is
never found on another; here shipped code is taken wherever each of its
instructions is there. A processor that lacks one compiles for itself.
"""

import contextlib
import hashlib
import inspect
import pickle
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from numba.core import caching, codegen

from weightbank.kernels.instruction_sets import runs_on

SHIPPED = "machine_code"
"""Directory beside the kernels whose files, numba's own, are there for all processors."""

# numba's types describe none of what follows.
_FunctionCache: Any = caching.FunctionCache
_CompileResultCacheImpl: Any = caching.CompileResultCacheImpl
_IndexDataCacheFile: Any = caching.IndexDataCacheFile
_InTreeCacheLocator: Any = caching.InTreeCacheLocator
_host_features: Any = codegen.get_host_cpu_features
_UNREADABLE = (OSError, EOFError, pickle.UnpicklingError)


def _source_digest() -> str:
    """Return the digest of all that machine code is made from."""
    digest = hashlib.sha256()
    for package in ("weightbank.kernels", "weightbank.numbers"):
        for file in sorted(resources.files(package).iterdir(), key=lambda entry: entry.name):
            if file.name.endswith((".py", ".json")):
                digest.update(file.name.encode("utf-8") + b"\0" + file.read_bytes())
    return digest.hexdigest()


_SOURCE_DIGEST = _source_digest()


class _NeverKept(_InTreeCacheLocator):  # type: ignore[misc] # numba's types do not describe it
    """The last resort: names files beside the source, though none can be written there."""

    def ensure_cache_path(self) -> None:
        """Ask for nothing."""


class _KernelCacheImpl(_CompileResultCacheImpl):  # type: ignore[misc] # as above
    """numba's, but never without a name for its files."""

    _locator_classes = (*_CompileResultCacheImpl._locator_classes, _NeverKept)  # noqa: SLF001


class KernelCache(_FunctionCache):  # type: ignore[misc] # as above
    """numba's cache and what was shipped; stale when any kernel changed, never a reason to fail."""

    _impl_class = _KernelCacheImpl

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = self._file_in(self._cache_path)
        shipped = Path(inspect.getfile(function)).parent / SHIPPED
        self._shipped = self._file_in(str(shipped)) if shipped.is_dir() else None

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return what was compiled for a signature before, or None."""
        try:
            found = super().load_overload(signature, target_context)
        except _UNREADABLE:
            # Cut short: begin a new index, and compile again.
            with contextlib.suppress(OSError):
                self.flush()
            found = None
        if found is None and self._shipped is not None:
            with contextlib.suppress(*_UNREADABLE):
                found = self._load_shipped(signature, target_context)
        return found

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep what was compiled, if that can be done."""
        # A full disk, or one that is no longer writable, costs time, not answers.
        with contextlib.suppress(OSError):
            super().save_overload(signature, compiled)

    def _load_shipped(self, signature: Any, target_context: Any) -> Any:
        """Return shipped code that this processor can run, or None."""
        assert self._shipped is not None
        own = self._index_key(signature, target_context.codegen())
        host = _host_features()
        for key in self._shipped._load_index():  # noqa: SLF001 - numba looks up exact keys only
            made_for, (triple, _, features) = (key[0], key[2]), key[1]
            if made_for == (own[0], own[2]) and triple == own[1][0] and runs_on(features, host):
                data = self._shipped.load(key)
                return data and self._impl.rebuild(target_context, data)
        return None

    def _file_in(self, directory: str) -> Any:
        return _IndexDataCacheFile(
            cache_path=directory,
            filename_base=self._impl.filename_base,
            source_stamp=_SOURCE_DIGEST,
        )
