"""The backend on a GPU beside that of the CPU: equal bytes. Run as ``make test-gpu``.

What is checked is also checked in Triton's interpreter, at a small size, by
``tests/unit/backends/test_triton.py``.
"""

import functools
import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.agreement import (
    CPU,
    WRAP,
    Range,
    differing_at_once,
    differing_initializers,
    differing_ranges,
    differing_windows,
    differing_words,
    normals_of,
    some_ranges,
    written_beside,
)
from tests.exhaustive import BLOCK_WORDS, WORDS, block_words, expected_digest
from weightbank.backends.pinned import pin, unpin
from weightbank.backends.staging import BLOCK_BYTES
from weightbank.backends.triton import TritonBackend
from weightbank.distributions import Drawn, Normal, Truncated, Uniform
from weightbank.dtypes import BFLOAT16, DTYPES, FLOAT32, FLOATING_NAMES
from weightbank.numbers.streams import derive_stream
from weightbank.triton_kernels.launch import LAUNCH_BLOCKS

pytestmark = pytest.mark.gpu

DEVICE = "cuda:0"
STREAM = derive_stream(1, "a")
ZERO, ONE = np.float32(0), np.float32(1)
NORMAL = Normal(STREAM, ONE, ZERO)
KINDS: list[Drawn] = [
    NORMAL,
    Uniform(STREAM, ONE, np.float32(0.3)),
    Truncated(STREAM, 97711073, 4197256223, ONE, ZERO, -ONE, 2 * ONE),
]
LONGEST = 3 * BLOCK_BYTES // 4
"""Elements of up to three blocks of float32."""


def test_all_words(gpu: TritonBackend) -> None:
    """The normals of all 2**32 words have the digest of the known answers."""
    digest = hashlib.sha256()
    for number in range(WORDS // BLOCK_WORDS):
        digest.update(normals_of(gpu._launcher, block_words(number), DEVICE).data)
    assert digest.hexdigest() == expected_digest()


@pytest.mark.parametrize("dtype", FLOATING_NAMES)
def test_every_initializer(gpu: TritonBackend, dtype: str) -> None:
    """A file of all initializers is the CPU's, in each dtype."""
    assert differing_initializers(gpu, dtype, 1000, 2051) == []


def test_some_ranges(gpu: TritonBackend) -> None:
    """Ranges of all kinds and dtypes, of several blocks, across every wrap of the counter."""
    assert differing_ranges(gpu, list(some_ranges(96, longest=LONGEST))) == []


def test_short_ranges(gpu: TritonBackend) -> None:
    """Ranges within one program, and a few more."""
    assert differing_ranges(gpu, list(some_ranges(480, longest=3000))) == []


def test_words(gpu: TritonBackend) -> None:
    """Words of streams, within and across every wrap."""
    assert differing_words(gpu, longest=LONGEST) == []


def test_threads_at_once(gpu: TritonBackend) -> None:
    """Threads that call at once each get their own elements."""
    assert differing_at_once(gpu, list(some_ranges(96, longest=LONGEST)), threads=8) == []


def test_threads_at_once_into_pinned_memory(gpu: TritonBackend) -> None:
    """Copies to pinned memory do not wait, and yet all bytes are there on return."""
    count, parts = LONGEST + 5, 8
    wanted = [
        Range(KINDS[number % 3], FLOAT32, number * count + number, count) for number in range(parts)
    ]
    memory = bytearray(4 * count * parts)
    pin(memory)
    try:
        outs = np.split(np.frombuffer(memory, np.float32), parts)

        def fill(number: int) -> bytes:
            part = wanted[number]
            gpu.fill(part.values, part.dtype, part.start, outs[number])
            return outs[number].tobytes()

        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(fill, [*range(parts), *range(parts)]))
    finally:
        unpin(memory)
    for number, part in enumerate(wanted):
        expected = part.filled(CPU).tobytes()
        assert found[number] == expected
        assert found[number + parts] == expected


@pytest.mark.parametrize("dtype", FLOATING_NAMES)
def test_nothing_is_written_beside_the_range(gpu: TritonBackend, dtype: str) -> None:
    """Elements before and after a range keep their values."""
    fill = functools.partial(gpu.fill, NORMAL, DTYPES[dtype], 3)
    for count in (1, 1023, BLOCK_BYTES // 2 + 3):
        assert not written_beside(fill, DTYPES[dtype], count=count)


@pytest.mark.parametrize("dtype", FLOATING_NAMES)
@pytest.mark.parametrize("offset", [0, 1, 4, 7])
@pytest.mark.parametrize("start", [0, 1, WRAP - 6])
def test_a_tensor_that_is_there_already(
    gpu: TritonBackend, dtype: str, offset: int, start: int
) -> None:
    """``launch`` fills a tensor on the GPU, at any address, and nothing beside it."""
    import torch

    count = 12_345
    memory = torch.zeros(count + 16, dtype=getattr(torch, dtype), device=DEVICE)
    out = memory[offset : offset + count]
    for values in KINDS:
        wanted = Range(values, DTYPES[dtype], start, count)
        gpu.launch(values, wanted.dtype, start, out)
        assert differing_windows(out, wanted, [0], window=count) == []
        assert not memory[:offset].any()
        assert not memory[offset + count :].any()


def test_a_long_range(gpu: TritonBackend) -> None:
    """A tensor of several launches, across a wrap of the counter, is right at every seam."""
    import torch

    longest = 4 * LAUNCH_BLOCKS
    wanted = Range(NORMAL, BFLOAT16, WRAP - 7, longest + 2**20 + 1)
    out = torch.empty(wanted.count, dtype=torch.bfloat16, device=DEVICE)
    gpu.launch(wanted.values, wanted.dtype, wanted.start, out)
    edges = [0, 7, 2**29, longest, longest + 7, wanted.count]
    assert differing_windows(out, wanted, edges, window=4096) == []
