"""A client that notes when each part of an answer arrived, and looks at the bytes later."""

import hashlib
import mmap
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.server import Server

_HEAD_END = b"\r\n\r\n"
_READ_BYTES = 2**20
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Gap:
    """Time between two reads that had bytes.

    Attributes:
        start: Of ``time.perf_counter``, as is ``stop``.
        stop: When the later one returned.
    """

    start: float
    stop: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.stop - self.start


class Receiver:
    """Memory for one answer, used again for the next."""

    def __init__(self, size_bytes: int) -> None:
        """Take the memory, and have it written once: page faults would be gaps.

        Args:
            size_bytes: Of the largest answer's body.
        """
        self._memory = memoryview(mmap.mmap(-1, size_bytes))
        for start in range(0, size_bytes, mmap.PAGESIZE):
            self._memory[start] = 1
        self._received_bytes = 0

    def receive(
        self, server: Server, path: str, *, on_bytes: Callable[[int], None]
    ) -> Sequence[Gap]:
        """Read an answer as fast as it comes.

        Args:
            server: That is asked.
            path: For what.
            on_bytes: Called after each read with the bytes so far; its time is the
                reader's.

        Returns:
            The gaps after the first byte.
        """
        address = (server.host, server.port)
        with socket.create_connection(address, timeout=_TIMEOUT_SECONDS) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode()
            )
            filled = self._receive_head(connection)
            times = [time.perf_counter()]
            while count := connection.recv_into(self._memory[filled : filled + _READ_BYTES]):
                times.append(time.perf_counter())
                filled += count
                on_bytes(filled)
        self._received_bytes = filled
        return [Gap(*pair) for pair in pairwise(times)]

    def digest(self) -> str:
        """Return the SHA-256 of the last answer's body."""
        return hashlib.sha256(self._memory[: self._received_bytes]).hexdigest()

    def _receive_head(self, connection: socket.socket) -> int:
        """Read the head, and return how many bytes of the body came with it."""
        received = b""
        while _HEAD_END not in received:
            part = connection.recv(2**12)
            if not part:
                raise SystemExit(f"the server closed the connection after {received!r}")
            received += part
        head, _, body = received.partition(_HEAD_END)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"the answer was {head!r}")
        self._memory[: len(body)] = body
        return len(body)
