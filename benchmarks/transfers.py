"""Downloads by curl, which discards what it gets, and what they took."""

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.processes import cpu_seconds, main_thread_seconds
from benchmarks.server import Server

GB = 1e9


@dataclass(frozen=True, slots=True)
class Transfer:
    """Some downloads at once.

    Attributes:
        size_bytes: Of all of them together.
        seconds: From the first one's start to the last one's end.
        server_seconds: Processor time of the server; NaN if its process is not known.
        loop_seconds: The part of it that is its main thread's: our event loop.
        client_seconds: Processor time of the clients.
    """

    size_bytes: int
    seconds: float
    server_seconds: float
    loop_seconds: float
    client_seconds: float

    @property
    def gigabytes_per_second(self) -> float:
        """The rate, of all downloads together."""
        return self.size_bytes / GB / self.seconds


def download(server: Server, path: str, *, connections: int, size_bytes: int) -> Transfer:
    """Fetch a path over several connections at once, and throw the bytes away.

    Raises:
        SystemExit: If an answer is not 200, or not of ``size_bytes``.
    """
    command = [curl(), "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}"]
    server_before, loop_before = cpu_seconds(server.pid), main_thread_seconds(server.pid)
    started = time.perf_counter()
    clients = [
        # Our own words, but for the server's address.
        subprocess.Popen([*command, server.url + path], stdout=subprocess.PIPE, text=True)  # noqa: S603
        for _ in range(connections)
    ]
    client_seconds = sum(_ended(client, size_bytes) for client in clients)
    seconds = time.perf_counter() - started
    server_seconds = cpu_seconds(server.pid) - server_before
    loop_seconds = main_thread_seconds(server.pid) - loop_before
    total_bytes = connections * size_bytes
    return Transfer(total_bytes, seconds, server_seconds, loop_seconds, client_seconds)


def first_byte_seconds(server: Server, path: str) -> float:
    """Return how long a path's first byte takes, its connection's start included."""
    connection = server.connect()
    started = time.perf_counter()
    connection.request("GET", path)
    response = connection.getresponse()
    first = response.read(1)
    seconds = time.perf_counter() - started
    if not first:
        raise SystemExit(f"{path} was answered with {response.status} and no bytes")
    response.close()
    connection.close()
    return seconds


def curl() -> str:
    """Return where curl is."""
    program = shutil.which("curl")
    if program is None:
        raise SystemExit("curl is not installed, and it is the client here; Debian has it as curl")
    return program


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies.

    Examples:
        >>> percentile([4.0, 2.0, 3.0, 1.0], 0.99), percentile([4.0, 2.0, 3.0, 1.0], 0.5)
        (4.0, 3.0)
    """
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def median_of(transfers: Sequence[Transfer], name: str) -> float:
    """Return the median of an attribute that is in seconds, for each GB."""
    values = [getattr(transfer, name) / transfer.size_bytes * GB for transfer in transfers]
    return statistics.median(values)


def _ended(client: "subprocess.Popen[str]", size_bytes: int) -> float:
    """Return the processor time of a client once it has ended well."""
    assert client.stdout is not None
    said = client.stdout.read()
    _, status, usage = os.wait4(client.pid, 0)
    client.returncode = os.waitstatus_to_exitcode(status)
    client.stdout.close()
    if client.returncode != 0 or said.split() != ["200", str(size_bytes)]:
        raise SystemExit(
            f"curl ended with {client.returncode} after {said!r} (status, bytes); "
            f"200 and {size_bytes} bytes were expected"
        )
    return usage.ru_utime + usage.ru_stime
