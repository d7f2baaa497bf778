"""Weightbank's GPU backend beside torch.nn.init, on the same GPU, in one run.

Run as ``python -m benchmarks.gpu``. Into memory of the GPU, both sides only launch
and wait. Into pinned memory of the host, torch makes the whole tensor and copies it,
as its users do; Weightbank makes and copies block by block. Rounds alternate, and
medians are compared. The table is printed, and written to
``benchmarks/results/gpu.md``. Where there is no GPU, it says so and ends.
"""

import argparse
import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.initializers import NORMAL, TRUNCATED, UNIFORM, Case, line, measured
from benchmarks.machine import describe_machine
from weightbank.backends.pinned import pin, unpin
from weightbank.backends.triton import TritonBackend
from weightbank.distributions import Drawn
from weightbank.dtypes import BFLOAT16, FLOAT32, Dtype

RESULTS = Path(__file__).parent / "results" / "gpu.md"
DEVICE = "cuda:0"
ELEMENTS = 2**28
SMALL_ELEMENTS = 1024
ROUNDS = 9


def waiting(function: Callable[..., object], *arguments: Any) -> Callable[[], None]:
    """Return a function that launches something and waits for the GPU."""

    def call() -> None:
        function(*arguments)
        torch.cuda.synchronize(DEVICE)

    return call


def on_the_gpu(backend: TritonBackend, elements: int) -> list[Case]:
    """Return what is made in memory of the GPU, into tensors that all cases share."""
    init = torch.nn.init
    theirs, ours = (torch.empty(elements, device=DEVICE) for _ in range(2))
    theirs16, ours16 = (
        torch.empty(elements, dtype=torch.bfloat16, device=DEVICE) for _ in range(2)
    )

    def case(
        name: str, torchs: Callable[[], object], values: Drawn, dtype: Dtype, out: torch.Tensor
    ) -> Case:
        mine = waiting(backend.launch, values, dtype, 0, out)
        return Case(name, waiting(torchs), mine, ROUNDS, 3, elements, None)

    return [
        case("normal", lambda: init.normal_(theirs), NORMAL, FLOAT32, ours),
        case("uniform", lambda: init.uniform_(theirs, -1, 1), UNIFORM, FLOAT32, ours),
        case("truncated normal", lambda: init.trunc_normal_(theirs), TRUNCATED, FLOAT32, ours),
        case("bfloat16 normal", lambda: init.normal_(theirs16), NORMAL, BFLOAT16, ours16),
        # A range that begins within a block of four words: no wide stores.
        Case(
            "normal, from element 1",
            waiting(init.normal_, theirs),
            waiting(backend.launch, NORMAL, FLOAT32, 1, ours),
            ROUNDS,
            3,
            elements,
            None,
        ),
    ]


def on_the_host(
    backend: TritonBackend, out: np.ndarray[Any, Any], pool: ThreadPoolExecutor
) -> list[Case]:
    """Return what is made on the GPU and ends in memory of the host, pinned or not."""
    elements = out.size
    made = torch.empty(elements, device=DEVICE)
    pinned = torch.from_numpy(out)
    plain = np.zeros(elements, np.float32)

    def theirs(target: torch.Tensor) -> Callable[[], None]:
        def call() -> None:
            torch.nn.init.normal_(made[: target.numel()])
            target.copy_(made[: target.numel()], non_blocking=True)

        return waiting(call)

    def in_two_threads() -> None:
        half = elements // 2
        parts = [(0, out[:half]), (half, out[half:])]
        list(pool.map(lambda part: backend.fill(NORMAL, FLOAT32, *part), parts))

    fill = functools.partial(backend.fill, NORMAL, FLOAT32, 0)
    small = out[:SMALL_ELEMENTS]

    def case(name: str, target: torch.Tensor, mine: Callable[[], object], calls: int = 1) -> Case:
        return Case(name, theirs(target), mine, ROUNDS, calls, target.numel(), None)

    return [
        case("normal, to pinned memory", pinned, lambda: fill(out)),
        case("the same, two threads", pinned, in_two_threads),
        case("normal, to memory not pinned", torch.from_numpy(plain), lambda: fill(plain)),
        case("normal, 4 KiB to pinned memory", pinned[:SMALL_ELEMENTS], lambda: fill(small), 300),
    ]


@contextmanager
def pinned_memory(elements: int) -> Iterator[np.ndarray[Any, Any]]:
    """Yield float32 in pinned memory."""
    memory = np.zeros(elements, np.float32)
    pin(memory)
    try:
        yield memory
    finally:
        unpin(memory)


def head(elements: int) -> list[str]:
    """Return what stands above the table's lines."""
    gpu, cuda = torch.cuda.get_device_name(DEVICE), torch.version.cuda
    return [
        "# Initializers on a GPU, beside torch.nn.init",
        "",
        f"{gpu}, CUDA {cuda}, triton {version('triton')}; {describe_machine()}",
        f"{elements:,} elements into a buffer used again, medians of {ROUNDS} alternating rounds;",
        "float32 where nothing else is said. Made by `python -m benchmarks.gpu`.",
        "",
        "| | torch | weightbank | torch, M/s | weightbank, M/s | ratio | target |",
        "|---|---|---|---|---|---|---|",
    ]


def main() -> None:
    """Measure all cases, print the table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elements", type=int, default=ELEMENTS)
    elements = parser.parse_args().elements
    if not torch.cuda.is_available():
        print("torch sees no CUDA device here: nothing to measure.")
        return
    backend = TritonBackend(DEVICE)
    backend.warm_up()
    lines = head(elements)
    print("\n".join(lines), flush=True)
    with pinned_memory(elements) as out, ThreadPoolExecutor(2) as pool:
        for make in (
            functools.partial(on_the_gpu, backend, elements),
            functools.partial(on_the_host, backend, out, pool),
        ):
            for case in make():
                lines.append(line(case, *measured(case)))
                print(lines[-1], flush=True)
    backend.close()
    RESULTS.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
