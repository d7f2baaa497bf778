"""Answers whose bytes are made while they are sent.

Theory of operation: two tasks race, one that sends chunks and one that watches for
the client to leave; uvicorn's ``send`` does not say so. Whichever ends first, the
stream is closed in this response's own ``finally``, so that nothing more is made.
Sending a chunk returns when the one before has left for the kernel; if that takes
longer than the time-out, the client has stopped reading and its connection is
aborted. One timer watches this from outside: an exception raised within ``send``
would keep the frames, and with them the buffers, until a garbage collection.

The last bytes travel as a copy, followed by an empty message: when that one has
been taken, the transport holds nothing of our buffers, and a client that never
reads the rest pins a few kilobytes instead of a chunk.
"""

import asyncio
import traceback
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.bodies import Body
from app.disconnection import abort_and_wait, wait_disconnected
from app.record import record_of
from services.engine import SMALL_READ_BYTES, ByteSource, Chunk, Engine, Stream
from weightbank.errors import WeightbankError

_COPIED_TAIL_BYTES = 2**16
"""More than a transport queues before it makes ``send`` wait."""


class WeightsResponse(Response):
    """Streams spans of a file as plain ASGI."""

    def __init__(
        self,
        file: ByteSource,
        body: Body,
        *,
        engine: Engine,
        status: int,
        headers: Mapping[str, str],
        stall_timeout_seconds: float,
    ) -> None:
        """Make nothing yet.

        Args:
            file: Whose bytes are sent.
            body: Which of them, and what stands between.
            engine: Makes them.
            status: 200 or 206.
            headers: With Content-Length and Content-Type.
            stall_timeout_seconds: How long a client may take for one chunk.
        """
        self.status_code = status
        self.background = None
        self.body = b""
        self.init_headers(headers)
        self._file = file
        self._body = body
        self._engine = engine
        self._stall_timeout_seconds = stall_timeout_seconds
        self._waits_since: float | None = None
        self._has_begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all, or stop as soon as there is nobody to send it to.

        Raises:
            RetryError: If there is no place for a stream; nothing was sent then.
            WeightbankError: If not even the first chunk can be made.
        """
        stream = self._engine.open(self._file, self._body.spans, name=record_of(scope).name)
        sending = asyncio.ensure_future(self._send(stream, send))
        leaving = asyncio.ensure_future(wait_disconnected(receive))
        try:
            await self._watch(stream, sending, leaving)
            if sending.done():
                sending.result()
            elif leaving.done():
                record_of(scope).outcome = "disconnected"
            else:
                record_of(scope).outcome = "stalled"
                await abort_and_wait(scope, leaving)
        except Exception as error:
            # What failed is known by its lines; the variables there hold buffers.
            traceback.clear_frames(error.__traceback__)
            if not isinstance(error, WeightbankError) or not self._has_begun:
                raise
            # Too late for a problem document: the client sees that the answer has no end.
            record_of(scope).outcome, record_of(scope).code = "failed", error.code
            await abort_and_wait(scope, leaving)
        finally:
            stream.close()
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
            # They hold the error, which holds this frame: nothing would end in time.
            del sending, leaving

    async def _watch(self, stream: Stream, *tasks: "asyncio.Future[None]") -> None:
        """Return when a task is done, or when the client has not read for too long."""
        loop = asyncio.get_running_loop()
        timeout = self._stall_timeout_seconds
        while timeout > 0:
            done, _ = await asyncio.wait(
                tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if done:
                return
            since = self._waits_since or stream.starved_since
            waited = 0.0 if since is None else loop.time() - since
            timeout = self._stall_timeout_seconds - waited

    async def _send(self, stream: Stream, send: Send) -> None:
        # The status waits for the first chunk: what fails before it gets a proper answer.
        chunk = await stream.next_chunk()
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        self._has_begun = True
        part = -1
        while chunk is not None:
            if chunk.part != part:
                part = chunk.part
                await self._send_bytes(send, self._body.prefixes[part])
            await self._send_chunk(send, chunk)
            chunk = None  # its buffer must not wait for the next one
            chunk = await stream.next_chunk()
        await self._send_bytes(send, self._body.suffix)
        await self._send_part(send, b"", more=False)

    async def _send_chunk(self, send: Send, chunk: Chunk) -> None:
        view = chunk.view
        last = len(self._body.spans) - 1
        if (chunk.part, chunk.stop) != (last, self._body.spans[last][1]):
            await self._send_part(send, view)
            return
        if len(view) > _COPIED_TAIL_BYTES:
            await self._send_part(send, view[:-_COPIED_TAIL_BYTES])
        await self._send_part(send, bytes(view[-_COPIED_TAIL_BYTES:]))

    async def _send_bytes(self, send: Send, content: bytes) -> None:
        if content:
            await self._send_part(send, content)

    async def _send_part(
        self, send: Send, content: bytes | memoryview, *, more: bool = True
    ) -> None:
        self._waits_since = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": content, "more_body": more})
        self._waits_since = None


async def small_response(
    file: ByteSource,
    body: Body,
    *,
    engine: Engine,
    status: int,
    headers: Mapping[str, str],
) -> Response | None:
    """Return an answer that is small enough to be made in one go.

    Returns:
        None if it cannot: a tensor has to be made whole for it, which takes long.

    Raises:
        OverloadedError: If too many small reads wait already.
    """
    contents = await engine.read(file, body.spans)
    if contents is None:
        return None
    pieces = [piece for pair in zip(body.prefixes, contents, strict=True) for piece in pair]
    return Response(b"".join([*pieces, body.suffix]), status_code=status, headers=headers)


def is_small(body: Body) -> bool:
    """Return whether a body is made in one go."""
    return body.content_length <= SMALL_READ_BYTES
