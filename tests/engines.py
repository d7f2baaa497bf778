"""Engines for tests, and files that are made to order."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest

from services.devices.threads import ThreadDevice
from services.engine import Device, Engine, EngineOptions, Reason, Stream, Unobserved
from weightbank.pieces import Piece
from weightbank.prepared import Flight

CHUNK_BYTES = 2**19


class File:
    """A file without tensors; each kind says how its bytes are made."""

    size_bytes = 2**30

    def pieces(self, start: int, stop: int) -> Iterator[Piece | bytes]:
        """Return them as bytes, which stay in this process."""
        buffer = bytearray(stop - start)
        self.read_into(start, memoryview(buffer))
        yield bytes(buffer)

    def wholes(self, start: int, stop: int) -> Sequence[Flight]:
        """Need nothing whole."""
        del start, stop
        return []

    def read_into(self, start: int, buffer: memoryview) -> None:
        """Write bytes."""
        raise NotImplementedError


class Gated(File):
    """A file that is made only while a gate is open."""

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


class Numbers(File):
    """A file whose bytes follow from their position."""

    def __init__(
        self, size_bytes: int = File.size_bytes, *, fails_at: int | None = None, failures: int = 99
    ) -> None:
        """Make a file.

        Args:
            size_bytes: Its size.
            fails_at: Chunks from here on fail.
            failures: How often they do.
        """
        self.size_bytes = size_bytes
        self.fails_at = size_bytes if fails_at is None else fails_at
        self.failures = failures
        self.made: list[int] = []

    def read_into(self, start: int, buffer: memoryview) -> None:
        """Write them, or fail."""
        if start >= self.fails_at and self.failures:
            self.failures -= 1
            raise RuntimeError("poison")
        self.made.append(start)
        buffer[:] = self.content(start, start + len(buffer))

    @staticmethod
    def content(start: int, stop: int) -> bytes:
        """The bytes of a span."""
        period = bytes(range(251))
        first = start % 251
        return (period * (2 + (stop - start) // 251))[first : first + stop - start]


class Witness(Unobserved):
    """Remembers what an engine tells."""

    def __init__(self) -> None:
        self.retries: list[tuple[str, Reason]] = []
        self.losses: list[str] = []
        self.failures: list[str] = []

    def retried(self, device: str, reason: Reason, *, stream: str) -> None:
        """Remember."""
        del stream
        self.retries.append((device, reason))

    def went_down(self, device: str, error: Exception) -> None:
        """Remember."""
        del device
        self.losses.append(str(error))

    def could_not_make(self, device: str, error: Exception, *, stream: str) -> None:
        """Remember."""
        del stream
        self.failures.append(f"{device}: {error}")


async def content_of(engine: Engine, file: Any, start: int = 0, stop: int | None = None) -> bytes:
    """Bytes of a file, through a stream; all of it if nothing else is said."""
    return await drain(engine.open(file, [(start, file.size_bytes if stop is None else stop)]))


async def drain(stream: Stream) -> bytes:
    """All bytes of a stream, which is closed then."""
    content = bytearray()
    try:
        while (chunk := await stream.next_chunk()) is not None:
            content += chunk.view
            del chunk
    finally:
        stream.close()
    return bytes(content)


async def eventually(holds: Callable[[], bool]) -> None:
    """Turn the loop until something holds."""
    for _ in range(30_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    pytest.fail("it never came true")


def make_engine(
    devices: Sequence[Device] | None = None,
    *,
    threads: int = 1,
    observer: Any = None,
    **options: Any,
) -> Engine:
    """Return a small engine that was started: of threads, unless it is told of what."""
    chosen = EngineOptions(**{"chunk_bytes": CHUNK_BYTES, **options})
    if devices is None:
        devices = [ThreadDevice("cpu", lanes=threads)]
    lanes = sum(device.lanes for device in devices)
    pool = chosen.pool(lanes=lanes, is_shared=False)
    engine = Engine(chosen, pool, devices, observer=observer)
    engine.start()
    return engine


def run(work: Callable[[Engine], Awaitable[None]], **options: Any) -> None:
    """Run a test with an engine, in a loop of its own."""

    async def main() -> None:
        engine = make_engine(**options)
        try:
            await work(engine)
        finally:
            await asyncio.to_thread(engine.close)

    asyncio.run(main())
