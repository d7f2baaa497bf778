"""Launches beside the CPU's backend: equal bytes, in the interpreter."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drawn import DISTRIBUTIONS, DTYPES, NEAR_WRAPS, STREAMS, TOP, WRAP
from weightbank.backends.cpu import CpuBackend
from weightbank.distributions import Drawn, Normal, Truncated, Uniform
from weightbank.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Dtype
from weightbank.numbers.streams import Stream, derive_stream

CPU = CpuBackend()
STREAM = derive_stream(1, "a")
ZERO, ONE = np.float32(0), np.float32(1)
INFINITE = np.float32(np.inf)
ALL_DTYPES = [FLOAT32, FLOAT64, BFLOAT16, FLOAT16]
TILE_ELEMENTS = 16
"""Of the launcher ``small_tiles``."""

KINDS = [
    Normal(STREAM, np.float32(0.02), ZERO),
    Uniform(STREAM, np.float32(0.7), np.float32(0.3)),
    Truncated(STREAM, 97711073, 4197256223, ONE, ZERO, -ONE, 2 * ONE),
]


def expected(values: Drawn, dtype: Dtype, start: int, count: int) -> bytes:
    """Return the bytes that the CPU's backend makes."""
    out = np.empty(count, dtype.storage)
    CPU.fill(values, dtype, start, out)
    return out.tobytes()


def launched(
    launcher: Any, values: Drawn, dtype: Dtype, start: int, count: int, *, offset: int = 0
) -> bytes:
    """Return the bytes that kernels make, ``offset`` elements from where tensors begin."""
    memory = torch.zeros(offset + count + 1, dtype=launcher.dtype(dtype))
    out = memory[offset : offset + count]
    launcher.fill(values, dtype, start, out)
    beside = torch.cat([memory[:offset], memory[offset + count :]])
    assert not beside.any(), "written beside the range"
    return out.view(torch.uint8).numpy().tobytes()


@settings(max_examples=100)
@given(
    values=DISTRIBUTIONS,
    dtype=DTYPES,
    start=NEAR_WRAPS,
    place=st.tuples(st.sampled_from([0, 0, 1, 3]), st.integers(0, 4 * TILE_ELEMENTS)),
)
def test_any_range(
    small_tiles: Any, values: Drawn, dtype: Dtype, start: int, place: tuple[int, int]
) -> None:
    """Any distribution, dtype, start, count and address, tiles and wraps within or not."""
    offset, count = place
    found = launched(small_tiles, values, dtype, start, count, offset=offset)
    assert found == expected(values, dtype, start, count)


@given(stream=STREAMS, start=NEAR_WRAPS, count=st.integers(0, 4 * TILE_ELEMENTS))
def test_any_words(small_tiles: Any, stream: Stream, start: int, count: int) -> None:
    """Any range of words is that of the CPU's backend."""
    out = torch.zeros(count, dtype=torch.int32)
    small_tiles.fill_words(stream, start, out)
    assert out.numpy().tobytes() == CPU.words(stream, start, start + count).tobytes()


@pytest.mark.parametrize("dtype", ALL_DTYPES, ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("values", KINDS, ids=lambda values: type(values).__name__)
def test_many_elements(launcher: Any, values: Drawn, dtype: Dtype) -> None:
    """Each kind and dtype, with hundreds of words of the tail."""
    start, count = 4 * 12345, 40_001
    found = launched(launcher, values, dtype, start, count)
    assert found == expected(values, dtype, start, count)


@pytest.mark.parametrize("edge", [WRAP, TOP // 2, TOP])
@pytest.mark.parametrize("before", [0, 1, 3, 4, TILE_ELEMENTS])
def test_counters_that_wrap(small_tiles: Any, edge: int, before: int) -> None:
    """Ranges that begin before a wrap of the counter, and at it."""
    values = KINDS[0]
    found = launched(small_tiles, values, FLOAT32, edge - before, 2 * TILE_ELEMENTS + 1)
    assert found == expected(values, FLOAT32, edge - before, 2 * TILE_ELEMENTS + 1)


@pytest.mark.parametrize("std", [1e-45, 1e-38, 2.0**-64, 3e37])
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64, BFLOAT16], ids=lambda dtype: dtype.name)
def test_scales_at_the_ends_of_float32(small_tiles: Any, std: float, dtype: Dtype) -> None:
    """Scales cross into a kernel exactly, subnormal ones among them."""
    values = Normal(STREAM, np.float32(std), ZERO)
    assert launched(small_tiles, values, dtype, 0, 99) == expected(values, dtype, 0, 99)


@pytest.mark.parametrize("mean", [0.0, -0.0])
def test_minus_zero_stays(small_tiles: Any, mean: float) -> None:
    """Without a mean nothing is added: a value of -0 would otherwise become +0."""
    values = Normal(STREAM, np.float32(1e-45), np.float32(mean))
    found = launched(small_tiles, values, FLOAT32, 0, 99)
    assert found == expected(values, FLOAT32, 0, 99)
    assert {0, 0x80000000} <= set(np.frombuffer(found, np.uint32).tolist())


def test_subnormals_of_float16(launcher: Any) -> None:
    """float16 of a small scale: subnormals, zeros of either sign, and ties."""
    for std in (6e-5, 2e-7, 3e-8):
        values = Normal(STREAM, np.float32(std), ZERO)
        assert launched(launcher, values, FLOAT16, 0, 3000) == expected(values, FLOAT16, 0, 3000)


def test_a_launch_has_an_end(interpreted: Any) -> None:
    """A large tensor is cut into launches, where the counter wraps and where they grow long."""
    module = interpreted["launch"]
    longest = 4 * module.LAUNCH_BLOCKS
    start, count = WRAP - 7, 2 * longest + 5
    out = torch.empty(1, dtype=torch.float32).expand(count)
    parts = list(module.launch_parts(STREAM, start, out))
    assert [scalars[:4] for _, scalars in parts] == [
        (7, 1, -2, 0),
        (longest, 0, 0, 1),
        (count - 7 - longest, 0, module.LAUNCH_BLOCKS, 1),
    ]
    assert all(part.numel() == scalars[0] for part, scalars in parts)
    assert all(-(2**31) <= scalar < 2**31 for _, scalars in parts for scalar in scalars)


@given(values=DISTRIBUTIONS)
def test_scalars_are_i32(interpreted: Any, values: Drawn) -> None:
    """Whatever is drawn, its scalars are integers of one type."""
    _, scalars = interpreted["launch"].value_scalars(values)
    assert all(type(scalar) is int and -(2**31) <= scalar < 2**31 for scalar in scalars)
