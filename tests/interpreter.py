"""Triton's interpreter, in which kernels run where there is no GPU."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

KERNELS = "weightbank.triton_kernels"


@contextmanager
def interpreted_kernels() -> Iterator[None]:
    """Import the kernels anew, interpreted, for what is made within.

    Triton decides where a kernel is defined whether it will be compiled or
    interpreted. A backend that is made within keeps the interpreted kernels; who
    imports them afterwards gets the compiled ones, as if nothing had been.
    """
    # Triton's own functions must be what they are outside, or later imports of it fail.
    importlib.import_module("triton")
    parent: Any = importlib.import_module("weightbank")
    kept = _removed()
    before = os.environ.get("TRITON_INTERPRET")
    os.environ["TRITON_INTERPRET"] = "1"
    try:
        yield
    finally:
        _removed()
        sys.modules.update(kept)
        if KERNELS in kept:
            parent.triton_kernels = kept[KERNELS]
        elif hasattr(parent, "triton_kernels"):
            del parent.triton_kernels
        del os.environ["TRITON_INTERPRET"]
        if before is not None:
            os.environ["TRITON_INTERPRET"] = before


def _removed() -> dict[str, ModuleType]:
    """Have Python forget that the kernels are imported; return what it knew."""
    names = [name for name in sys.modules if name == KERNELS or name.startswith(f"{KERNELS}.")]
    return {name: sys.modules.pop(name) for name in names}
