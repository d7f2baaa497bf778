"""Bytes of a blob, awaited on an event loop."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from services.blobs.blob import OpenBlob
from services.checkpoints import arrivals
from services.hub.errors import CorruptFileError
from tests.arriving_file import ArrivingBlob, ArrivingFile
from tests.blobs import PATIENCE_SECONDS, FakeOrigin, content_of, key_of, store_in
from tests.engines import eventually

CONTENT = content_of(1000)
ERROR = CorruptFileError("file", "x", "is another")
WAITS: list[Callable[[OpenBlob], Awaitable[object]]] = [
    lambda blob: arrivals.wait_beyond(blob, 99),
    arrivals.wait_verified,
    lambda blob: arrivals.read(blob, 10, 100),
]
"""What all wait for more than the first 50 bytes."""


@pytest.fixture
def file(tmp_path: Path) -> ArrivingFile:
    """A file of which nothing has arrived."""
    return ArrivingFile(tmp_path / "file", CONTENT)


@pytest.fixture
def blob(file: ArrivingFile) -> Iterator[ArrivingBlob]:
    """The same, open."""
    with file.open() as opened:
        yield opened


async def begun(work: Awaitable[object], file: ArrivingFile) -> "asyncio.Future[object]":
    """Return a task once it waits for the file."""
    task = asyncio.ensure_future(work)
    await eventually(lambda: bool(file.watched))
    return task


@pytest.mark.parametrize("wait", WAITS)
def test_what_is_there_is_not_waited_for(
    file: ArrivingFile, blob: ArrivingBlob, wait: Callable[[OpenBlob], Awaitable[object]]
) -> None:
    """Nor watched."""
    file.verify()
    asyncio.run(asyncio.wait_for(wait(blob), PATIENCE_SECONDS))
    assert file.watched == []


@pytest.mark.parametrize("wait", WAITS)
def test_waiting_goes_on_until_it_is_there(
    file: ArrivingFile, blob: ArrivingBlob, wait: Callable[[OpenBlob], Awaitable[object]]
) -> None:
    """Whatever comes before; no watcher is left behind."""

    async def main() -> None:
        task = await begun(wait(blob), file)
        file.arrive(50)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        file.verify()
        await asyncio.wait_for(task, PATIENCE_SECONDS)
        assert file.watched == []

    asyncio.run(main())


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("is_early", [True, False])
def test_what_ends_an_arrival_ends_the_waiting(
    file: ArrivingFile,
    blob: ArrivingBlob,
    wait: Callable[[OpenBlob], Awaitable[object]],
    is_early: bool,  # noqa: FBT001 - a case
) -> None:
    """With its own error, also if that came before."""

    async def main() -> None:
        if is_early:
            file.fail(ERROR)
            waiting: Awaitable[object] = wait(blob)
        else:
            waiting = await begun(wait(blob), file)
            file.fail(ERROR)
        with pytest.raises(CorruptFileError, match="is another"):
            await asyncio.wait_for(waiting, PATIENCE_SECONDS)
        assert file.watched == []

    asyncio.run(main())


def test_bytes_that_came_before_an_error_can_be_read(
    file: ArrivingFile, blob: ArrivingBlob
) -> None:
    """The hash of them all is for others to wait for."""
    file.arrive(100)
    file.fail(ERROR)
    assert asyncio.run(arrivals.read(blob, 10, 100)) == CONTENT[10:100]


class HastyBlob(ArrivingBlob):
    """A blob of which much comes, and then an error, while somebody looks for errors."""

    def __init__(self, file: ArrivingFile, path: Path) -> None:
        super().__init__(file, os.open(path, os.O_RDONLY))

    @property
    def error(self) -> Exception | None:
        """Let both come."""
        self._file.available_bytes = 100
        return ERROR


def test_bytes_that_come_just_before_an_error_can_be_read(
    file: ArrivingFile, tmp_path: Path
) -> None:
    """Between looking for bytes and looking for errors."""
    with HastyBlob(file, tmp_path / "file") as blob:
        assert asyncio.run(arrivals.read(blob, 10, 100)) == CONTENT[10:100]
    assert file.watched == []


@pytest.mark.parametrize("wait", WAITS)
def test_who_leaves_watches_no_more(
    file: ArrivingFile, blob: ArrivingBlob, wait: Callable[[OpenBlob], Awaitable[object]]
) -> None:
    """In the middle of waiting."""

    async def main() -> None:
        task = await begun(wait(blob), file)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert file.watched == []

    asyncio.run(main())


def test_the_last_byte_comes_with_the_hash(file: ArrivingFile, blob: ArrivingBlob) -> None:
    """Who asks for it waits for that."""

    async def main() -> None:
        task = await begun(arrivals.read(blob, 999, 1000), file)
        file.arrive(1000)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        file.verify()
        assert await asyncio.wait_for(task, PATIENCE_SECONDS) == CONTENT[999:]

    asyncio.run(main())


def test_nothing_is_read_at_once(file: ArrivingFile, blob: ArrivingBlob) -> None:
    """Even where nothing has arrived."""
    assert asyncio.run(arrivals.read(blob, 0, 0)) == b""
    assert file.watched == []


def test_news_for_a_loop_that_is_closed_is_for_nobody(
    file: ArrivingFile, blob: ArrivingBlob
) -> None:
    """Who tells it must not fail."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(arrivals.wait_verified(blob))
    loop.run_until_complete(asyncio.sleep(0))
    (tell,) = file.watched
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    tell()


def test_a_real_blob_is_awaited_while_threads_bring_it(tmp_path: Path) -> None:
    """By several at once."""
    origin = FakeOrigin(CONTENT)
    origin.hold(100)

    async def main() -> None:
        with store.fetch(key_of(CONTENT), origin) as opened:
            assert await arrivals.read(opened, 0, 100) == CONTENT[:100]
            reads = [asyncio.ensure_future(arrivals.read(opened, 0, 1000)) for _ in range(5)]
            origin.let_go()
            assert await asyncio.gather(*reads) == [CONTENT] * 5
            await arrivals.wait_verified(opened)

    with store_in(tmp_path / "store") as store:
        asyncio.run(asyncio.wait_for(main(), PATIENCE_SECONDS))
