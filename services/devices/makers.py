"""What a worker process makes chunks with: named in its command line, made there."""

import mmap
from collections.abc import Sequence
from typing import Protocol

from weightbank.backends.cpu import CpuBackend
from weightbank.generation import Generator
from weightbank.pieces import Piece, fill_pieces
from weightbank.prepared import PreparedTensors


class Maker(Protocol):
    """Makes chunks in a worker process; each lane has a thread of its own.

    Attributes:
        survives_errors: Whether it can go on after a chunk that failed. Otherwise its
            process ends, and a new one begins.
    """

    survives_errors: bool

    def start(self, pages: mmap.mmap, *, buffer_bytes: int) -> None:
        """Make everything ready for work.

        Args:
            pages: Where all chunks go, a buffer each.
            buffer_bytes: Of one buffer.
        """

    def make(self, pieces: Sequence[Piece], out: memoryview, *, buffer: int) -> None:
        """Write a chunk; several threads call at once.

        Args:
            pieces: What it is made of.
            out: Where its bytes go, the beginning of a buffer.
            buffer: Number of that buffer in the pages.
        """


class CpuMaker:
    """Makes chunks on the processor.

    Attributes:
        survives_errors: True.
    """

    survives_errors = True

    def __init__(self, argument: str) -> None:
        del argument
        self._backend = CpuBackend()
        self._generator = Generator(self._backend, PreparedTensors())

    def start(self, pages: mmap.mmap, *, buffer_bytes: int) -> None:
        """See ``Maker.start``."""
        del pages, buffer_bytes
        self._backend.warm_up()

    def make(self, pieces: Sequence[Piece], out: memoryview, *, buffer: int) -> None:
        """See ``Maker.make``."""
        del buffer
        fill_pieces(pieces, out, self._generator)
