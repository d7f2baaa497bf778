"""A lock on a directory, among the threads of all processes."""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from services.blobs.partial import try_lock
from services.errors import RetryError

_PAUSE_SECONDS = 0.002


class DirectoryLock:
    """Held by one thread of one process, which may take it again within.

    It goes away with its process, however that ends.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     lock = DirectoryLock(Path(directory) / "lock")
        ...     with lock.held(), lock.held():
        ...         print("alone")
        alone
    """

    def __init__(self, path: Path, *, timeout_seconds: float = 30.0) -> None:
        """Take nothing yet.

        Args:
            path: A file that stands for the directory.
            timeout_seconds: How long to wait for others, who hold it for milliseconds.
        """
        self._path = path
        self._timeout_seconds = timeout_seconds
        self._threads = threading.RLock()
        self._depth = 0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold it.

        Raises:
            RetryError: If others do not let go of it.
        """
        deadline = time.monotonic() + self._timeout_seconds
        if not self._threads.acquire(timeout=self._timeout_seconds):
            raise _taken()
        try:
            with self._of_process(deadline) if self._depth == 0 else contextlib.nullcontext():
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
        finally:
            self._threads.release()

    @contextlib.contextmanager
    def _of_process(self, deadline: float) -> Iterator[None]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            while not try_lock(descriptor, is_exclusive=True):
                if time.monotonic() > deadline:
                    raise _taken()
                time.sleep(_PAUSE_SECONDS)
            yield
        finally:
            # Said, not left to closing: a child that was just forked has it open too.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def _taken() -> RetryError:
    return RetryError("files kept here", "are locked by somebody else", retry_after_seconds=5)
