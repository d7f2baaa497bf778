"""Two hundred clients at once, for two minutes, who ask for everything and misbehave.

    python -m benchmarks.load

Every byte is compared with what the library generates here. The only answer that is not
what was asked for may be a deliberate refusal, 503 with Retry-After; each is counted. The
server's memory, descriptors and threads are looked at every second: what a load needs is
taken in its first half, and the second half may take no more. All buffers of streams are
used before, since what was used once is kept.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.children import child_process
from benchmarks.load_client import ACTIONS, HUGE, LARGE, SMALL, Orders, as_line
from benchmarks.machine import describe_machine
from benchmarks.memory import stall
from benchmarks.processes import memory
from benchmarks.server import Server, running_server
from benchmarks.tables import Report, head, number, row
from benchmarks.transfers import GB, percentile

CLIENTS = 200
SECONDS = 120.0
PROCESSES = 4
MB = 1e6

_SAMPLE_SECONDS = 1.0
_SETTLE_SECONDS = 1.0
_FILL_SECONDS = 5.0
_STREAMS = 32
"""As many as a server has by default."""

_SHARE_OF_ENDS = 6
"""A half's beginning and its end are each a sixth of its samples, taken together."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a server takes at one moment.

    Attributes:
        rss: Resident memory, in bytes.
        descriptors: That are open.
        threads: That there are.
    """

    rss: int
    descriptors: int
    threads: int


@dataclass(slots=True)
class Met:
    """What all clients met together.

    Attributes:
        seconds: Of each kind of request, how long they took.
        refused: Of each kind, how many got 503 with Retry-After.
        errors: The first of what should not have been.
        error_count: How many there were.
        received_bytes: Of bodies.
        samples: Of the server, one a second.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    error_count: int = 0
    received_bytes: int = 0
    samples: list[Sample] = field(default_factory=list)

    def add(self, tally: dict[str, Any]) -> None:
        """Add what one process met."""
        for kind, seconds in tally["seconds"].items():
            self.seconds.setdefault(kind, []).extend(seconds)
        for kind, count in tally["refused"].items():
            self.refused[kind] = self.refused.get(kind, 0) + count
        self.errors += tally["errors"]
        self.error_count += tally["error_count"]
        self.received_bytes += tally["received_bytes"]

    def growth(self, name: str) -> float:
        """Return how much more of something there was at the second half's end than at its start.

        Both are means, since single samples are moments of requests.
        """
        values = [getattr(sample, name) for sample in self.samples]
        half = values[len(values) // 2 :]
        count = max(1, len(half) // _SHARE_OF_ENDS)
        return (sum(half[-count:]) - sum(half[:count])) / count

    def slope(self, name: str) -> float:
        """Return by how much something grows in a minute, over the second half."""
        half = [getattr(sample, name) for sample in self.samples][len(self.samples) // 2 :]
        middle, mean = (len(half) - 1) / 2, sum(half) / len(half)
        spread = sum((at - middle) ** 2 for at in range(len(half)))
        tilt = sum((at - middle) * (value - mean) for at, value in enumerate(half))
        return tilt / spread * 60 / _SAMPLE_SECONDS


def run_load(*, clients: int, seconds: float, processes: int = PROCESSES) -> Met:
    """Let clients ask a server of their own for some time; return what they met."""
    met = Met()
    with ExitStack() as stack:
        server = stack.enter_context(running_server())
        ids = tuple(server.register(spec).rpartition("/")[2] for spec in (SMALL, LARGE, HUGE))
        _use_all_buffers(server, f"/v1/weights/{ids[2]}?seed=1")
        crowd = [stack.enter_context(_client_process()) for _ in range(processes)]
        for process in crowd:
            assert process.stdout is not None
            process.stdout.readline()  # it has generated what it will compare with
        begin = time.monotonic() + _SETTLE_SECONDS
        with _sampled(server, met.samples, until=begin + seconds):
            for number_, process in enumerate(crowd):
                share = clients // processes + (number_ < clients % processes)
                orders = Orders(server.url, ids, share, begin, seconds, number_)  # type: ignore[arg-type]
                print(as_line(orders), file=process.stdin, flush=True)
            for process in crowd:
                assert process.stdout is not None
                met.add(json.loads(process.stdout.readline()))
    return met


def _use_all_buffers(server: Server, path: str) -> None:
    """Have as many streams as there may be, whose readers stop.

    Memory that was used once stays with the server, to be used again. What grows after
    this is something else.
    """
    with ExitStack() as readers:
        for _ in range(_STREAMS):
            readers.enter_context(closing(stall(server, path)))
        time.sleep(_FILL_SECONDS)
    while server.metric("weightbank_streams_in_progress"):
        time.sleep(_SETTLE_SECONDS)


@contextmanager
def _client_process() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "benchmarks.load_client"]
    with child_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin, process.stdout:
            yield process


@contextmanager
def _sampled(server: Server, samples: list[Sample], *, until: float) -> Iterator[None]:
    """Look at a server every second until a moment, or until the block ends."""
    is_over = threading.Event()

    def sample() -> None:
        while not is_over.wait(_SAMPLE_SECONDS) and time.monotonic() < until:
            samples.append(sample_of(server))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def sample_of(server: Server) -> Sample:
    """Return what a server takes now."""
    assert server.pid is not None
    process = Path(f"/proc/{server.pid}")
    descriptors, threads = (len(list((process / name).iterdir())) for name in ("fd", "task"))
    return Sample(memory(server.pid).rss, descriptors, threads)


def lines(met: Met) -> Iterator[str]:
    """Yield the table's lines."""
    yield from head("request", "answered", "503", "p50 ms", "p90 ms", "p99 ms", "most ms")
    for kind in ACTIONS:
        seconds = met.seconds.get(kind, [])
        shares = [percentile(seconds, share) for share in (0.5, 0.9, 0.99, 1.0)] if seconds else []
        cells = [number(value * 1e3, 1) for value in shares]
        yield row(kind, number(len(seconds), 0), number(met.refused.get(kind, 0), 0), *cells)


def notes(met: Met, *, seconds: float) -> Iterator[str]:
    """Yield what else there is to say."""
    count = sum(map(len, met.seconds.values()))
    refused = sum(met.refused.values())
    yield (
        f"- {number(count, 0)} requests answered in {seconds:g} s ({number(count / seconds, 0)} "
        f"a second, {number(met.received_bytes / seconds / GB, 3)} GB/s), "
        f"{number(refused, 0)} refused with 503 and Retry-After, **{met.error_count} errors**."
    )
    rss = [sample.rss / MB for sample in met.samples]
    yield (
        f"- Memory (RSS): {number(min(rss), 0)} to {number(max(rss), 0)} MB; the second half's "
        f"end less its start {number(met.growth('rss') / MB, 1)} MB, its slope "
        f"{number(met.slope('rss') / MB, 1)} MB a minute."
    )
    for name in ("descriptors", "threads"):
        values = [getattr(sample, name) for sample in met.samples]
        yield (
            f"- {name.capitalize()}: {min(values)} to {max(values)}; the second half's end less "
            f"its start {number(met.growth(name), 1)}."
        )
    yield from (f"- Error: {error}" for error in met.errors)


def _explain(clients: int, seconds: float) -> str:
    return (
        f"`python -m benchmarks.load`: {clients} clients in {PROCESSES} processes ask one server "
        f"on the same machine for {seconds:g} s, each one thing after the other: files of 803 KB "
        "and 64 MiB, ranges of up to 4 MiB and of a file of 1 TiB, digests, specs; some read "
        "slowly, leave in the middle, or make mistakes. Every byte is compared with what the "
        "library generates in the clients' processes, which take their part of the processors. "
        f"503 is the server's word for too many streams at once. {describe_machine()}"
    )


def main() -> None:
    """Measure, print, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    met = run_load(clients=given.clients, seconds=given.seconds)
    report = Report("load", ["# Load", "", _explain(given.clients, given.seconds), ""])
    report.add(*lines(met), "", *notes(met, seconds=given.seconds))
    report.write()
    if met.error_count:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
