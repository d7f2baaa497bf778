"""A file that arrives as a test says, in place of a blob."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from services.blobs.blob import BlobKey


def open_descriptors() -> set[str]:
    """Those of this process."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


class ArrivingFile:
    """A file all of whose bytes are on disk, of which some are said to be there.

    Attributes:
        content: All of it.
        available_bytes: Said to be there.
        is_verified: Whether all is there and right.
        error: What ended its arrival.
        opened: Blobs that were opened and not closed.
        watched: Callbacks of those that watch.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self.content = content
        self.available_bytes = 0
        self.is_verified = False
        self.error: Exception | None = None
        self.opened = 0
        self.watched: list[Callable[[], None]] = []
        self.lock = threading.Lock()
        self._path = path

    def arrive(self, available_bytes: int) -> None:
        """Let bytes be there, but for what waits for the hash."""
        self.available_bytes = min(available_bytes, len(self.content) - 1)
        self._tell()

    def verify(self) -> None:
        """Let all be there and right."""
        self.available_bytes = len(self.content)
        self.is_verified = True
        self._tell()

    def fail(self, error: Exception) -> None:
        """Let no more come."""
        self.error = error
        self._tell()

    def open(self) -> "ArrivingBlob":
        """Open it once more."""
        return ArrivingBlob(self, os.open(self._path, os.O_RDONLY))

    def truncate(self, size_bytes: int) -> None:
        """Cut the file on disk, behind everybody's back."""
        os.truncate(self._path, size_bytes)

    def _tell(self) -> None:
        with self.lock:
            watched = list(self.watched)
        for callback in watched:
            callback()


class ArrivingBlob:
    """An ``OpenBlob`` of such a file."""

    def __init__(self, file: ArrivingFile, descriptor: int) -> None:
        self.key = BlobKey("sha256:" + "0" * 64, len(file.content))
        self._file = file
        self._descriptor: int | None = descriptor
        with file.lock:
            file.opened += 1

    @property
    def available_bytes(self) -> int:
        """What is said to be there."""
        return self._file.available_bytes

    @property
    def is_verified(self) -> bool:
        """Whether all is there and right."""
        return self._file.is_verified

    @property
    def error(self) -> Exception | None:
        """What ended the arrival."""
        return self._file.error

    def fileno(self) -> int:
        """Its descriptor."""
        assert self._descriptor is not None, "it was closed"
        return self._descriptor

    def wait_beyond(self, offset: int, timeout_seconds: float | None = None) -> int:
        """Nobody here waits in a thread."""
        raise AssertionError(offset, timeout_seconds)

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call it when there is news."""
        with self._file.lock:
            self._file.watched.append(callback)

        def end() -> None:
            with self._file.lock:
                self._file.watched.remove(callback)

        return end

    def close(self) -> None:
        """Close it, once."""
        with self._file.lock:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                self._file.opened -= 1
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
