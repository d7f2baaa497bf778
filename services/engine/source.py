"""What a file is to those who make it."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from weightbank.pieces import Piece
from weightbank.prepared import Flight


class ByteSource(Protocol):
    """A file whose bytes can be made, any part alone and in any order.

    Every method is safe to call from several threads at once.
    """

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole file."""

    def read_into(self, start: int, buffer: memoryview) -> None:
        """Write bytes ``start`` to ``start + len(buffer)`` into ``buffer``.

        Blocking and pure.
        """

    def pieces(self, start: int, stop: int) -> Iterable[Piece | bytes]:
        """Return what these bytes are made of, for another process to make them."""

    def wholes(self, start: int, stop: int) -> Sequence[Flight]:
        """Join the making of what must be there whole before these bytes are read.

        Returns:
            Places in flights, done or not, to be left by the caller; while it holds
            them, ``read_into`` waits for nothing that is done.
        """
