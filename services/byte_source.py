"""What a file is to those who stream it."""

from typing import Protocol


class ByteSource(Protocol):
    """A file whose bytes can be made, any part alone and in any order."""

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole file."""

    def read_into(self, start: int, buffer: memoryview) -> None:
        """Write bytes ``start`` to ``start + len(buffer)`` into ``buffer``.

        Blocking, pure and safe to call from several threads at once.
        """
