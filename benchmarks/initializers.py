"""Weightbank's CPU backend beside torch.nn.init, on the same cores, in one run.

Run as ``python -m benchmarks.initializers``. Both sides write into a buffer that
is used again and again; their rounds alternate, so that what else the machine
does meets both; medians are compared. The table is printed, and written to
``benchmarks/results/initializers.md`` with a description of the machine.
"""

import argparse
import functools
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import describe_machine
from weightbank.backends.cpu import CpuBackend
from weightbank.distributions import Drawn, Normal, Truncated, Uniform
from weightbank.dtypes import BFLOAT16, FLOAT32, Dtype
from weightbank.numbers.probability import rank
from weightbank.numbers.streams import derive_stream

RESULTS = Path(__file__).parent / "results" / "initializers.md"
ELEMENTS = 2**26
MATRIX = 4096
SMALL_ELEMENTS = 1024
SMALL_CALLS = 2000
PAUSE_SECONDS = 0.05
SHORTEST_SHOWN_IN_MS = 1e-4

STREAM = derive_stream(0, "benchmark")
ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)
NORMAL = Normal(STREAM, ONE, ZERO)
UNIFORM = Uniform(STREAM, ONE, ZERO)
TRUNCATED = Truncated(STREAM, rank(Fraction(-2)), rank(Fraction(2)), ONE, ZERO, -TWO, TWO)


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table.

    Attributes:
        name: What is measured.
        theirs: torch's way.
        ours: Weightbank's way.
        rounds: How often each is timed.
        calls: How often each is called in a round.
        elements: That one call makes.
        target: The ratio that is promised, or None.
    """

    name: str
    theirs: Callable[[], object]
    ours: Callable[[], object]
    rounds: int
    calls: int
    elements: int
    target: float | None


def cases(backend: CpuBackend, elements: int) -> list[Case]:
    """Return what is measured, with buffers that all cases share."""
    init = torch.nn.init
    theirs = torch.empty(elements)
    theirs16 = torch.empty(elements, dtype=torch.bfloat16)
    matrix = torch.empty(MATRIX, MATRIX)
    small = torch.empty(SMALL_ELEMENTS)
    ours = np.empty(elements, np.float32)
    ours16 = np.empty(elements, np.uint16)
    ours_small = np.empty(SMALL_ELEMENTS, np.float32)

    def fill(values: Drawn, out: Any, dtype: Dtype = FLOAT32) -> Callable[[], object]:
        return functools.partial(backend.fill, values, dtype, 0, out)

    def large(
        name: str, torchs: Callable[[], object], mine: Callable[[], object], target: float | None
    ) -> Case:
        rounds = 3 if name == "truncated normal" else 9
        return Case(name, torchs, mine, rounds, 1, elements, target)

    orthogonal = functools.partial(backend.orthogonal, STREAM, MATRIX, MATRIX, ONE)
    return [
        large("normal", lambda: init.normal_(theirs), fill(NORMAL, ours), 5),
        large("uniform", lambda: init.uniform_(theirs, -1, 1), fill(UNIFORM, ours), 8),
        large("truncated normal", lambda: init.trunc_normal_(theirs), fill(TRUNCATED, ours), 40),
        large("bfloat16 normal", lambda: init.normal_(theirs16), fill(NORMAL, ours16, BFLOAT16), 5),
        large("constant", lambda: init.constant_(theirs, 0.5), lambda: ours.fill(0.5), None),
        Case(
            f"orthogonal {MATRIX}x{MATRIX}",
            lambda: init.orthogonal_(matrix),
            orthogonal,
            5,
            1,
            MATRIX * MATRIX,
            1.2,
        ),
        Case(
            "normal, 4 KiB",
            lambda: init.normal_(small),
            fill(NORMAL, ours_small),
            9,
            SMALL_CALLS,
            SMALL_ELEMENTS,
            None,
        ),
    ]


def seconds_of(function: Callable[[], object], calls: int) -> float:
    """Return how long one call takes, on average over ``calls``."""
    # Threads of the other side go on spinning for a moment after their work.
    time.sleep(PAUSE_SECONDS)
    begun = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - begun) / calls


def measured(case: Case) -> tuple[float, float]:
    """Return the median seconds of torch and of Weightbank, their rounds alternating."""
    case.theirs()
    case.ours()
    rounds = [
        (seconds_of(case.theirs, case.calls), seconds_of(case.ours, case.calls))
        for _ in range(case.rounds)
    ]
    theirs, ours = zip(*rounds, strict=True)
    return statistics.median(theirs), statistics.median(ours)


def line(case: Case, theirs: float, ours: float) -> str:
    """Return the table's line of a case."""
    rates = [f"{case.elements / seconds / 1e6:,.0f}" for seconds in (theirs, ours)]
    target = "" if case.target is None else f"{case.target:g}x"
    cells = (case.name, *map(duration, (theirs, ours)), *rates, f"{theirs / ours:.1f}x", target)
    return "| " + " | ".join(cells) + " |"


def duration(seconds: float) -> str:
    """Return a duration to read.

    Examples:
        >>> duration(0.25), duration(0.0000031)
        ('250.0 ms', '3.1 µs')
    """
    return (
        f"{seconds * 1e3:.1f} ms" if seconds >= SHORTEST_SHOWN_IN_MS else f"{seconds * 1e6:.1f} µs"
    )


def main() -> None:
    """Measure all cases, print the table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--elements", type=int, default=ELEMENTS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    backend = CpuBackend(arguments.threads)
    backend.warm_up()
    lines = [
        "# Initializers on a CPU, beside torch.nn.init",
        "",
        describe_machine(arguments.threads),
        f"{arguments.elements:,} elements into a buffer used again, medians of alternating",
        "rounds; float32 where nothing else is said. Made by `python -m benchmarks.initializers`.",
        "",
        "| | torch | weightbank | torch, M/s | weightbank, M/s | ratio | target |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for case in cases(backend, arguments.elements):
        lines.append(line(case, *measured(case)))
        print(lines[-1], flush=True)
    backend.close()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
