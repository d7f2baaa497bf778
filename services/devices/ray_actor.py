"""What makes chunks on the nodes of a Ray cluster.

Its code travels there by value, so that nodes need ``weightbank`` and no server. It
may import nothing of ours but that.
"""

import importlib
import importlib.metadata
import os
import socket
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.algorithm import VERSION
from weightbank.backends.cpu import CpuBackend
from weightbank.generation import Generator
from weightbank.pieces import Piece, fill_pieces
from weightbank.prepared import PreparedTensors

Report = dict[str, Any]
"""What an actor says of itself: ``version``, ``algorithm``, ``host`` and ``pid``."""


class WeightbankActor:
    """Makes one chunk at a time, on the processor or on the GPU that Ray gave it."""

    def __init__(self, *, buffer_bytes: int, has_gpu: bool) -> None:
        self._has_gpu = has_gpu
        # Reused for each chunk: Ray copies it before the next call begins.
        self._buffer = np.empty(buffer_bytes, np.uint8)
        self._generator: Generator | None = None

    def report(self) -> Report:
        """Say who makes the chunks, before anything takes long."""
        return {
            "version": importlib.metadata.version("weightbank"),
            "algorithm": VERSION,
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }

    def warm_up(self) -> None:
        """Make everything ready for work; kernels may have to be compiled for a minute."""
        backend = _gpu_backend(self._buffer) if self._has_gpu else CpuBackend()
        backend.warm_up()
        self._generator = Generator(backend, PreparedTensors())

    def fill(self, pieces: Sequence[Piece], size_bytes: int) -> NDArray[np.uint8]:
        """Return the bytes of pieces, shape (size_bytes,); valid until the next call."""
        assert self._generator is not None
        made = self._buffer[:size_bytes]
        fill_pieces(pieces, made.data, self._generator)
        return made


def _gpu_backend(buffer: NDArray[np.uint8]) -> Any:
    """Return the backend of the one GPU that Ray lets this process see."""
    backend = importlib.import_module("weightbank.backends.triton").TritonBackend("cuda:0")
    importlib.import_module("weightbank.backends.pinned").pin(buffer)
    return backend
