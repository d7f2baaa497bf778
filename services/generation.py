"""Chunks of files, made ahead of their readers by threads, within fixed memory.

Theory of operation: each stream keeps a window of chunks that are being made or
wait for their reader, in order. A chunk is written into a pooled buffer, and the
buffer counts as lent until its last view dies (see ``buffers.py``), which is after
the transport has let go of it. A stream may have ``window_chunks`` plus two lent:
one that is being handed over, and one whose tail the transport still holds. So
memory is bounded by streams * (window + 2) * chunk, and no stream can take
another's share. A slow reader costs no thread: nothing is made until a buffer is
free again. What waits in the executor stands in one queue, a window per stream, so
that a huge stream and many small ones take turns.

Small reads are one job into fresh memory, admitted apart from the streams.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from services.bounded_executor import BoundedExecutor
from services.buffers import BufferPool
from services.byte_source import ByteSource
from services.chunks import ChunkTask, Span, plan_chunks
from services.errors import OverloadedError

SMALL_READ_BYTES = 2**18
"""Reads of at most this many bytes are made by one job and are no stream."""

_HANDED_OVER = 2
"""Chunks that a transport can hold: the one given last, and the tail of the one before."""

Observer = Callable[[float, int], None]
"""Called from any thread with the seconds and the bytes of each job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    """Bounds of generation.

    Attributes:
        threads: Chunks that are made at once.
        chunk_bytes: Most bytes of a chunk, a power of two.
        window_chunks: Chunks of one stream that are made ahead of its reader.
        streams: Most streams at once.
        small_reads: Most small reads at once, waiting ones included.
    """

    threads: int
    chunk_bytes: int = 2**22
    window_chunks: int = 2
    streams: int = 32
    small_reads: int = 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of one span, to be sent and forgotten.

    Attributes:
        part: Index of the span.
        stop: The byte after its last, counted over the file.
        view: The bytes. Their buffer is reused once no view of it is left.
    """

    part: int
    stop: int
    view: memoryview


class Generation:
    r"""Makes bytes of files in threads of this process.

    Examples:
        >>> class Zeros:
        ...     size_bytes = 10
        ...     def read_into(self, start: int, buffer: memoryview) -> None:
        ...         buffer[:] = bytes(len(buffer))
        >>> async def main() -> list[bytes]:
        ...     generation = Generation(GenerationOptions(threads=1))
        ...     try:
        ...         return await generation.read(Zeros(), [(0, 2), (4, 5)])
        ...     finally:
        ...         generation.close()
        >>> asyncio.run(main())
        [b'\x00\x00', b'\x00']
    """

    def __init__(self, options: GenerationOptions, *, observe: Observer | None = None) -> None:
        self.options = options
        self.pool = BufferPool(buffer_bytes=options.chunk_bytes)
        self._observe = observe
        self._executor = ThreadPoolExecutor(options.threads, thread_name_prefix="generation")
        self._small_reads = BoundedExecutor(
            "small reads", threads=options.threads, limit=options.small_reads
        )
        self._streams = 0

    @property
    def streams(self) -> int:
        """Streams that hold a place, those whose buffers are still out included."""
        return self._streams

    async def read(self, file: ByteSource, spans: Sequence[Span]) -> list[bytes]:
        """Return the bytes of a few small spans.

        Raises:
            OverloadedError: If too many small reads wait already.
        """

        def job() -> list[bytes]:
            return [bytes(self.fill(file, start, bytearray(stop - start))) for start, stop in spans]

        return await self._small_reads.run(job)

    def open(self, file: ByteSource, spans: Sequence[Span]) -> "Stream":
        """Return a stream of spans, which must be closed.

        Raises:
            OverloadedError: If all streams are taken.
        """
        if self._streams >= self.options.streams:
            raise OverloadedError("streams", limit=self.options.streams)
        self._streams += 1
        return Stream(self, file, spans)

    def close(self) -> None:
        """Drop the jobs that wait, and wait for those that run."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._small_reads.close()

    def submit(self, job: Callable[[], memoryview]) -> "asyncio.Future[memoryview]":
        """Begin to make one chunk; called by streams."""
        return asyncio.get_running_loop().run_in_executor(self._executor, job)

    def release(self) -> None:
        """Give back the place of one stream; called by streams."""
        self._streams -= 1

    def fill(self, file: ByteSource, start: int, buffer: bytearray | memoryview) -> memoryview:
        """Return a buffer filled with bytes of a file; blocks."""
        view = memoryview(buffer)
        started = time.perf_counter()
        file.read_into(start, view)
        if self._observe is not None:
            self._observe(time.perf_counter() - started, len(view))
        return view


