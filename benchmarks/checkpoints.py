"""A pretrained checkpoint from the disk, beside nginx, in one run.

    python -m benchmarks.checkpoints

A Hub on loopback has the checkpoint, which the service fetches once, for a first client.
From then on it is in its cache, and in the page cache; nginx has a file of the same size
there. Both send by sendfile; curl throws the bytes away. The rounds alternate, so that
what else the machine does meets both; a ratio is that of a round.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.cases import PEER, Case
from benchmarks.costs import cores
from benchmarks.machine import describe_machine
from benchmarks.nginx import FILE, running_nginx
from benchmarks.quiet import Quiet, T
from benchmarks.server import running_server
from benchmarks.tables import Report, head, number, row
from benchmarks.transfers import (
    Transfer,
    download,
    first_byte_seconds,
    median_of,
    percentile,
)
from tests.hub.checkpoints import WEIGHTS
from tests.hub.server import HubServer
from tests.hub.tensors import write_safetensors

TARGET = 0.8
"""The ratio to the peer that is aimed at."""

FIRST_BYTES = 100
PAUSE_SECONDS = 0.02
COLUMN_NAMES = ("", "connections", "GB/s", "ratio", "server s/GB", "client s/GB")
_REPOSITORY = "benchmarks/checkpoint"
_PATH = f"/v1/checkpoints/{_REPOSITORY}"
_NAME = "checkpoint"
_TENSOR_BYTES = 2**26


class Hurried(Quiet):
    """Measures at once, whoever else is at work."""

    def measure(self, action: Callable[[], T]) -> T:
        """Return what an action returns."""
        self.measured += 1
        return action()

    def __str__(self) -> str:
        return f"{self.measured} measurements, whatever other processes did meanwhile."


@contextmanager
def running_hub(size_bytes: int) -> Iterator[tuple[HubServer, int]]:
    """Run a Hub until the block ends; return it and the size of its checkpoint in bytes.

    Args:
        size_bytes: About which the checkpoint has.
    """
    with tempfile.TemporaryDirectory() as folder, HubServer() as hub:
        path = Path(folder) / WEIGHTS
        generator = np.random.Generator(np.random.PCG64(0))
        shape = (_TENSOR_BYTES // 4096, 1024)
        tensors = {
            f"layers.{index}.weight": generator.random(shape, dtype=np.float32)
            for index in range(max(1, size_bytes // _TENSOR_BYTES))
        }
        write_safetensors(tensors, path)
        del tensors
        hub.add_repository(_REPOSITORY, {WEIGHTS: path})
        yield hub, path.stat().st_size


@contextmanager
def running_both(size_bytes: int) -> Iterator[list[Case]]:
    """Run nginx and the service, which has the checkpoint in its cache by then."""
    with running_hub(size_bytes) as (hub, file_bytes), running_nginx(file_bytes) as nginx:
        settings = {
            "WEIGHTBANK_HUB_ENDPOINT": hub.url,
            "WEIGHTBANK_HUB_REDIRECT_HOSTS": hub.storage_url,
        }
        with running_server(settings) as server:
            download(server, _PATH, connections=1, size_bytes=file_bytes)
            yield [
                Case(PEER, nginx, FILE, file_bytes),
                Case(_NAME, server, _PATH, file_bytes),
            ]


def measure(
    compared: Sequence[Case], quiet: Quiet, *, connections: int, rounds: int
) -> list[list[Transfer]]:
    """Return the transfers of each round, in the order of the cases."""

    def transfers() -> list[Transfer]:
        return [
            download(case.server, case.path, connections=connections, size_bytes=case.size_bytes)
            for case in compared
        ]

    return [quiet.measure(transfers) for _ in range(rounds)]


def lines(compared: Sequence[Case], results: list[list[Transfer]], connections: int) -> list[str]:
    """Return the table's lines of one number of connections."""
    rates = [[transfer.gigabytes_per_second for transfer in line] for line in results]
    found = []
    for index, case in enumerate(compared):
        transfers = [line[index] for line in results]
        cells = (
            statistics.median(line[index] for line in rates),
            statistics.median(line[index] / line[0] for line in rates),
            median_of(transfers, "server_seconds"),
            median_of(transfers, "client_seconds"),
        )
        found.append(row(case.name, connections, *map(number, cells)))
    return found


def first_byte_lines(compared: Sequence[Case], quiet: Quiet) -> list[str]:
    """Return the lines of the table of first bytes."""
    rounds = quiet.measure(partial(first_bytes, compared))
    found = []
    for case, times in zip(compared, zip(*rounds, strict=True), strict=True):
        shown = (percentile(times, 0.5), percentile(times, 0.99), max(times))
        found.append(row(case.name, *(number(seconds * 1e3) for seconds in shown)))
    return found


def first_bytes(compared: Sequence[Case]) -> list[list[float]]:
    """Return how long the first byte of each case takes, by turns, in seconds."""
    found: list[list[float]] = []
    for _ in range(FIRST_BYTES):
        found.append([])
        for case in compared:
            found[-1].append(first_byte_seconds(case.server, case.path))
            time.sleep(PAUSE_SECONDS)
    return found


def parse_arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gibibytes", type=float, default=1, help="of the file")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--hurry", action="store_true", help="wait for no quiet moment")
    parser.add_argument("--dry-run", action="store_true", help="write no results")
    return parser.parse_args()


def introduction(arguments: argparse.Namespace) -> list[str]:
    """Return what stands above the tables."""
    text = (
        f"`python -m benchmarks.checkpoints`: a checkpoint of {arguments.gibibytes:g} GiB that "
        "the service has in its cache, and nginx a file of its size, both in the page cache; to "
        f"curl, which throws it away. Medians of {arguments.rounds} alternating rounds; a ratio "
        "is that to nginx in the same round. Seconds are of processor time; server and clients "
        f"share {cores()} cores. {describe_machine()}"
    )
    return ["# A pretrained checkpoint from the disk, beside nginx", "", text, ""]


def main() -> None:
    """Measure, print and write the tables."""
    arguments = parse_arguments()
    report = Report("checkpoints", introduction(arguments))
    with running_both(int(arguments.gibibytes * 2**30)) as compared:
        report.add(*head(*COLUMN_NAMES))
        quiet = Hurried() if arguments.hurry else Quiet()
        measure(compared, Hurried(), connections=1, rounds=1)
        for connections in arguments.connections:
            results = measure(compared, quiet, connections=connections, rounds=arguments.rounds)
            report.add(*lines(compared, results, connections))
        report.add("", f"At least {TARGET} of nginx was aimed at.", "")
        report.add(
            f"First byte, {FIRST_BYTES} times, its connection's start included:",
            "",
            *head("", "median ms", "p99 ms", "max ms"),
        )
        report.add(*first_byte_lines(compared, quiet))
        report.add("", str(quiet))
    if not arguments.dry_run:
        report.write()


if __name__ == "__main__":
    main()
