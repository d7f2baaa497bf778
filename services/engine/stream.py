"""The chunks of one reader, in order."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Protocol

from services.engine.chunks import Chunk, Span, plan_chunks
from services.engine.source import ByteSource
from services.engine.state import Queue

FIRST_CHUNK_BYTES = 2**18
"""Most bytes of a stream's first chunk: it decides how long a client waits for a byte."""


class Server(Protocol):
    """What a stream needs of its engine."""

    def next_of(self, queue: Queue) -> Chunk | None:
        """Hand over the head of a queue if it is there."""

    def end(self, queue: Queue) -> None:
        """Make nothing more for a queue."""


class Stream:
    """Chunks in order, a few made ahead. For one event loop; has to be closed."""

    def __init__(
        self,
        server: Server,
        file: ByteSource,
        spans: Sequence[Span],
        *,
        name: str,
        chunk_bytes: int,
        window_chunks: int,
    ) -> None:
        tasks = plan_chunks(
            spans, chunk_bytes=chunk_bytes, first_chunk_bytes=min(chunk_bytes, FIRST_CHUNK_BYTES)
        )
        size_bytes = sum(stop - start for start, stop in spans)
        self.queue = Queue(
            name=name,
            file=file,
            tasks=tasks,
            window_chunks=window_chunks,
            notify=self._notify,
            remaining_bytes=size_bytes,
        )
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._arrival: asyncio.Future[None] | None = None
        self._waits_since: float | None = None

    @property
    def starved_since(self) -> float | None:
        """Time of the loop since which the reader has kept every buffer it may have.

        None if it has not: then bytes are on their way.
        """
        return self._waits_since if self.queue.is_starved else None

    async def next_chunk(self) -> Chunk | None:
        """Return the next chunk, or None after the last.

        Waits while the reader keeps all buffers it may have.

        Raises:
            ChunkFailedError: If it could not be made, time and again.
            WeightbankError: If it cannot be made.
        """
        while self.queue.remaining_bytes:
            # Before asking, so that no arrival in between goes unnoticed.
            self._arrival = self._loop.create_future()
            chunk = self._server.next_of(self.queue)
            if chunk is not None:
                self._arrival = None
                return chunk
            self._waits_since = self._loop.time()
            try:
                await self._arrival
            finally:
                self._arrival = self._waits_since = None
        return None

    def close(self) -> None:
        """Make nothing more. May be called more than once."""
        self._server.end(self.queue)
        # Nobody waits any more. A queue that knew its stream, or an error whose frames do,
        # would keep the file, and what that has open, until a garbage collection.
        self.queue.notify = _do_nothing
        self.queue.error = None

    def _notify(self) -> None:
        """Wake the reader up, from any thread."""
        if self._arrival is not None:
            # A loop that is closed has no readers left.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._arrive)

    def _arrive(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


def _do_nothing() -> None:
    """Stand in for waking a reader who has gone."""
