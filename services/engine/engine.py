"""Chunks of files, made ahead of their readers by all devices, within fixed memory.

Theory of operation: readers are coroutines of one event loop, devices have threads
(``crew.py``), and ``scheduler.py`` says what is made next and into which buffer. A
chunk's buffer counts as lent until its last view dies (see ``buffers.py``), which is
after the transport has let go of it; so memory is that of the pool, whatever clients
do. A slow reader costs no thread: nothing is made until a buffer is back.

Small reads are one job into fresh memory in this process, admitted apart from the
streams; where they need a tensor that has to be made whole first, they are for a stream.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from services.bounded_executor import BoundedExecutor
from services.engine.buffers import BufferPool
from services.engine.chunks import Chunk, Span
from services.engine.crew import Crew
from services.engine.device import Device
from services.engine.observer import Observer, Unobserved
from services.engine.scheduler import Backlog
from services.engine.source import ByteSource
from services.engine.state import HANDED_OVER_CHUNKS, DeviceState, Queue
from services.engine.stream import Stream
from services.errors import NoDeviceError, OverloadedError, ShuttingDownError

SMALL_READ_BYTES = 2**18
"""Reads of at most this many bytes are made by one job and are no stream."""

_SMALL_READS = "small reads"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Bounds of an engine.

    Attributes:
        chunk_bytes: Most bytes of a chunk, a power of two.
        window_chunks: Chunks of one stream that are made ahead of its reader.
        streams: Most streams at once.
        small_reads: Most small reads at once, waiting ones included.
        small_read_threads: Small reads that are made at once.
        timeout_seconds: After which a device that has not finished a chunk is taken
            to hang, and is ended.
    """

    chunk_bytes: int = 2**22
    window_chunks: int = 2
    streams: int = 32
    small_reads: int = 1024
    small_read_threads: int = 1
    timeout_seconds: float = 10.0

    def pool(self, *, lanes: int, is_shared: bool) -> BufferPool:
        """Return the buffers that an engine of these bounds needs.

        Args:
            lanes: Of all devices; a race may need a buffer for each.
            is_shared: As ``BufferPool`` has it.
        """
        buffers = self.streams * (self.window_chunks + HANDED_OVER_CHUNKS) + lanes
        return BufferPool(buffer_bytes=self.chunk_bytes, buffers=buffers, is_shared=is_shared)


