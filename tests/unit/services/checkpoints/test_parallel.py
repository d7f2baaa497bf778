"""Several things awaited at once, a few at a time."""

import asyncio
import gc
import weakref

import pytest

from services.checkpoints.parallel import in_parallel
from tests.blobs import PATIENCE_SECONDS
from tests.engines import eventually


def test_a_few_are_awaited_at_one_time() -> None:
    """The next begins when one has ended; results are in the order of the items."""
    begun: list[int] = []
    gates = [asyncio.Event() for _ in range(5)]

    async def work(item: int) -> str:
        begun.append(item)
        await gates[item].wait()
        return str(item)

    async def main() -> None:
        task = asyncio.ensure_future(in_parallel(range(5), work, at_once=2))
        for released, now in [(1, [0, 1]), (0, [0, 1, 2]), (3, [0, 1, 2, 3]), (2, None), (4, None)]:
            await eventually(lambda now=now: now is None or begun == now)  # type: ignore[misc]
            gates[released].set()
        assert await asyncio.wait_for(task, PATIENCE_SECONDS) == ["0", "1", "2", "3", "4"]

    asyncio.run(main())
    assert begun == [0, 1, 2, 3, 4]


def test_the_first_error_gives_the_others_up() -> None:
    """Those that run are cancelled, and those that wait for a place do not begin."""
    begun: list[int] = []
    ended: list[int] = []

    async def work(item: int) -> None:
        begun.append(item)
        if item == 1:
            raise ValueError(item)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    async def main() -> None:
        with pytest.raises(ValueError, match="1"):
            await in_parallel(range(5), work, at_once=2)
        await eventually(lambda: len(ended) == len(begun) - 1)

    asyncio.run(main())
    assert begun in ([0, 1], [0, 1, 2])  # a place became free before the error was heard


def test_who_leaves_gives_all_up() -> None:
    """In the middle of them."""
    ended: list[int] = []

    async def work(item: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    async def main() -> None:
        task = asyncio.ensure_future(in_parallel(range(3), work))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: sorted(ended) == [0, 1, 2])

    asyncio.run(main())


def test_nothing_comes_of_nothing() -> None:
    """At once."""

    async def work(item: int) -> int:
        raise AssertionError(item)

    assert asyncio.run(in_parallel([], work)) == []


def test_an_error_holds_nothing_that_the_others_came_to() -> None:
    """Nobody waits for a garbage collection: they may be open files."""

    class File:
        """What one came to."""

    known: list[weakref.ref[File]] = []

    async def work(item: int) -> File:
        if item == 2:
            raise ValueError(item)
        file = File()
        known.append(weakref.ref(file))
        return file

    async def main() -> None:
        try:
            await in_parallel(range(3), work)
        except ValueError:
            await asyncio.sleep(0)  # what the loop calls just now, it holds
            assert [file() for file in known] == [None, None]
        else:
            pytest.fail("it raised nothing")

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()
