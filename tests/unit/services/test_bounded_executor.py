"""Threads for blocking work: bounded, and counted until they are done."""

import asyncio
import gc
import threading
import weakref

import pytest

from services.bounded_executor import BoundedExecutor
from services.errors import OverloadedError
from tests.engines import eventually


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


def test_an_error_holds_none_of_its_frames_once_it_is_dropped() -> None:
    """Nobody waits for a garbage collection: frames know buffers and open files."""

    class Buffer:
        """What a frame knows."""

    def fail() -> int:
        raise ValueError("bad")

    async def caller(executor: BoundedExecutor) -> "weakref.ref[Buffer]":
        buffer = Buffer()
        known = weakref.ref(buffer)
        try:
            await executor.run(fail)
        except ValueError:
            return known
        raise AssertionError(buffer)

    async def main() -> None:
        executor = BoundedExecutor("sums", threads=1, limit=1)
        known = await caller(executor)
        executor.close()
        await asyncio.sleep(0)
        assert known() is None

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()