class Stream:
    """The chunks of one reader, in order, a few made ahead. For one event loop.

    Attributes:
        starved_since: Time of the loop since which the reader has kept every buffer
            it may have, so that nothing can be made; None if it has not.
    """

    def __init__(self, generation: Generation, file: ByteSource, spans: Sequence[Span]) -> None:
        options = generation.options
        self._generation = generation
        self._file = file
        self._tasks = plan_chunks(
            spans,
            chunk_bytes=options.chunk_bytes,
            first_chunk_bytes=min(options.chunk_bytes, SMALL_READ_BYTES),
        )
        self._window_chunks = options.window_chunks
        self._lent_limit = options.window_chunks + _HANDED_OVER
        self._loop = asyncio.get_running_loop()
        self.starved_since: float | None = None
        self._pending: deque[tuple[ChunkTask, asyncio.Future[memoryview]]] = deque()
        self._lent = 0
        self._returned = asyncio.Event()
        self._exhausted = False
        self._closed = False
        self._released = False

    async def next_chunk(self) -> Chunk | None:
        """Return the next chunk, or None after the last.

        Waits while the reader keeps all buffers it may have.

        Raises:
            Exception: Whatever making the chunk raised.
        """
        self._make_ahead()
        while not self._pending:
            if self._exhausted:
                return None
            self._returned.clear()
            self.starved_since = self._loop.time()
            await self._returned.wait()
            self.starved_since = None
            self._make_ahead()
        task, future = self._pending.popleft()
        view = await future
        self._make_ahead()
        return Chunk(task.part, task.stop, view)

    def close(self) -> None:
        """Make nothing more. May be called more than once."""
        self._closed = True
        self._exhausted = True
        for _, future in self._pending:
            if not future.cancel() and not future.cancelled():
                future.exception()  # nobody else will look at it
        self._pending.clear()
        self._release_when_empty()

    def _make_ahead(self) -> None:
        while (
            not self._exhausted
            and len(self._pending) < self._window_chunks
            and self._lent < self._lent_limit
        ):
            task = next(self._tasks, None)
            if task is None:
                self._exhausted = True
                return
            buffer = self._lend(task.stop - task.start)
            future = self._generation.submit(partial(self._make, task.start, buffer))
            self._pending.append((task, future))

    def _make(self, start: int, buffer: memoryview) -> memoryview:
        # A cancelled job may have begun before its cancellation came through.
        return buffer if self._closed else self._generation.fill(self._file, start, buffer)

    def _lend(self, size_bytes: int) -> memoryview:
        if size_bytes <= SMALL_READ_BYTES:
            return memoryview(bytearray(size_bytes))
        self._lent += 1
        return self._generation.pool.lend(self._on_return_anywhere)[:size_bytes]

    def _on_return_anywhere(self) -> None:
        # A loop that is closed has no streams left to count.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._on_return)

    def _on_return(self) -> None:
        self._lent -= 1
        self._returned.set()
        self._release_when_empty()

    def _release_when_empty(self) -> None:
        if self._closed and self._lent == 0 and not self._released:
            self._released = True
            self._generation.release()
