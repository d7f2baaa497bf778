"""Chunks of stored bytes: no thread waits for them, and none ends before the hash."""

import asyncio

import pytest

from services.engine import Engine
from tests.engines import content_of, eventually, run
from tests.stored import memory
from tests.unit.test_stored_file import TENSORS, mixed, whole
from weightbank.errors import UnknownTensorError

TIMEOUT_SECONDS = 60


def test_chunks_are_made_as_bytes_arrive() -> None:
    """In any order of arrival; what is fitted afterwards, and the last byte at the end."""
    expected = whole(mixed())

    async def work(engine: Engine) -> None:
        found = memory(TENSORS)
        found.reader.hold()
        task = asyncio.create_task(content_of(engine, mixed(found=found)))
        await eventually(lambda: bool(found.reader.places))
        for name in reversed(TENSORS):
            found.reader.arrive(name)
        found.reader.verify()
        assert await asyncio.wait_for(task, TIMEOUT_SECONDS) == expected
        assert found.reader.places == []

    run(work, chunk_bytes=1024, threads=2)


def test_an_arrival_that_fails_ends_the_stream() -> None:
    """With its own error, and no place is held any more."""

    async def work(engine: Engine) -> None:
        found = memory(TENSORS)
        found.reader.hold()
        task = asyncio.create_task(content_of(engine, mixed(found=found)))
        await eventually(lambda: bool(found.reader.places))
        found.reader.fail(UnknownTensorError("p", "q", "is gone"))
        with pytest.raises(UnknownTensorError, match="is gone"):
            await asyncio.wait_for(task, TIMEOUT_SECONDS)
        assert found.reader.places == []

    run(work, chunk_bytes=1024, threads=2)
