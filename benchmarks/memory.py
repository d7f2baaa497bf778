"""What memory a server takes: idle, in a long stream, and with readers that stopped.

    python -m benchmarks.memory

Chunks go into a fixed number of buffers, whatever clients do; so memory has a bound
that the settings say, and a stream of any length takes no more at its end than soon
after its beginning. Pages that were written once stay with the server: they are used
again, and new ones would cost their zeroing.
"""

import argparse
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from benchmarks.children import child_process
from benchmarks.machine import describe_machine
from benchmarks.processes import Memory, memory
from benchmarks.server import Server, running_server
from benchmarks.tables import Report, head, number, row
from benchmarks.transfers import GB, curl

READERS = 64
READ_BYTES = 2**20
COLUMNS = 2**18
READER_FILE_BYTES = 2**40
WARM_UP_BYTES = 2**30
SAMPLE_SECONDS = 1.0
SETTLE_SECONDS = 5.0
SETTINGS = {
    "WEIGHTBANK_LIMIT_STREAMS": str(READERS),
    "WEIGHTBANK_STALL_TIMEOUT_SECONDS": "600",
    "WEIGHTBANK_CHUNK_BYTES": "4MiB",
}
CHUNK_BYTES = 2**22
MB = 1e6


def register(server: Server, size_bytes: int) -> str:
    """Store the spec of one normal matrix and return the path of its file."""
    rows = size_bytes // 4 // COLUMNS
    layer = {"name": "wte", "type": "Embedding", "num_embeddings": rows, "embedding_dim": COLUMNS}
    return f"{server.register({'layers': [layer]})}?seed=1"


def memory_of(server: Server) -> Memory:
    """Return the memory of a server and its children."""
    assert server.pid is not None
    return memory(server.pid)


@contextmanager
def sampled(server: Server) -> Iterator[list[Memory]]:
    """Look at the memory every second, at once and until the block ends."""
    samples: list[Memory] = []
    is_over = threading.Event()

    def sample() -> None:
        samples.append(memory_of(server))
        while not is_over.wait(SAMPLE_SECONDS):
            samples.append(memory_of(server))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        is_over.set()
        thread.join()


def stream(server: Server, size_bytes: int) -> list[Memory]:
    """Have curl read a file and throw it away; return the samples."""
    path = register(server, size_bytes)
    command = [curl(), "-sS", "-f", "-o", "/dev/null", server.url + path]
    with sampled(server) as samples, child_process(command) as client:
        if client.wait() != 0:
            raise SystemExit(f"curl ended with {client.returncode}")
    return samples


def stall(server: Server, path: str) -> socket.socket:
    """Return a connection whose reader has stopped after its first bytes."""
    connection = socket.create_connection((server.host, server.port), timeout=60)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode())
    left = READ_BYTES
    while left:
        received = len(connection.recv(left))
        if not received:
            raise SystemExit("the server closed the connection")
        left -= received
    return connection


@contextmanager
def stalled_readers(server: Server) -> Iterator[None]:
    """Have readers that stopped, until the block ends."""
    path = register(server, READER_FILE_BYTES)
    with ExitStack() as readers:
        for _ in range(READERS):
            readers.enter_context(closing(stall(server, path)))
        time.sleep(SETTLE_SECONDS)
        yield
    time.sleep(SETTLE_SECONDS)


def line(devices: str, when: str, found: Memory) -> str:
    """Return a line of the table, in MB."""
    values = (found.rss, found.pss, found.shmem)
    return row(f"`{devices}`", when, *(number(value / MB, 1) for value in values))


def extreme(samples: Sequence[Memory], choose: Callable[[Iterable[int]], int]) -> Memory:
    """Return the largest or smallest value of each kind."""
    return Memory(
        choose(each.rss for each in samples),
        choose(each.pss for each in samples),
        choose(each.shmem for each in samples),
    )


def difference(one: Memory, other: Memory) -> Memory:
    """Return what one has more than the other."""
    return Memory(one.rss - other.rss, one.pss - other.pss, one.shmem - other.shmem)


def lines(devices: str, gigabytes: float, notes: list[str]) -> Iterator[str]:
    """Yield the table's lines of a server with some devices, and note what it said."""
    with running_server(SETTINGS | {"WEIGHTBANK_DEVICES": devices}) as server:
        yield line(devices, "ready", memory_of(server))
        stream(server, WARM_UP_BYTES)
        time.sleep(SETTLE_SECONDS)
        yield line(devices, "idle after a first stream", memory_of(server))
        started = time.perf_counter()
        samples = stream(server, int(gigabytes * GB))
        seconds = time.perf_counter() - started
        yield line(devices, f"stream of {gigabytes:g} GB: least", extreme(samples, min))
        yield line(devices, f"stream of {gigabytes:g} GB: most", extreme(samples, max))
        change = difference(samples[-1], samples[0])
        yield line(devices, f"stream of {gigabytes:g} GB: last less first", change)
        with stalled_readers(server):
            yield line(devices, f"{READERS} readers that stopped", memory_of(server))
            streams, held = places(server)
        yield line(devices, "after they left", memory_of(server))
        buffers = int(server.metric("weightbank_buffers"))
        allowed = number(buffers * CHUNK_BYTES / MB, 1)
        yield row(
            f"`{devices}`", f"{buffers} buffers of 4 MiB, all the settings allow", *[allowed] * 3
        )
        left_streams, left_held = places(server)
    notes.append(
        f"- `{devices}`: {len(samples)} samples of {seconds:.0f} s. {streams} streams whose "
        f"readers stopped held {held} buffers; when they had left, {left_streams} streams "
        f"held {left_held}."
    )


def places(server: Server) -> tuple[int, int]:
    """Return the streams that hold a place, and the buffers that hold a chunk."""
    free = server.metric("weightbank_buffers_free")
    held = server.metric("weightbank_buffers") - free
    return int(server.metric("weightbank_streams_in_progress")), int(held)


def introduction() -> list[str]:
    """Return what stands above the table."""
    text = (
        "`python -m benchmarks.memory`: MB of the server and its children together, resident "
        "(RSS, what is shared counted in each process), proportional (PSS, what is shared "
        "counted once), and the shared part of RSS. Streams are looked at every second. "
        f"Readers each took 1 MiB of a file of 1 TiB and then no more, and {READERS} streams "
        "are allowed. Pages of buffers that were used once are kept, to be used again. "
        + describe_machine()
    )
    return ["# Memory", "", text, ""]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=50, help="of the long stream")
    parser.add_argument("--devices", nargs="+", default=["cpu", "process:0,process:1"])
    parser.add_argument("--dry-run", action="store_true", help="write no results")
    arguments = parser.parse_args()
    report = Report("memory", introduction())
    report.add(*head("devices", "when", "RSS", "PSS", "shared"))
    notes: list[str] = []
    for devices in arguments.devices:
        for found in lines(devices, arguments.gigabytes, notes):
            report.add(found)
    report.add("", *notes)
    if not arguments.dry_run:
        report.write()


if __name__ == "__main__":
    main()
