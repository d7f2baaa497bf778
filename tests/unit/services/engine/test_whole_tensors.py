"""Tensors that are made whole: once, by all lanes, while other streams go on."""

import asyncio
import threading
from typing import Any

import numpy as np

from services.engine import Engine
from tests.engines import Numbers, Witness, content_of, eventually, run
from tests.specs import file_of, parameter
from weightbank import CpuBackend, WeightsFile
from weightbank.making import Making, Stages, Task
from weightbank.numbers.streams import Stream


class Counted(CpuBackend):
    """A backend that remembers which matrices it has made."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Stream] = []

    def begin_orthogonal(self, stream: Stream, rows: int, columns: int, gain: Any) -> Making:
        """Remember, once the first step is taken."""

        def stages() -> Stages:
            self.made.append(stream)
            yield []
            return CpuBackend().orthogonal(stream, rows, columns, gain)

        return Making(stages())


class Stepwise(CpuBackend):
    """A backend whose matrices are made in steps that the test lets through."""

    def __init__(self) -> None:
        super().__init__()
        self.permits = threading.Semaphore(0)
        self.steps = 0
        self.begun = 0

    def begin_orthogonal(self, stream: Stream, rows: int, columns: int, gain: Any) -> Making:
        """Make zeros, a step at a time."""
        del stream, gain

        def task() -> Task:
            while self.steps < 5:
                assert self.permits.acquire(timeout=30)
                self.steps += 1
                yield

        def stages() -> Stages:
            yield [task()]
            return np.zeros((rows, columns), np.float32)

        self.begun += 1
        return Making(stages())


def orthogonal_file(backend: CpuBackend, *, seed: int = 1) -> WeightsFile:
    """A file of two matrices and something in between."""
    return file_of(
        parameter([700, 600], "orthogonal", "a"),
        parameter([300, 700], {"type": "normal"}, "b"),
        parameter([500, 900], "orthogonal", "c"),
        seed=seed,
        backend=backend,
    )


def test_each_is_made_once_for_all_who_ask() -> None:
    """Whole files and ranges at the same time, and small reads once it is there."""
    backend = Counted()
    file = orthogonal_file(backend)
    size = file.size_bytes
    spans = [(0, size), (0, size), (size // 2, size), (5, size - 5)]
    small = [(size - 1000, size), (2000, 2100)]

    async def work(engine: Engine) -> None:
        assert await engine.read(file, small) is None, "for this there are streams"
        streams = await asyncio.gather(*(content_of(engine, file, *span) for span in spans))
        whole = bytes(file.read(0, size))
        assert streams == [whole[start:stop] for start, stop in spans]
        assert await engine.read(file, small) == [whole[start:stop] for start, stop in small]

    run(work, threads=3, streams=8)
    assert len(backend.made) == len(set(backend.made)) == 2


def test_other_streams_go_on_while_one_is_made() -> None:
    """Its steps take turns with their chunks."""
    backend = Stepwise()
    file, other = orthogonal_file(backend), Numbers(2**22)

    async def work(engine: Engine) -> None:
        waiting = asyncio.ensure_future(content_of(engine, file, 0, file.size_bytes))
        for permits in range(5):
            await eventually(lambda: backend.begun > 0)
            backend.permits.release()
            stream = engine.open(other, [(0, other.size_bytes)])
            received = 0
            while (chunk := await stream.next_chunk()) is not None:
                received += len(chunk.view)
                del chunk
            stream.close()
            assert received == other.size_bytes
            assert not waiting.done() or permits == 4
        backend.permits.release(1000)
        assert len(await waiting) == file.size_bytes

    run(work, threads=2)


def test_nobody_makes_what_nobody_waits_for() -> None:
    """A client that leaves ends it after the step under way; another begins anew."""
    backend = Stepwise()
    file = orthogonal_file(backend)

    async def work(engine: Engine) -> None:
        leaving = asyncio.ensure_future(content_of(engine, file, 0, file.size_bytes))
        await eventually(lambda: backend.begun == 1)
        backend.permits.release()
        await eventually(lambda: backend.steps == 1)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        backend.permits.release(1000)
        await eventually(lambda: engine.streams == 0)
        assert backend.steps <= 2
        assert len(await content_of(engine, file, 0, file.size_bytes)) == file.size_bytes
        assert backend.begun >= 2

    run(work, threads=1)


def test_an_error_ends_the_streams_that_need_the_tensor() -> None:
    """After three tries; others have their bytes."""

    class Failing(CpuBackend):
        tries = 0

        def begin_orthogonal(self, stream: Stream, rows: int, columns: int, gain: Any) -> Making:
            del stream, rows, columns, gain

            def stages() -> Stages:
                self.tries += 1
                yield []
                raise MemoryError("no room")

            return Making(stages())

    witness = Witness()
    backend = Failing()
    file, other = orthogonal_file(backend), Numbers(2**22)

    async def work(engine: Engine) -> None:
        start = file.layout.starts[1]
        results = await asyncio.gather(
            content_of(engine, file, 0, file.size_bytes),
            content_of(engine, file, start, start + 600_000),
            return_exceptions=True,
        )
        assert "could not be made in 3 attempts" in str(results[0])
        assert results[1] == bytes(file.read(start, start + 600_000))
        stream = engine.open(other, [(0, 100)])
        assert await stream.next_chunk() is not None
        stream.close()
        await eventually(lambda: engine.pool.free == engine.pool.buffers)

    run(work, threads=2, observer=witness)
    assert backend.tries >= 3
    assert "whole tensors: no room" in witness.failures
