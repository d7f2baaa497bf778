"""What every backend is held to beside the CPU's, at the size that suits it.

The same checks run on a GPU (``tests/gpu``), where sizes are large, and in Triton's
interpreter, where they are small.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.specs import file_of, parameter
from weightbank import Backend, CpuBackend
from weightbank.distributions import Drawn, Normal, Truncated, Uniform
from weightbank.dtypes import DTYPES, FLOATING_NAMES, Dtype
from weightbank.initializers import registered
from weightbank.numbers.streams import Stream

CPU = CpuBackend()
WRAP = 2**34
"""Element at which the counter's low word begins again."""

TOP = 2**66
"""Element at which the whole counter would begin again."""

_CONVOLUTIONS = ("dirac", "delta_orthogonal")
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "constant": {"val": 0.1},
    "sparse": {"sparsity": 0.1},
    "tie": {"to": "normal"},
}
_SHIFTED: dict[str, dict[str, Any]] = {
    "shifted normal": {"type": "normal", "mean": 0.25, "std": 0.5},
    "shifted uniform": {"type": "uniform", "a": -0.25, "b": 1.5},
    "shifted trunc_normal": {"type": "trunc_normal", "mean": 0.5, "a": -0.25, "b": 2},
    "one-sided trunc_normal": {"type": "trunc_normal", "a": None, "b": 0.5},
}


@dataclass(frozen=True, slots=True)
class Range:
    """Elements of a distribution.

    Attributes:
        values: What is drawn.
        dtype: In which dtype.
        start: First element.
        count: How many.
    """

    values: Drawn
    dtype: Dtype
    start: int
    count: int

    def filled(self, backend: Backend) -> NDArray[Any]:
        """Return the elements as a backend makes them."""
        out = np.empty(self.count, self.dtype.storage)
        backend.fill(self.values, self.dtype, self.start, out)
        return out

    def agrees(self, backend: Backend) -> bool:
        """Return whether a backend makes the CPU's bytes."""
        return self.filled(backend).tobytes() == self.filled(CPU).tobytes()


_STORED = {"pretrained", "moments_of", "slice_of"}
"""Made from checkpoints, by this process alone: no backend makes them."""


def every_initializer(rows: int, columns: int) -> list[dict[str, Any]]:
    """Return a tensor for every initializer that draws, and for some that are shifted."""
    layers = [
        parameter(
            [rows, max(1, columns // 9), 3, 3] if name in _CONVOLUTIONS else [rows, columns],
            {"type": name, **_ARGUMENTS.get(name, {})},
            name,
        )
        for name in registered()
        if name not in _STORED
    ]
    return layers + [parameter([rows, columns], init, name) for name, init in _SHIFTED.items()]


def differing_initializers(backend: Backend, dtype: str, rows: int, columns: int) -> list[str]:
    """Return the initializers of which a backend makes other bytes than the CPU."""
    layers = every_initializer(rows, columns)
    found, expected = (
        file_of(*layers, seed=2**63 + 5, dtype=dtype, backend=made_by) for made_by in (backend, CPU)
    )
    return [
        tensor.name
        for tensor in expected.layout.tensors
        if found.elements(tensor.name, 0, tensor.elements).tobytes()
        != expected.elements(tensor.name, 0, tensor.elements).tobytes()
    ]


def some_ranges(number: int, *, longest: int) -> Iterator[Range]:
    """Yield ranges of all kinds and dtypes, near and across every wrap of the counter."""
    random = np.random.default_rng(20_240_229)
    dtypes = [DTYPES[name] for name in FLOATING_NAMES]
    for index in range(number):
        count = int(random.integers(1, longest + 1))
        edge = int(random.choice([0, 0, 1, 2])) and int(random.integers(1, count + 1))
        start = (WRAP, TOP // 2, TOP, 2**40 + 1)[index % 4] - edge
        yield Range(_values(random, index), dtypes[index // 3 % 4], start, count)


def _values(random: np.random.Generator, index: int) -> Drawn:
    stream = Stream(*random.integers(0, 2**32, 4).tolist())
    scale = np.float32(random.choice([2.0**-20, 0.02, 1, 100]))
    shift = np.float32(random.choice([0, 0, 0.3, -7]))
    kind = index % 3
    if kind == 0:
        return Normal(stream, scale, shift)
    if kind == 1:
        return Uniform(stream, scale, shift)
    first, stop = sorted(random.integers(0, 2**32 + 1, 2).tolist())
    low, high = np.sort(random.normal(size=2)).astype(np.float32) * scale + shift
    sides = random.integers(0, 2, 2)
    return Truncated(
        stream,
        min(first, 2**32 - 2**16),
        max(stop, min(first, 2**32 - 2**16) + 2**16),
        scale,
        shift,
        low if sides[0] else np.float32(-np.inf),
        high if sides[1] else np.float32(np.inf),
    )


def differing_ranges(backend: Backend, ranges: list[Range]) -> list[Range]:
    """Return the ranges of which a backend makes other bytes than the CPU."""
    return [wanted for wanted in ranges if not wanted.agrees(backend)]


def differing_at_once(backend: Backend, ranges: list[Range], *, threads: int) -> list[Range]:
    """Return the ranges of which a backend makes other bytes when threads call it at once."""
    with ThreadPoolExecutor(threads) as pool:
        agreeing = list(pool.map(lambda wanted: wanted.agrees(backend), ranges))
    return [wanted for wanted, right in zip(ranges, agreeing, strict=True) if not right]


def differing_words(backend: Backend, *, longest: int) -> list[int]:
    """Return first elements from which a backend's words are not the CPU's."""
    stream = Stream(2**32 - 1, 2**31, 0, 16)
    starts = [0, 3, 2**40 + 2, WRAP - longest // 2, WRAP - 1, TOP // 2 - 2, TOP - longest // 2]
    return [
        start
        for start in starts
        if backend.words(stream, start, start + longest).tobytes()
        != CPU.words(stream, start, start + longest).tobytes()
    ]


def written_beside(fill: Callable[[NDArray[Any]], None], dtype: Dtype, *, count: int) -> bool:
    """Return whether filling a range changes what stands before or after it."""
    buffer = np.full(count + 64, 7, dtype.storage)
    fill(buffer[8 : count + 8])
    return bool((buffer[:8] != 7).any() or (buffer[count + 8 :] != 7).any())


def normals_of(launcher: Any, words: NDArray[np.uint32], device: str) -> NDArray[np.float32]:
    """Return the standard normals of words, made by a launcher's kernel on its device."""
    import torch

    given = torch.from_numpy(words.view(np.int32)).to(device)
    out = torch.empty(words.size, dtype=torch.float32, device=device)
    launcher.map_words(given, out)
    made: NDArray[np.float32] = out.cpu().numpy()
    return made


def differing_windows(out: Any, wanted: Range, edges: list[int], *, window: int) -> list[int]:
    """Return edges near which a tensor is not what the CPU makes.

    Args:
        out: A tensor of torch, on any device, that holds the range.
        wanted: The range.
        edges: Places in it.
        window: Elements to look at on either side of an edge.
    """
    import torch

    differing = []
    for edge in edges:
        first, last = max(0, edge - window), min(wanted.count, edge + window)
        part = Range(wanted.values, wanted.dtype, wanted.start + first, last - first)
        found = out[first:last].contiguous().view(torch.uint8).cpu().numpy()
        if found.tobytes() != part.filled(CPU).tobytes():
            differing.append(edge)
    return differing
