"""Large files over HTTP, beside nginx and a file in the page cache, in one run.

    python -m benchmarks.http

The same number of bytes comes from nginx by sendfile and from the service, which
makes them meanwhile; curl throws them away. The rounds alternate, so that what else
the machine does meets all; medians are compared, and the ratio is that of a round.

Server and client share the cores. What a GB takes of them, made, sent and received,
sets a ceiling on the rate whatever waits for whom; the ratio to it is how busy the
cores were kept with that, and what is left to gain without doing less.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from benchmarks.cases import COLUMNS, PEER, Case, cases, check, path_of
from benchmarks.costs import Costs, ceiling, cores, target
from benchmarks.machine import describe_machine
from benchmarks.nginx import FILE, running_nginx
from benchmarks.quiet import Quiet
from benchmarks.server import Server, running_server, server_at
from benchmarks.tables import Report, head, number, row
from benchmarks.transfers import (
    Transfer,
    download,
    first_byte_seconds,
    percentile,
)

FIRST_BYTES = 300
FIRST_BYTES_TOGETHER = 20
PAUSE_SECONDS = 0.05
COLUMN_NAMES = (
    "",
    "connections",
    "GB/s",
    "ratio",
    "making s/GB",
    "sending s/GB",
    "client s/GB",
    "ceiling GB/s",
    "ratio to the ceiling",
)
TARGETS = {"normal": 0.6, "uniform": 0.8, "constant": 0.8}
"""Ratios to the peer that were aimed at."""


def measure(
    compared: Sequence[Case], quiet: Quiet, *, connections: int, rounds: int
) -> list[list[Transfer]]:
    """Return the transfers of each round, in the order of the cases."""

    def transfers(seed: int) -> list[Transfer]:
        return [
            download(
                case.server,
                path_of(case, seed),
                connections=connections,
                size_bytes=case.size_bytes,
            )
            for case in compared
        ]

    return [quiet.measure(partial(transfers, seed)) for seed in range(rounds)]


def lines(compared: Sequence[Case], results: list[list[Transfer]], connections: int) -> list[str]:
    """Return the table's lines of one number of connections."""
    rates = [[transfer.gigabytes_per_second for transfer in line] for line in results]
    found = []
    for index, case in enumerate(compared):
        transfers = [line[index] for line in results]
        costs = Costs.of(transfers, has_loop=case.name != PEER)
        cells = (
            statistics.median(line[index] for line in rates),
            statistics.median(line[index] / line[0] for line in rates),
            costs.making,
            costs.sending,
            costs.receiving,
            statistics.median(map(ceiling, transfers)),
            statistics.median(each.gigabytes_per_second / ceiling(each) for each in transfers),
        )
        found.append(row(case.name, connections, *map(number, cells)))
    return found


def bounds(compared: Sequence[Case], results: list[list[Transfer]]) -> list[str]:
    """Return what the rates of some transfers are bound by, a line for each case."""
    peers, *others = zip(*results, strict=True)
    found = []
    for case, transfers in zip(compared[1:], others, strict=True):
        line = Costs.of(transfers, has_loop=True).bound(case.name)
        if case.name in TARGETS:
            line += " " + target(case.name, TARGETS[case.name], peers)
        found.append(line)
    return found


def first_byte_lines(compared: Sequence[Case], quiet: Quiet) -> list[str]:
    """Return the lines of the table of first bytes, by turns as in ``measure``."""
    seeds = range(FIRST_BYTES)
    blocks = [
        seeds[start : start + FIRST_BYTES_TOGETHER] for start in seeds[::FIRST_BYTES_TOGETHER]
    ]
    rounds = [
        times for block in blocks for times in quiet.measure(partial(first_bytes, compared, block))
    ]
    found = []
    for case, times in zip(compared, zip(*rounds, strict=True), strict=True):
        shown = (percentile(times, 0.5), percentile(times, 0.99), max(times))
        found.append(row(case.name, *(number(seconds * 1e3) for seconds in shown)))
    return found


def first_bytes(compared: Sequence[Case], seeds: Sequence[int]) -> list[list[float]]:
    """Return how long the first byte of each case takes, for each seed, in seconds.

    Each stream is left after its first bytes, over which the server has some work:
    a pause keeps it out of the next one's time.
    """
    found: list[list[float]] = []
    for seed in seeds:
        found.append([])
        for case in compared:
            found[-1].append(first_byte_seconds(case.server, path_of(case, seed)))
            time.sleep(PAUSE_SECONDS)
    return found


@contextmanager
def chosen_server(arguments: argparse.Namespace) -> Iterator[Server]:
    """Run a server, or take the one that is named."""
    if arguments.url is None:
        with running_server() as server:
            yield server
    else:
        yield server_at(arguments.url, pid=arguments.pid)


def parse_arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gibibytes", type=float, default=2, help="of a file")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--cases", nargs="+", help="by name; all if left out")
    parser.add_argument("--url", help="of a server that runs already")
    parser.add_argument("--pid", type=int, help="of that server, for its processor time")
    parser.add_argument("--dry-run", action="store_true", help="write no results")
    return parser.parse_args()


def introduction(arguments: argparse.Namespace) -> list[str]:
    """Return what stands above the tables."""
    text = (
        f"`python -m benchmarks.http`: files of {arguments.gibibytes:g} GiB to curl, which "
        f"throws them away; medians of {arguments.rounds} alternating rounds. nginx sends a "
        "file from the page cache by sendfile; a ratio is that to nginx in the same round. "
        "float32 where nothing else is said. Seconds are of processor time: making is what "
        "all threads of the server take but its event loop, which sends. The ceiling is the "
        f"rate at which {cores()} cores do nothing but make, send and receive, at what that "
        f"took in the round. {describe_machine()}"
    )
    return ["# Large files over HTTP, beside nginx", "", text, ""]


def main() -> None:
    """Measure, print and write the tables."""
    arguments = parse_arguments()
    size_bytes = int(arguments.gibibytes * 2**30) // (4 * COLUMNS) * (4 * COLUMNS)
    report = Report("http", introduction(arguments))
    with running_nginx(size_bytes) as nginx, chosen_server(arguments) as server:
        check(server)
        ours = cases(server, size_bytes)
        if arguments.cases:
            ours = [case for case in ours if case.name in arguments.cases]
        compared = [Case(PEER, nginx, FILE, size_bytes), *ours]
        report.add(*head(*COLUMN_NAMES))
        quiet = Quiet()
        measure(compared, Quiet(), connections=1, rounds=1)
        results = []
        for connections in arguments.connections:
            results.append(
                measure(compared, quiet, connections=connections, rounds=arguments.rounds)
            )
            report.add(*lines(compared, results[-1], connections))
        if server.pid is not None:
            report.add("", f"What bounds it, connections: {arguments.connections[0]}.", "")
            report.add(*bounds(compared, results[0]))
        report.add(
            "",
            f"First byte of a stream, {FIRST_BYTES} times, its connection's start included:",
            "",
            *head("", "median ms", "p99 ms", "max ms"),
        )
        report.add(*first_byte_lines(compared, quiet))
        report.add("", str(quiet))
    if not arguments.dry_run:
        report.write()


if __name__ == "__main__":
    main()
