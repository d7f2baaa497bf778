"""What a GPU's worker process makes chunks with.

Theory of operation: the pool's memory is pinned, a buffer at its first use, so that
the GPU writes chunks to where the server sends them from. Each lane has streams of
its own on the device: one's kernels run beside the other's copies. An error of CUDA
may leave the device in no state to go on, so the process ends with it.
"""

import mmap
import sys
import threading
from collections.abc import Sequence

from weightbank.backends.pinned import pin
from weightbank.backends.triton import TritonBackend
from weightbank.generation import Generator
from weightbank.pieces import Piece, fill_pieces
from weightbank.prepared import PreparedTensors


class CudaMaker:
    """Makes chunks on a GPU.

    Attributes:
        survives_errors: False.
    """

    survives_errors = False

    def __init__(self, argument: str) -> None:
        """Take a GPU.

        Args:
            argument: ``cuda:N``; ``cpu`` for Triton's interpreter.
        """
        self._backend = TritonBackend(argument)
        self._generator = Generator(self._backend, PreparedTensors())
        self._lock = threading.Lock()
        self._can_pin = self._backend.device.type == "cuda"
        self._pinned: set[int] = set()

    def start(self, pages: mmap.mmap, *, buffer_bytes: int) -> None:
        """See ``Maker.start``."""
        self._pages = memoryview(pages)
        self._buffer_bytes = buffer_bytes
        self._backend.warm_up()

    def make(self, pieces: Sequence[Piece], out: memoryview, *, buffer: int) -> None:
        """See ``Maker.make``."""
        self._pin(buffer)
        fill_pieces(pieces, out, self._generator)

    def _pin(self, buffer: int) -> None:
        with self._lock:
            if not self._can_pin or buffer in self._pinned:
                return
            start = buffer * self._buffer_bytes
            try:
                pin(self._pages[start : start + self._buffer_bytes])
            except RuntimeError as error:
                # Slower, and right all the same.
                self._can_pin = False
                print(f"{self._backend.device}: {error}", file=sys.stderr)  # noqa: T201
            else:
                self._pinned.add(buffer)
