"""Memory of the host that a GPU writes to by itself.

Theory of operation: pages that are registered with CUDA stay where they are, so a
copy goes there at the full speed of the bus, without a thread that waits for it.
Copies find out by themselves whether their target is pinned. Registering costs
some milliseconds: it is for buffers that are used again and again.
"""

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Memory = bytearray | memoryview | NDArray[Any]
"""Writable, contiguous memory of the host."""

_FOR_ALL_DEVICES = 1  # cudaHostRegisterPortable


def pin(memory: Memory) -> None:
    """Register a buffer's pages with CUDA, for all devices.

    They stay registered until ``unpin``, which has to come before the memory goes.

    Args:
        memory: At least one byte, not registered yet.

    Raises:
        RuntimeError: If CUDA refuses, or if there is none.
    """
    address, size_bytes = _extent(memory)
    _check(_runtime().cudaHostRegister(address, size_bytes, _FOR_ALL_DEVICES), "pinned")


def unpin(memory: Memory) -> None:
    """Take back what ``pin`` did to the same buffer.

    Raises:
        RuntimeError: If CUDA refuses: the buffer was not pinned, or is in use.
    """
    address, _ = _extent(memory)
    _check(_runtime().cudaHostUnregister(address), "unpinned")


def _extent(memory: Memory) -> tuple[int, int]:
    """Return the address and the size in bytes of a buffer."""
    view = np.frombuffer(memory, np.uint8)
    return view.ctypes.data, view.size


def _runtime() -> Any:
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        raise RuntimeError("there is no CUDA device to pin memory for; accepted: a GPU")
    return torch.cuda.cudart()


def _check(result: Any, action: str) -> None:
    if int(result) != 0:
        raise RuntimeError(f"memory cannot be {action}: CUDA answers with error {int(result)}")
