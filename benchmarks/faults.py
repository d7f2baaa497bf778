"""Workers that are killed, or made to hang, while they make a stream.

    python -m benchmarks.faults

A client reads 1 GiB as fast as it comes. Every few chunks a worker that is up gets
SIGKILL, or SIGSTOP; the server makes the chunks that it had elsewhere, and starts it
again. The bytes have to be those of an undisturbed stream. What a fault costs is the
longest gap between two reads that has a part within a second after it, less the median
gap of undisturbed streams.
"""

import argparse
import hashlib
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import weightbank
from benchmarks.havoc import CHUNKS_BETWEEN, HANG, KILL, LAST_SHARE, Fault, Havoc, Kind
from benchmarks.machine import describe_machine
from benchmarks.quiet import Quiet, wait_until_quiet
from benchmarks.receiver import Gap, Receiver
from benchmarks.server import Server, running_server
from benchmarks.tables import Report, head, number, row
from benchmarks.transfers import percentile
from benchmarks.workers import Workers

COLUMNS = 2**13
SIZE_BYTES = 2**30
SPEC: dict[str, Any] = {
    "layers": [
        {
            "name": "wte",
            "type": "Embedding",
            "num_embeddings": SIZE_BYTES // 4 // COLUMNS,
            "embedding_dim": COLUMNS,
        }
    ]
}
WINDOW_SECONDS = 1.0
UNDISTURBED_STREAMS = 5
DEVICES = ("process:0,process:1", "process:0")
COLUMN_NAMES = (
    "devices",
    "fault",
    "streams",
    "faults",
    "with a chunk in flight",
    "chunks made again",
    "median gap, ms",
    "longest gap, ms",
    "cost p50, ms",
    "cost p90, ms",
    "cost max, ms",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of all streams with one kind of fault.

    Attributes:
        streams: How many there were.
        faults: In all of them.
        costs: Of those faults that hit a chunk in flight, in seconds.
        retries: Chunks that were made again for the fault's reason.
    """

    streams: int
    faults: int
    costs: Sequence[float]
    retries: float


class Disturbed:
    """A server, what reads from it, and what it has to say."""

    def __init__(self, server: Server, workers: Workers) -> None:
        self._server = server
        self._workers = workers
        self._path = f"{server.register(SPEC)}?seed=1"
        file = weightbank.weights(SPEC, seed=1)
        self._receiver = Receiver(file.size_bytes)
        digest = hashlib.sha256()
        for chunk in file.chunks():
            digest.update(chunk)
        self._digest = digest.hexdigest()

    def receive(self, on_bytes: Callable[[int], None]) -> Sequence[Gap]:
        """Return the gaps of a stream, whose bytes are those of the library."""
        gaps = self._receiver.receive(self._server, self._path, on_bytes=on_bytes)
        if self._receiver.digest() != self._digest:
            raise SystemExit("the stream's bytes are not the library's")
        return gaps

    def undisturbed(self) -> tuple[float, float]:
        """Return the median gap, and the median of the longest gaps of streams."""
        quiet = Quiet()
        streams = [
            quiet.measure(partial(self.receive, _nothing)) for _ in range(UNDISTURBED_STREAMS)
        ]
        seconds = [[gap.seconds for gap in gaps] for gaps in streams]
        return statistics.median(chain.from_iterable(seconds)), statistics.median(map(max, seconds))

    def disturb(self, kind: Kind, *, faults: int, usual: float, seed: int) -> Outcome:
        """Receive streams until there were so many faults.

        Args:
            kind: Of the faults.
            faults: At least so many.
            usual: The median gap where nothing is disturbed.
            seed: Of the moments and workers.
        """
        havoc = Havoc(kind, self._workers, SIZE_BYTES, random.Random(seed))  # noqa: S311 - it chooses moments
        before = self._server.metric("weightbank_retries_total", reason=kind.reason)
        costs: list[float] = []
        streams = count = 0
        while count < faults:
            wait_until_quiet()
            havoc.begin()
            gaps = self.receive(havoc.on_bytes)
            havoc.end()
            streams, count = streams + 1, count + len(havoc.faults)
            costs += [longest_gap(gaps, fault) - usual for fault in havoc.in_flight()]
        after = self._server.metric("weightbank_retries_total", reason=kind.reason)
        return Outcome(streams, count, costs, after - before)


def longest_gap(gaps: Sequence[Gap], fault: Fault) -> float:
    """Return the longest gap of those that have a part within a second after a fault."""
    end = fault.seconds + WINDOW_SECONDS
    return max(gap.seconds for gap in gaps if gap.stop > fault.seconds and gap.start < end)


def lines(devices: str, *, kills: int, hangs: int, seed: int) -> Iterator[str]:
    """Yield the table's lines of a server with some devices."""
    workers = Workers(devices.split(","))
    settings = {"WEIGHTBANK_DEVICES": devices}
    with running_server(settings, on_line=workers.on_line) as server:
        assert server.pid is not None
        workers.attach(server.pid)
        disturbed = Disturbed(server, workers)
        usual, longest = disturbed.undisturbed()
        for kind, faults in ((KILL, kills), (HANG, hangs)):
            outcome = disturbed.disturb(kind, faults=faults, usual=usual, seed=seed)
            costs = [percentile(outcome.costs, 0.5), percentile(outcome.costs, 0.9)]
            yield row(
                f"`{devices}`",
                kind.name,
                outcome.streams,
                outcome.faults,
                len(outcome.costs),
                f"{outcome.retries:.0f}",
                number(usual * 1e3, 3),
                number(longest * 1e3, 1),
                *(number(cost * 1e3, 1) for cost in [*costs, max(outcome.costs)]),
            )


def _nothing(_received_bytes: int) -> None:
    pass


def introduction() -> list[str]:
    """Return what stands above the table."""
    text = (
        "`python -m benchmarks.faults`: streams of 1 GiB to a client that reads as fast as they "
        "come, and hashes afterwards. A worker that is up gets a signal after "
        f"{CHUNKS_BETWEEN[0]} to {CHUNKS_BETWEEN[1]} chunks of 4 MiB each, in the first "
        f"{LAST_SHARE:.0%} of a stream; SIGSTOP once a stream. **The SHA-256 of every stream was "
        "that of the library's bytes.** Gaps are between reads of at most 1 MiB: median and "
        f"longest are those of {UNDISTURBED_STREAMS} undisturbed streams (the longest of each, "
        "the median of those). A fault's cost, where a chunk was in flight, is the longest gap "
        "that has a part within a second after it, less the median gap. Retries are counted by "
        "the server: lost ones for kills, late ones for SIGSTOP. The other settings are the "
        "defaults: a chunk is late after 0.25 s, a worker is taken to hang after 10 s. A stream "
        "begins when no other process is at work. " + describe_machine()
    )
    return ["# Workers that die or hang in mid-stream", "", text, ""]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60, help="for each set of devices")
    parser.add_argument("--hangs", type=int, default=10, help="for each set of devices")
    parser.add_argument("--seed", type=int, default=1, help="of moments and workers")
    parser.add_argument("--dry-run", action="store_true", help="write no results")
    arguments = parser.parse_args()
    report = Report("faults", introduction())
    report.add(*head(*COLUMN_NAMES))
    for devices in DEVICES:
        for found in lines(
            devices, kills=arguments.kills, hangs=arguments.hangs, seed=arguments.seed
        ):
            report.add(found)
    if not arguments.dry_run:
        report.write()


if __name__ == "__main__":
    main()
