"""The fast backend beside the reference: equal bytes, whatever is asked for."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.backends.cpu import TASK_ELEMENTS, CpuBackend, standard_normal
from weightbank.backends.reference import ReferenceBackend
from weightbank.distributions import Drawn, Normal, Truncated, Uniform
from weightbank.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Dtype
from weightbank.numbers import normal
from weightbank.numbers.streams import Stream, derive_stream

REFERENCE = ReferenceBackend()
WRAP = 2**34
"""Element at which the counter's low word begins again."""

ZERO, ONE = np.float32(0), np.float32(1)
words32 = st.integers(0, 2**32 - 1)
streams = st.builds(Stream, words32, words32, words32, words32)
stds = st.floats(2**-64, 100, width=32).map(np.float32)
means = st.one_of(st.just(0.0), st.floats(-1000, 1000, width=32)).map(np.float32)
starts = st.one_of(
    st.integers(0, 5000),
    st.integers(WRAP - 5000, WRAP + 10),
    st.integers(0, 2**62),
    st.integers(2**65 - 5000, 2**65 + 10),
    st.integers(2**66 - 9000, 2**66 - 4000),
)
sizes = st.one_of(st.integers(0, 8), st.integers(1000, 1050), st.integers(0, 4000))
dtypes = st.sampled_from([FLOAT32, FLOAT64, BFLOAT16, FLOAT16])


@st.composite
def truncated(draw: st.DrawFn) -> Truncated:
    """Return a truncated normal of any ranks, clamped or not."""
    first = draw(st.one_of(st.just(0), st.integers(0, 2**32 - 2**16)))
    stop = draw(st.one_of(st.just(2**32), st.integers(first + 2**16, 2**32)))
    low, high = sorted(draw(st.tuples(*[st.floats(-1000, 1000, width=32)] * 2)))
    clamps = draw(st.sampled_from([(low, high), (-np.inf, high), (low, np.inf)]))
    return Truncated(draw(streams), first, stop, draw(stds), draw(means), *map(np.float32, clamps))


distributions = st.one_of(
    st.builds(Normal, streams, stds, means),
    st.builds(Uniform, streams, stds, means),
    truncated(),
)


def filled(
    backend: CpuBackend | ReferenceBackend, values: Drawn, dtype: Dtype, start: int, size: int
) -> bytes:
    """Return the bytes of some elements."""
    out = np.empty(size, dtype.storage)
    backend.fill(values, dtype, start, out)
    return out.tobytes()


@given(values=distributions, dtype=dtypes, start=starts, size=sizes)
def test_any_range_is_the_references(
    cpu: CpuBackend, values: Drawn, dtype: Dtype, start: int, size: int
) -> None:
    """Any distribution, dtype and range gives the reference's bytes."""
    expected = filled(REFERENCE, values, dtype, start, size)
    assert filled(cpu, values, dtype, start, size) == expected


@given(stream=streams, start=starts, size=sizes)
def test_words_are_the_references(cpu: CpuBackend, stream: Stream, start: int, size: int) -> None:
    """Any range of words is the reference's."""
    expected = REFERENCE.words(stream, start, start + size)
    found = cpu.words(stream, start, start + size)
    assert (found.dtype, found.tobytes()) == (np.uint32, expected.tobytes())


@given(
    values=distributions,
    dtype=dtypes,
    start=starts,
    parts=st.lists(st.integers(0, 1500), min_size=1, max_size=6),
)
def test_any_partition_concatenates(
    cpu: CpuBackend, values: Drawn, dtype: Dtype, start: int, parts: list[int]
) -> None:
    """A range made in parts is the range made at once."""
    ends = np.cumsum([start, *parts], dtype=object)
    pieces = [
        filled(cpu, values, dtype, int(end) - size, size)
        for end, size in zip(ends[1:], parts, strict=True)
    ]
    assert b"".join(pieces) == filled(cpu, values, dtype, start, sum(parts))


@pytest.mark.parametrize("dtype", [FLOAT32, BFLOAT16], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("start", [0, TASK_ELEMENTS - 5, WRAP - TASK_ELEMENTS - 3])
def test_threads_change_nothing(
    cpu: CpuBackend, two_threads: CpuBackend, dtype: Dtype, start: int
) -> None:
    """A range of several tasks has the same bytes on one thread and on two."""
    values = Truncated(derive_stream(1, "a"), 97711073, 4197256223, ONE, ONE, -ONE, 3 * ONE)
    size = 2 * TASK_ELEMENTS + 1234
    one = filled(cpu, values, dtype, start, size)
    assert filled(two_threads, values, dtype, start, size) == one


def test_concurrent_callers(cpu: CpuBackend) -> None:
    """Threads that call one backend at once each get their own elements."""
    values = Normal(derive_stream(1, "a"), ONE, ZERO)
    whole = np.frombuffer(filled(REFERENCE, values, FLOAT32, 0, 2**17), np.float32)

    def is_right(number: int) -> bool:
        start, size = number * 997, 5000 + number
        expected = whole[start : start + size].tobytes()
        return all(filled(cpu, values, FLOAT32, start, size) == expected for _ in range(5))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(is_right, range(100)))


def test_nothing_is_written_beside_the_range(cpu: CpuBackend) -> None:
    """Elements before and after a range keep their values."""
    values = Normal(derive_stream(1, "a"), ONE, ZERO)
    for dtype in (FLOAT32, FLOAT64, BFLOAT16, FLOAT16):
        buffer = np.full(2100, 7, dtype.storage)
        cpu.fill(values, dtype, 3, buffer[8:2061])
        assert (buffer[:8] == 7).all()
        assert (buffer[2061:] == 7).all()
        assert (buffer[8:2061] != 7).all()


def test_zero_minus_stays() -> None:
    """Without a mean nothing is added: a value of -0 would otherwise become +0."""
    # A product is never 0 within the accepted range of stds; far below it, some are.
    values = Normal(Stream(1, 2, 3, 4), np.float32(1e-45), ZERO)
    expected = filled(REFERENCE, values, FLOAT32, 0, 1024)
    assert np.float32(-0.0).tobytes() in {expected[i : i + 4] for i in range(0, 4096, 4)}
    assert filled(CpuBackend(), values, FLOAT32, 0, 1024) == expected


def spread_words() -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Return words of all binades of the tail, their neighbours, and a strided sample."""
    powers = [2**e + near for e in range(32) for near in (-3, -2, -1, 0, 1, 2, 3)]
    near_ends = [2**31 - m for m in powers] + powers
    signed = np.array([sign * v for v in near_ends for sign in (1, -1)], np.int64)
    strided = np.arange(0, 2**32, 4093, dtype=np.int64)
    return np.concatenate([signed % 2**32, strided]).astype(np.uint32)


def test_spread_words() -> None:
    """Words from everywhere give the reference's normals, all of them by ``exhaustive``."""
    words = spread_words()
    assert standard_normal(words).tobytes() == normal.standard_normal(words).tobytes()


@given(st.lists(words32, max_size=200))
def test_any_number_of_words(words: list[int]) -> None:
    """Any number of words, and any words, give the reference's normals."""
    array = np.array(words, np.uint32)
    assert standard_normal(array).tobytes() == normal.standard_normal(array).tobytes()


def test_close_ends_the_threads() -> None:
    """After ``close`` a call that needs the threads fails, and does not hang."""
    backend = CpuBackend(threads=2)
    backend.close()
    with pytest.raises(RuntimeError):
        backend.orthogonal(Stream(1, 2, 3, 4), 2, 2, ONE)
