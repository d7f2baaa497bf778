"""Small ranges beside a stream of 4 TiB, whose client takes whatever it can get.

    python -m benchmarks.fairness

Eight clients ask for ranges again and again, all at once. With a stream beside them
nine share the devices, so that a range takes up to nine times as long as alone; were
chunks made in the order in which they are asked for, small ones would wait behind all
that is made ahead of the large one's client.
"""

import argparse
import math
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.children import child_process
from benchmarks.clients import Asking, Clients, client_processes
from benchmarks.machine import describe_machine
from benchmarks.quiet import Quiet
from benchmarks.server import Server, running_server
from benchmarks.tables import Report, head, number, row
from benchmarks.transfers import GB, curl, percentile
from services.engine import SMALL_READ_BYTES

CLIENTS = 8
SIDE = 2**20
FILE_BYTES = 4 * SIDE**2
"""Of float32: 4 TiB. The file has a header on top."""

CHUNK_BYTES = 2**22
RANGES = {"4 MiB": CHUNK_BYTES, "1 MiB": 2**20, "4 KiB": 2**12}
ALONE_SECONDS = 5
TARGET = 10
"""Times a chunk's time that a small range's p99 may take."""

COLUMN_NAMES = (
    "range",
    "beside",
    "requests",
    "p50 ms",
    "p99 ms",
    "a chunk made meanwhile, ms",
    "p99 / a chunk alone",
    "p99 / a chunk made meanwhile",
    "stream, GB/s",
)

_SETTLE_SECONDS = 0.5
_DEVICE = "cpu"


@dataclass(frozen=True, slots=True)
class Crowd:
    """What clients met that asked together.

    Attributes:
        times: Of all requests, in seconds.
        chunk_seconds: Time that 4 MiB were made in meanwhile, on one lane; NaN if
            nothing was made but small reads.
        stream_rate: Of what was made for others, in GB/s.
    """

    times: list[float]
    chunk_seconds: float
    stream_rate: float


def register(server: Server) -> str:
    """Store the spec of the large file and return its path."""
    layer = {"name": "wte", "type": "Embedding", "num_embeddings": SIDE, "embedding_dim": SIDE}
    return f"{server.register({'layers': [layer]})}?seed=1"


def made(server: Server) -> tuple[float, float]:
    """Return the seconds in which chunks were made so far, and their bytes."""
    return (
        server.metric("weightbank_generation_seconds_sum", device=_DEVICE),
        server.metric("weightbank_generated_bytes_total", device=_DEVICE),
    )


def measure(
    server: Server, clients: Clients, path: str, *, count: int, range_bytes: int, seconds: float
) -> Crowd:
    """Have clients ask for ranges of one size for some seconds."""
    before_seconds, before_bytes = made(server)
    begin = time.monotonic() + _SETTLE_SECONDS
    askings = [
        Asking(server.url, path, FILE_BYTES, range_bytes, begin, seconds, seed)
        for seed in range(count)
    ]
    started = time.perf_counter()
    times = clients.ask(askings)
    elapsed = time.perf_counter() - started
    after_seconds, after_bytes = made(server)
    made_bytes = after_bytes - before_bytes
    own_bytes = len(times) * range_bytes if range_bytes > SMALL_READ_BYTES else 0
    return Crowd(
        times,
        (after_seconds - before_seconds) / made_bytes * CHUNK_BYTES if made_bytes else math.nan,
        (made_bytes - own_bytes) / elapsed / GB,
    )


def line(name: str, beside: str, crowd: Crowd, alone_seconds: float) -> str:
    """Return a line of the table."""
    median, late = percentile(crowd.times, 0.5), percentile(crowd.times, 0.99)
    cells = (
        number(median * 1e3),
        number(late * 1e3),
        number(crowd.chunk_seconds * 1e3),
        number(late / alone_seconds, 1),
        number(late / crowd.chunk_seconds, 1),
        number(crowd.stream_rate) if "stream" in beside else "-",
    )
    return row(name, beside, number(len(crowd.times), 0), *cells)


def lines(server: Server, clients: Clients, quiet: Quiet, *, seconds: float) -> list[str]:
    """Measure everything and return the table's lines."""
    path = register(server)
    found = []
    alone_seconds = math.nan
    for name, range_bytes in RANGES.items():
        by = partial(measure, server, clients, path, range_bytes=range_bytes)
        alone = quiet.measure(partial(by, count=1, seconds=ALONE_SECONDS))
        if range_bytes == CHUNK_BYTES:
            alone_seconds = percentile(alone.times, 0.5)
        found.append(line(name, "nothing", alone, alone_seconds))
        together = partial(by, count=CLIENTS, seconds=seconds)
        crowd = quiet.measure(together)
        found.append(line(name, "seven others", crowd, alone_seconds))
        crowd = quiet.measure(partial(beside_stream, server, path, together))
        found.append(line(name, "seven others and the stream", crowd, alone_seconds))
    return found


def beside_stream(server: Server, path: str, measure_crowd: Callable[[], Crowd]) -> Crowd:
    """Measure while curl reads the whole file and throws it away."""
    command = [curl(), "-sS", "-o", "/dev/null", server.url + path]
    with child_process(command, stderr=subprocess.DEVNULL) as stream:
        time.sleep(_SETTLE_SECONDS)
        crowd = measure_crowd()
        if stream.poll() is not None:
            raise SystemExit(f"the stream ended early: curl returned {stream.returncode}")
    return crowd


def introduction(seconds: float) -> list[str]:
    """Return what stands above the table."""
    text = (
        f"`python -m benchmarks.fairness`: clients that ask for a random range again and again "
        f"over kept connections for {seconds:g} s, one alone, then {CLIENTS}, then {CLIENTS} "
        "beside a stream of 4 TiB that curl throws away. A chunk has 4 MiB. Alone: the median "
        "of a range of 4 MiB from a server that does nothing else. Made meanwhile: by the "
        "server's own clock, in one of its threads, while the clients of the line were at work "
        f"(weightbank_generation_seconds for each 4 MiB). The target is a p99 of at most "
        f"{TARGET} times a chunk's time. {describe_machine()}"
    )
    return ["# Small ranges beside a very large stream", "", text, ""]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument("--dry-run", action="store_true", help="write no results")
    arguments = parser.parse_args()
    quiet = Quiet()
    report = Report("fairness", introduction(arguments.seconds))
    with client_processes(CLIENTS) as clients, running_server() as server:
        report.add(*head(*COLUMN_NAMES), *lines(server, clients, quiet, seconds=arguments.seconds))
    report.add("", str(quiet))
    if not arguments.dry_run:
        report.write()


if __name__ == "__main__":
    main()
