"""Small clients that ask again and again over a kept connection, each a process.

Theory of operation: clients that share an interpreter wait for each other, and that
would count as the server's time. Processes begin together, at a moment of the clock
that all can read. Each is told what to do in a line of its input, as JSON, and answers
in a line of its output.
"""

import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass

from benchmarks.children import child_process
from benchmarks.server import Server, server_at

_HEAD_END = b"\r\n\r\n"
_HEAD_BYTES = 2**16
_PARTIAL_CONTENT = b"HTTP/1.1 206 "
_TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Asking:
    """What one client does.

    Attributes:
        url: Of the server.
        path: Of the file.
        file_bytes: Size of the file.
        range_bytes: Size of a range; ranges begin at random multiples of it.
        begin: Time of ``time.monotonic`` at which it begins.
        seconds: For which it goes on.
        seed: Of its random numbers.
    """

    url: str
    path: str
    file_bytes: int
    range_bytes: int
    begin: float
    seconds: float
    seed: int


class RangeReader:
    """Ranges of one file over one connection, into memory that is used again."""

    def __init__(self, server: Server, path: str, *, range_bytes: int) -> None:
        self._head = f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\n"
        self._range_bytes = range_bytes
        self._memory = memoryview(bytearray(_HEAD_BYTES + range_bytes))
        self._connection = socket.create_connection(
            (server.host, server.port), timeout=_TIMEOUT_SECONDS
        )
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self, start: int) -> float:
        """Fetch the range from a byte on; return how long it took, in seconds."""
        asked = f"{self._head}Range: bytes={start}-{start + self._range_bytes - 1}\r\n\r\n"
        began = time.perf_counter()
        self._connection.sendall(asked.encode())
        filled, total = 0, None
        while total is None or filled < total:
            count = self._connection.recv_into(self._memory[filled:])
            if count == 0:
                raise SystemExit("the server closed the connection")
            filled += count
            total = total or self._total_bytes(filled)
        return time.perf_counter() - began

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _total_bytes(self, filled: int) -> int | None:
        """Return the size of the answer with its head, once that is there."""
        received = bytes(self._memory[: min(filled, _HEAD_BYTES)])
        end = received.find(_HEAD_END)
        if end < 0:
            return None
        if not received.startswith(_PARTIAL_CONTENT):
            raise SystemExit(f"the answer was {received[:end]!r}")
        return end + len(_HEAD_END) + self._range_bytes


class Clients:
    """Processes that do what they are told, at once."""

    def __init__(self, processes: Sequence["subprocess.Popen[str]"]) -> None:
        self._processes = processes

    def ask(self, askings: Sequence[Asking]) -> list[float]:
        """Have each client do one thing; return how long all answers took, in seconds."""
        told = self._processes[: len(askings)]
        for process, asking in zip(told, askings, strict=True):
            assert process.stdin is not None
            print(json.dumps(asdict(asking)), file=process.stdin, flush=True)
        times: list[float] = []
        for process in told:
            assert process.stdout is not None
            times += json.loads(process.stdout.readline())
        return times


@contextmanager
def client_processes(count: int) -> Iterator[Clients]:
    """Have so many clients at hand until the block ends."""
    command = [sys.executable, "-m", "benchmarks.clients"]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                child_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(count)
        ]
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()  # it has begun
        yield Clients(processes)


def ask(asking: Asking) -> list[float]:
    """Ask until the time is over; return how long each answer took, in seconds."""
    positions = random.Random(asking.seed)  # noqa: S311 - it chooses ranges
    reader = RangeReader(server_at(asking.url), asking.path, range_bytes=asking.range_bytes)
    ranges = asking.file_bytes // asking.range_bytes
    times = []
    time.sleep(max(0.0, asking.begin - time.monotonic()))
    while time.monotonic() < asking.begin + asking.seconds:
        times.append(reader.read(positions.randrange(ranges) * asking.range_bytes))
    reader.close()
    return times


def main() -> None:
    """Do what the input says, until it ends."""
    print(flush=True)
    for line in sys.stdin:
        print(json.dumps(ask(Asking(**json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
