"""The engine over threads: chunks in order, bounded, cancelled, made again."""

import asyncio
import threading

import pytest

from services.devices.threads import ThreadDevice
from services.engine import SMALL_READ_BYTES, Engine
from services.errors import ChunkFailedError, NoDeviceError, OverloadedError, ShuttingDownError
from tests.engines import (
    CHUNK_BYTES,
    Gated,
    Numbers,
    Witness,
    content_of,
    drain,
    eventually,
    run,
)
from weightbank.errors import LimitExceededError


def test_only_a_window_is_made_ahead() -> None:
    """However long the file is."""

    async def work(engine: Engine) -> None:
        file = Gated()
        file.gate.set()
        stream = engine.open(file, [(0, file.size_bytes)])
        chunk = await stream.next_chunk()
        assert chunk is not None
        del chunk
        await eventually(lambda: len(file.calls) >= 4)
        stream.close()
        assert len(file.calls) == 4

    run(work, window_chunks=3)


def test_a_closed_stream_makes_nothing_more() -> None:
    """Chunks that wait are dropped; one that is being made cannot be stopped."""

    async def work(engine: Engine) -> None:
        file = Gated()
        stream = engine.open(file, [(0, file.size_bytes)])
        asking = asyncio.ensure_future(stream.next_chunk())
        await asyncio.to_thread(file.begun.acquire)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        stream.close()
        file.gate.set()
        assert await engine.read(file, [(7, 15)]) == [(7).to_bytes(8, "little")]
        await eventually(lambda: engine.streams == 0)
        assert sorted(file.calls) == [0, 7]
        assert engine.pool.free == engine.pool.buffers

    run(work)


def test_chunks_come_in_order_from_several_threads() -> None:
    """Whoever is ready first."""

    async def work(engine: Engine) -> None:
        file = Gated()
        file.gate.set()
        stream = engine.open(file, [(0, 20 * 2**19)])
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

    async def work(engine: Engine) -> None:
        file = Gated()
        reads = [asyncio.ensure_future(engine.read(file, [(0, 8)])) for _ in range(3)]
        await asyncio.to_thread(file.begun.acquire)
        with pytest.raises(OverloadedError):
            await engine.read(file, [(0, 8)])
        file.gate.set()
        await asyncio.gather(*reads)
        assert await engine.read(file, [(0, 8)]) == [bytes(8)]

    run(work, small_reads=3)


def test_a_chunk_that_failed_is_made_again() -> None:
    """Twice is no reason to give up."""

    async def work(engine: Engine) -> None:
        file = Numbers(3 * CHUNK_BYTES, fails_at=CHUNK_BYTES, failures=2)
        assert await content_of(engine, file) == file.content(0, file.size_bytes)

    run(work, threads=2)


def test_a_chunk_that_fails_thrice_ends_its_own_stream() -> None:
    """And no other; what went wrong is told to the observer, not to the reader."""
    witness = Witness()

    async def work(engine: Engine) -> None:
        poison = Numbers(8 * CHUNK_BYTES, fails_at=CHUNK_BYTES)
        good = Numbers(8 * CHUNK_BYTES)
        failing, fine = await asyncio.gather(
            content_of(engine, poison), content_of(engine, good), return_exceptions=True
        )
        assert fine == good.content(0, good.size_bytes)
        assert isinstance(failing, ChunkFailedError)
        assert "poison" not in str(failing)
        await eventually(lambda: engine.streams == 0)
        assert engine.pool.free == engine.pool.buffers

    run(work, threads=2, observer=witness)
    assert set(witness.failures) == {"cpu: poison"}
    assert len(witness.failures) >= 3


def test_a_mistake_of_the_caller_is_not_tried_again() -> None:
    """It would be the same mistake."""
    witness = Witness()

    class TooLarge(Numbers):
        tries = 0

        def read_into(self, start: int, buffer: memoryview) -> None:
            del start, buffer
            self.tries += 1
            raise LimitExceededError("tensor", "w", "is too large")

    async def work(engine: Engine) -> None:
        file = TooLarge(100)
        with pytest.raises(LimitExceededError):
            await content_of(engine, file)
        assert file.tries == 1

    run(work, observer=witness)
    assert (witness.retries, witness.failures) == ([], []), "nobody has to be told of it"


def test_a_draining_engine_finishes_and_begins_nothing() -> None:
    """Streams go on to their ends."""

    async def work(engine: Engine) -> None:
        file = Numbers(6 * CHUNK_BYTES)
        stream = engine.open(file, [(0, file.size_bytes)])
        engine.drain()
        with pytest.raises(ShuttingDownError):
            engine.open(file, [(0, 1)])
        with pytest.raises(ShuttingDownError):
            await engine.read(file, [(0, 1)])
        assert await drain(stream) == file.content(0, file.size_bytes)

    run(work)


def test_a_device_that_cannot_be_started_is_tried_again() -> None:
    """Until then streams are refused, and it is said which device is missing."""
    is_broken = threading.Event()
    is_broken.set()

    def warm_up() -> None:
        if is_broken.is_set():
            raise RuntimeError("no compiler")

    async def work(engine: Engine) -> None:
        file = Numbers(2 * CHUNK_BYTES)
        await eventually(lambda: engine.devices[0].has_failed)
        assert engine.missing_devices() == ["cpu"]
        with pytest.raises(NoDeviceError):
            engine.open(file, [(0, 1)])
        is_broken.clear()
        await eventually(lambda: not engine.missing_devices())
        assert await content_of(engine, file) == file.content(0, file.size_bytes)

    run(work, devices=[ThreadDevice("cpu", lanes=1, warm_up=warm_up)])


def test_streams_are_bounded() -> None:
    """A place is free again when its buffers are."""

    async def work(engine: Engine) -> None:
        file = Numbers()
        stream = engine.open(file, [(0, file.size_bytes)])
        with pytest.raises(OverloadedError, match="streams are taken, all 1"):
            engine.open(file, [(0, 1)])
        chunk = await stream.next_chunk()
        stream.close()
        await asyncio.sleep(0.05)
        assert engine.streams == 1
        del chunk
        await eventually(lambda: engine.streams == 0)
        engine.open(file, [(0, 1)]).close()

    run(work, streams=1)


def test_a_stream_beside_one_that_reads_nothing_goes_on() -> None:
    """Whose window and hands are full; buffers are enough for both."""

    async def work(engine: Engine) -> None:
        file = Numbers(20 * CHUNK_BYTES)
        hoarders = [engine.open(file, [(0, file.size_bytes)]) for _ in range(3)]
        kept = [await stream.next_chunk() for stream in hoarders for _ in range(4)]
        stream = engine.open(file, [(5, file.size_bytes)])
        assert await drain(stream) == file.content(5, file.size_bytes)
        assert all(hoarder.starved_since is None for hoarder in hoarders)
        waiting = [asyncio.ensure_future(hoarder.next_chunk()) for hoarder in hoarders]
        await eventually(lambda: all(hoarder.starved_since for hoarder in hoarders))
        kept.clear()
        for chunk in await asyncio.gather(*waiting):
            assert chunk is not None
        for hoarder in hoarders:
            hoarder.close()

    run(work, streams=4)