class Engine:
    r"""Makes bytes of files on devices. For one event loop, on which it is made.

    Examples:
        >>> from services.devices.threads import ThreadDevice
        >>> class Zeros:
        ...     size_bytes = 10
        ...     def read_into(self, start: int, buffer: memoryview) -> None:
        ...         buffer[:] = bytes(len(buffer))
        ...     def wholes(self, start: int, stop: int) -> list:
        ...         return []
        >>> async def main() -> list[bytes] | None:
        ...     options = EngineOptions(streams=1)
        ...     pool = options.pool(lanes=1, is_shared=False)
        ...     engine = Engine(options, pool, [ThreadDevice("cpu", lanes=1)])
        ...     engine.start()
        ...     try:
        ...         return await engine.read(Zeros(), [(0, 2), (4, 5)])
        ...     finally:
        ...         engine.close()
        >>> asyncio.run(main())
        [b'\x00\x00', b'\x00']
    """

    def __init__(
        self,
        options: EngineOptions,
        pool: BufferPool,
        devices: Sequence[Device],
        *,
        reserve: Device | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            options: Its bounds.
            pool: Of these options.
            devices: What makes chunks.
            reserve: A local device for what those cannot make, and for when they are
                down; not needed where one of them is local.
            observer: Told what happens.
        """
        self.options = options
        self.pool = pool
        self._observer = observer or Unobserved()
        self._loop = asyncio.get_running_loop()
        states = [DeviceState(device) for device in devices]
        if reserve is not None:
            states.append(DeviceState(reserve, is_reserve=True))
        self._crew = Crew(
            pool,
            states,
            timeout_seconds=options.timeout_seconds,
            observer=self._observer,
            returned=self._on_return_anywhere,
        )
        self._small_reads = BoundedExecutor(
            _SMALL_READS, threads=options.small_read_threads, limit=options.small_reads
        )
        self._places: set[Queue] = set()
        self._is_draining = False

    @property
    def streams(self) -> int:
        """Streams that hold a place, those whose buffers are still out included."""
        return len(self._places)

    def backlog(self) -> Backlog:
        """Return what open streams wait for."""
        return self._crew.backlog()

    @property
    def devices(self) -> Sequence[DeviceState]:
        """What makes chunks, the reserve included."""
        return self._crew.devices

    def missing_devices(self) -> list[str]:
        """Return the names of all devices but the reserve, if all are down or hang."""
        devices = [device for device in self.devices if not device.is_reserve]
        if any(device.can_begin for device in devices):
            return []
        return [device.device.name for device in devices]

    def start(self) -> None:
        """Bring the devices up, each in its own time."""
        self._crew.start()

    async def read(self, file: ByteSource, spans: Sequence[Span]) -> list[bytes] | None:
        """Return the bytes of a few small spans.

        Args:
            file: Whose bytes.
            spans: Which of them; together at most ``SMALL_READ_BYTES``.

        Returns:
            None if a tensor has to be made whole for them: that takes long, and is
            for a stream.

        Raises:
            OverloadedError: If too many small reads wait already.
            ShuttingDownError: If the engine drains.
        """
        if self._is_draining:
            raise ShuttingDownError

        def job() -> list[bytes] | None:
            return [self._fill(file, span) for span in spans] if _is_ready(file, spans) else None

        return await self._small_reads.run(job)

    def open(self, file: ByteSource, spans: Sequence[Span], *, name: str = "") -> Stream:
        """Return a stream of spans, which must be closed.

        Args:
            file: Whose bytes.
            spans: Which of them, in order, none empty.
            name: For whoever reads the log: the id of the request.

        Raises:
            OverloadedError: If all streams are taken.
            ShuttingDownError: If the engine drains.
            NoDeviceError: If nothing that makes chunks could be started.
        """
        if self._is_draining:
            raise ShuttingDownError
        if all(device.has_failed for device in self.devices):
            raise NoDeviceError
        if len(self._places) >= self.options.streams:
            raise OverloadedError("streams", limit=self.options.streams)
        stream = Stream(
            self,
            file,
            spans,
            name=name,
            chunk_bytes=self.options.chunk_bytes,
            window_chunks=self.options.window_chunks,
        )
        self._places.add(stream.queue)
        self._crew.add(stream.queue)
        return stream

    def drain(self) -> None:
        """Begin nothing new; finish what was begun."""
        self._is_draining = True

    def close(self) -> None:
        """End all threads and devices; what is being made is dropped."""
        self._is_draining = True
        self._crew.close()
        self._small_reads.close()
        self.pool.close()

    def next_of(self, queue: Queue) -> Chunk | None:
        """Hand over the head of a queue if it is there; called by streams."""
        return self._crew.hand_over(queue)

    def end(self, queue: Queue) -> None:
        """Make nothing more for a queue; called by streams."""
        self._crew.remove(queue)
        self._release_when_empty(queue)

    def _fill(self, file: ByteSource, span: Span) -> bytes:
        buffer = bytearray(span[1] - span[0])
        started = time.perf_counter()
        file.read_into(span[0], memoryview(buffer))
        self._observer.made(_SMALL_READS, time.perf_counter() - started, len(buffer))
        return bytes(buffer)

    def _on_return_anywhere(self, queue: Queue) -> None:
        # A loop that is closed has no streams left to count.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._on_return, queue)

    def _on_return(self, queue: Queue) -> None:
        self._crew.buffer_returned(queue)
        self._release_when_empty(queue)

    def _release_when_empty(self, queue: Queue) -> None:
        if queue.is_closed and queue.lent == 0:
            self._places.discard(queue)


def _is_ready(file: ByteSource, spans: Sequence[Span]) -> bool:
    """Return whether no whole tensor has to be made for these spans."""
    for start, stop in spans:
        flights = file.wholes(start, stop)
        is_ready = all(flight.done for flight in flights)
        for flight in flights:
            flight.leave()
        if not is_ready:
            return False
    return True
