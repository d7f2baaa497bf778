"""A file that is made here: it gets its name when it is whole and its hash is known."""

import hashlib
import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from services.blobs.blob import BlobKey
from services.blobs.hashing import SHA256
from services.blobs.partial import Partial
from services.blobs.room import Room
from services.blobs.shelf import Shelf
from services.errors import ShuttingDownError
from services.hub.errors import InsufficientStorageError
from weightbank.errors import LimitExceededError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STEP_BYTES = 2**26


class BlobWriter(io.RawIOBase):
    """Takes a file from its beginning to its end, within room and a limit.

    A binary file for one thread, which can only be written.
    """

    def __init__(
        self,
        shelf: Shelf,
        room: Room,
        *,
        size_limit_bytes: int,
        is_stopped: Callable[[], bool],
    ) -> None:
        """Make an empty file, locked so that no other process takes it for abandoned.

        Args:
            shelf: Where the file is.
            room: Makes room for it, as it grows.
            size_limit_bytes: Most it may become.
            is_stopped: Asked before each piece.
        """
        self._shelf = shelf
        self._room = room
        self._size_limit_bytes = size_limit_bytes
        self._is_stopped = is_stopped
        self._reserved_bytes = 0
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        with shelf.locked():
            self.partial = Partial(shelf.unnamed_path(0))
            is_ours = self.partial.try_write_lock()
        assert is_ours, "its name is new"

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def tell(self) -> int:
        """Return how much was written."""
        return self.size_bytes

    def write(self, piece: "ReadableBuffer") -> int:
        """Write a piece at the end, all of it; return how much that was.

        Raises:
            LimitExceededError: If the file becomes too large.
            InsufficientStorageError: If there is no room for it.
            RetryError: If another process has the files locked.
            ShuttingDownError: If the store was closed.
        """
        if self._is_stopped():
            raise ShuttingDownError
        view = memoryview(piece).cast("B")
        self._reserve(self.size_bytes + len(view))
        self._room.append(self.partial, view, size_bytes=self._reserved_bytes)
        self._hash.update(view)
        self.size_bytes += len(view)
        return len(view)

    def publish(self) -> BlobKey:
        """Give the file the name of its hash, unless there is such a file."""
        key = BlobKey(f"{SHA256}:{self._hash.hexdigest()}", self.size_bytes)
        self.partial.sync()
        with self._shelf.locked():
            descriptor = self._shelf.open_kept(key)
            if descriptor is None:
                self._shelf.publish(self.partial, key.hash)
            else:
                os.close(descriptor)
        self._shelf.sync_names(key.hash)
        return key

    def leave(self) -> None:
        """Close the file; remove it unless it was published."""
        self.close()
        try:
            with self._shelf.locked():
                self.partial.unlink()
        finally:
            self.partial.leave()

    def _reserve(self, size_bytes: int) -> None:
        """See to it that there is room for so much."""
        if size_bytes > self._size_limit_bytes:
            raise LimitExceededError(
                "file",
                size_bytes,
                "bytes are too many",
                f"files of at most {self._size_limit_bytes:,} bytes",
            )
        if size_bytes <= self._reserved_bytes:
            return
        try:
            self._reserve_exactly(min(self._size_limit_bytes, size_bytes + _STEP_BYTES))
        except InsufficientStorageError:
            self._reserve_exactly(size_bytes)

    def _reserve_exactly(self, reserved_bytes: int) -> None:
        with self._shelf.locked():
            self.partial.rename(self._shelf.unnamed_path(reserved_bytes))
            self._room.make(reserved_bytes)
        self._reserved_bytes = reserved_bytes
