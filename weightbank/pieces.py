"""Parts of a file as plain values, so that they can be made anywhere.

A piece says all that its bytes depend on. It is small and picklable, knows
nothing of the file it is part of, and means the same in every process: one that
has never seen a spec can make it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from weightbank.distributions import Distribution
from weightbank.dtypes import Dtype
from weightbank.generation import Generator

# Elements that are made aside at a time, where bytes do not align with elements.
_SCRATCH_ELEMENTS = 2**18


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive bytes of one tensor.

    Attributes:
        values: Of the whole tensor.
        dtype: Of the tensor.
        offset: Of the first byte, counted from the tensor's beginning.
        size_bytes: How many.
    """

    values: Distribution
    dtype: Dtype
    offset: int
    size_bytes: int

    @property
    def elements(self) -> tuple[int, int]:
        """The elements that its bytes are of, as a half-open range.

        Examples:
            >>> from weightbank.distributions import Constant
            >>> from weightbank.dtypes import FLOAT32
            >>> Piece(Constant(0.0), FLOAT32, offset=3, size_bytes=6).elements
            (0, 3)
        """
        item_bytes = self.dtype.item_bytes
        return self.offset // item_bytes, -(-(self.offset + self.size_bytes) // item_bytes)


def fill_pieces(
    pieces: Iterable[Piece | bytes], buffer: bytearray | memoryview, generator: Generator
) -> None:
    """Write pieces one after the other.

    Args:
        pieces: Together as long as the buffer; bytes stand for themselves.
        buffer: Writable and contiguous.
        generator: Makes them.

    Examples:
        >>> from weightbank import PreparedTensors, ReferenceBackend
        >>> from weightbank.distributions import Constant
        >>> from weightbank.dtypes import FLOAT32
        >>> generator = Generator(ReferenceBackend(), PreparedTensors())
        >>> buffer = bytearray(6)
        >>> fill_pieces([b"ab", Piece(Constant(1.0), FLOAT32, 0, 4)], buffer, generator)
        >>> buffer.hex()
        '61620000803f'
    """
    view = memoryview(buffer).cast("B")
    at = 0
    for piece in pieces:
        if isinstance(piece, Piece):
            _fill(piece, view[at : at + piece.size_bytes], generator)
            at += piece.size_bytes
        else:
            view[at : at + len(piece)] = piece
            at += len(piece)
    assert at == len(view), (at, len(view))


def _fill(piece: Piece, view: memoryview, generator: Generator) -> None:
    item_bytes, storage = piece.dtype.item_bytes, piece.dtype.storage
    offset = piece.offset
    while view:
        start, skipped = divmod(offset, item_bytes)
        whole = len(view) // item_bytes
        if not skipped and whole:
            out = np.frombuffer(view, storage, whole)
            if out.flags.aligned:
                generator.fill(piece.values, piece.dtype, start, out)
                view, offset = view[whole * item_bytes :], offset + whole * item_bytes
                continue
        written = _fill_unaligned(piece, offset, view, generator)
        view, offset = view[written:], offset + written


def _fill_unaligned(piece: Piece, offset: int, view: memoryview, generator: Generator) -> int:
    """Write bytes that begin or end within elements; return how many were written."""
    item_bytes = piece.dtype.item_bytes
    start, skipped = divmod(offset, item_bytes)
    needed = -(-(skipped + len(view)) // item_bytes)
    scratch = np.empty(min(needed, _SCRATCH_ELEMENTS), piece.dtype.storage)
    generator.fill(piece.values, piece.dtype, start, scratch)
    made = scratch.view(np.uint8).data[skipped : skipped + len(view)]
    view[: len(made)] = made
    return len(made)
