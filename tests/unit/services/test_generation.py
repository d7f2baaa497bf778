"""Generation: chunks in order, bounded, cancelled."""

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bounded_executor import BoundedExecutor
from services.buffers import BufferPool
from services.chunks import plan_chunks
from services.errors import OverloadedError
from services.generation import SMALL_READ_BYTES, Generation, GenerationOptions
from services.single_flight_cache import SingleFlightCache


class Gated:
    """A file that is made only while a gate is open."""

    size_bytes = 2**30

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)
        self.calls: list[int] = []

    def read_into(self, start: int, buffer: memoryview) -> None:
        """Wait for the gate."""
        self.begun.release()
        assert self.gate.wait(30)
        self.calls.append(start)
        buffer[:8] = start.to_bytes(8, "little")


async def eventually(holds: Callable[[], bool]) -> None:
    """Turn the loop until something holds."""
    for _ in range(30_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    pytest.fail("it never came true")


def run(work: Callable[[Generation], Awaitable[None]], **options: Any) -> None:
    """Run a test in a loop of its own."""

    async def main() -> None:
        generation = Generation(
            GenerationOptions(**{"threads": 1, "chunk_bytes": 2**19, **options})
        )
        try:
            await work(generation)
        finally:
            generation.close()

    asyncio.run(main())


@given(
    spans=st.lists(st.tuples(st.integers(0, 500), st.integers(1, 100)), max_size=5),
    chunk_bits=st.integers(0, 6),
    first_bits=st.integers(0, 6),
)
def test_chunks_cover_spans(spans: list[tuple[int, int]], chunk_bits: int, first_bits: int) -> None:
    """In order, without gaps, cut at multiples."""
    wanted = [(start, start + count) for start, count in spans]
    chunk_bytes, first = 2**chunk_bits, 2 ** min(first_bits, chunk_bits)
    tasks = list(plan_chunks(wanted, chunk_bytes=chunk_bytes, first_chunk_bytes=first))
    for part, (start, stop) in enumerate(wanted):
        own = [task for task in tasks if task.part == part]
        assert own[0].start == start
        assert own[-1].stop == stop
        for one, other in itertools.pairwise(own):
            assert one.stop == other.start
            assert one.stop % first == 0
        assert all(0 < task.stop - task.start <= chunk_bytes for task in own)
    assert [task.part for task in tasks] == sorted(task.part for task in tasks)


def test_only_a_window_is_made_ahead() -> None:
    """However long the file is."""

    async def work(generation: Generation) -> None:
        file = Gated()
        file.gate.set()
        stream = generation.open(file, [(0, file.size_bytes)])
        chunk = await stream.next_chunk()
        assert chunk is not None
        del chunk
        await eventually(lambda: len(file.calls) >= 4)
        stream.close()
        assert len(file.calls) == 4

    run(work, window_chunks=3)


def test_a_closed_stream_makes_nothing_more() -> None:
    """Chunks that wait are dropped; one that is being made cannot be stopped."""

    async def work(generation: Generation) -> None:
        file = Gated()
        stream = generation.open(file, [(0, file.size_bytes)])
        asking = asyncio.ensure_future(stream.next_chunk())
        await asyncio.to_thread(file.begun.acquire)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        stream.close()
        file.gate.set()
        assert await generation.read(file, [(7, 15)]) == [(7).to_bytes(8, "little")]
        await eventually(lambda: generation.streams == 0)
        assert sorted(file.calls) == [0, 7]

    run(work)


def test_chunks_come_in_order_from_several_threads() -> None:
    """Whoever is ready first."""

    async def work(generation: Generation) -> None:
        file = Gated()
        file.gate.set()
        stream = generation.open(file, [(0, 20 * 2**19)])
        starts = []
        while (chunk := await stream.next_chunk()) is not None:
            starts.append(int.from_bytes(chunk.view[:8], "little"))
            del chunk
        stream.close()
        assert starts == sorted(starts)
        assert starts[:3] == [0, SMALL_READ_BYTES, 2**19]

    run(work, threads=4, window_chunks=4)


def test_small_reads_are_bounded() -> None:
    """By a number of their own."""

    async def work(generation: Generation) -> None:
        file = Gated()
        reads = [asyncio.ensure_future(generation.read(file, [(0, 8)])) for _ in range(3)]
        await asyncio.to_thread(file.begun.acquire)
        with pytest.raises(OverloadedError):
            await generation.read(file, [(0, 8)])
        file.gate.set()
        await asyncio.gather(*reads)
        assert await generation.read(file, [(0, 8)]) == [bytes(8)]

    run(work, small_reads=3)


def test_buffers_are_reused() -> None:
    """By one stream after the other."""
    pool = BufferPool(buffer_bytes=2**16)
    first = pool.lend(lambda: None)
    first[:5] = b"hello"
    del first
    second = pool.lend(lambda: None)
    assert bytes(second[:5]) == b"hello"
    assert pool.free == 0


def test_a_caller_who_leaves_still_counts() -> None:
    """Its thread works on."""

    async def main() -> None:
        executor = BoundedExecutor("sums", threads=1, limit=1)
        release = threading.Event()
        first = asyncio.ensure_future(executor.run(release.wait))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        with pytest.raises(OverloadedError):
            await executor.run(release.wait)
        release.set()
        await eventually(lambda: executor._taken == 0)
        assert await executor.run(lambda: 3) == 3
        executor.close()

    asyncio.run(main())


@pytest.mark.parametrize(("threads", "limit"), [(1, 3), (3, 1), (2, 2)])
def test_the_limit_is_of_all_that_run_and_wait(threads: int, limit: int) -> None:
    """Whether there are fewer threads than that or more."""

    async def main() -> None:
        executor = BoundedExecutor("sums", threads=threads, limit=limit)
        release = threading.Event()
        taken = [asyncio.ensure_future(executor.run(release.wait)) for _ in range(limit)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match=f"sums are taken, all {limit};"):
            await executor.run(release.wait)
        release.set()
        assert await asyncio.gather(*taken) == [True] * limit
        executor.close()

    asyncio.run(main())


def test_a_cache_drops_what_was_used_longest_ago() -> None:
    """By weight; and loads again what failed."""

    async def main() -> None:
        cache: SingleFlightCache[str, str] = SingleFlightCache(capacity=4, weigh=len)
        loads: list[str] = []

        async def load(value: str) -> str:
            loads.append(value)
            if value == "bad":
                raise ValueError(value)
            return value

        for key in ("aa", "bb", "aa", "cc", "aa", "bb"):
            assert await cache.get(key, lambda key=key: load(key)) == key  # type: ignore[misc]
        assert loads == ["aa", "bb", "cc", "bb"]
        for _ in range(2):
            with pytest.raises(ValueError, match="bad"):
                await cache.get("bad", lambda: load("bad"))
        assert loads[-2:] == ["bad", "bad"]
        cache.drop("aa")
        assert cache.peek("aa") is None

    asyncio.run(main())
