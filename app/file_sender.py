"""What all answers from files share: places, threads that send, threads that read."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from app.hold import Hold
from app.socket_pump import SocketPump
from services.bounded_executor import BoundedExecutor
from services.errors import OverloadedError, ShuttingDownError

_THREADS = 4


class FileSender:
    """Bounds how many files are sent at once. For one event loop; has to be closed.

    Attributes:
        streams: How many hold a place.
        pump: Sends files to sockets; None where the system cannot.
    """

    def __init__(self, *, limit: int, threads: int = _THREADS) -> None:
        """Start the threads that send.

        Args:
            limit: Most files at once; more are refused.
            threads: That send, and as many that read. They wait for the disk, never
                for a client.
        """
        self.streams = 0
        self.pump = SocketPump(threads=threads) if sys.platform == "linux" else None
        self._limit = limit
        self._is_draining = False
        # A read goes on when its answer has ended, and its place is another's by then.
        self._reads = BoundedExecutor("reads of files", threads=threads, limit=2 * limit)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place.

        Raises:
            ShuttingDownError: If the server is about to end.
            OverloadedError: If all are taken.
        """
        if self._is_draining:
            raise ShuttingDownError
        if self.streams >= self._limit:
            raise OverloadedError("streams of files", limit=self._limit)
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1

    async def read(self, file: int, start: int, stop: int, *, hold: Hold) -> bytes:
        """Return bytes of a file, which are there.

        Args:
            file: A descriptor.
            start: Of the first byte.
            stop: Behind the last byte.
            hold: Of the file.

        Raises:
            OSError: If it cannot be read, or is shorter than that.
        """

        def read() -> bytes:
            if not hold.take():
                return b""  # nobody waits for it any more
            try:
                return _read(file, start, stop)
            finally:
                hold.give_back()

        return await self._reads.run(read)

    def drain(self) -> None:
        """Begin nothing new: the server is about to end."""
        self._is_draining = True

    def close(self) -> None:
        """End the threads. Blocks until they are done; nothing is being sent by then."""
        self._reads.close()
        if self.pump is not None:
            self.pump.close()


def _read(file: int, start: int, stop: int) -> bytes:
    content = os.pread(file, stop - start, start)
    if len(content) != stop - start:
        raise OSError(f"bytes [{start}, {stop}) are not all there, but {len(content)} of them")
    return content
