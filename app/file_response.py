"""Answers whose bytes are those of a file, which is there or still arriving.

Theory of operation: two tasks race, one that sends and one that watches for the client
to leave, as with weights that are made. What is there is sent, and more is awaited. The
status waits for the first byte, so that an arrival which fails early gets a proper
answer; the last byte waits until the file's hash has been found right, also if only a
part was asked for: no client can take unchecked bytes for an answer that is whole.

Waiting for the file is not the client's fault. While bytes wait for the client, it has
to take some of them within the time-out.
"""

import asyncio
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.bodies import Body
from app.connection import direct_socket
from app.disconnection import abort_and_wait, wait_disconnected
from app.file_sender import FileSender
from app.hold import Hold
from app.outlet import Outlet
from app.record import record_of
from app.sendable_bytes import SendableBytes
from services.blobs.blob import OpenBlob
from weightbank.errors import WeightbankError

_LONGEST_TICK_SECONDS = 1.0
_TICKS_PER_TIMEOUT = 4


class FileResponse(Response):
    """Sends spans of a blob as plain ASGI, past the server where it lets us."""

    def __init__(
        self,
        blob: OpenBlob,
        body: Body,
        *,
        sender: FileSender,
        status: int,
        headers: Mapping[str, str],
        stall_timeout_seconds: float,
    ) -> None:
        """Send nothing yet.

        Args:
            blob: Whose bytes are sent; it is closed with this answer.
            body: Which of them, and what stands between.
            sender: Has the places and the threads.
            status: 200 or 206.
            headers: With Content-Length and Content-Type.
            stall_timeout_seconds: How long a client may take nothing of what is there.
        """
        self.status_code = status
        self.background = None
        self.body = b""
        self.init_headers(headers)
        self._blob = blob
        self._body = body
        self._spans = body.spans
        self._sender = sender
        self._stall_timeout_seconds = stall_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all, or stop as soon as there is nobody to send it to.

        Raises:
            RetryError: If there is no place; nothing was sent then.
            WeightbankError: If the file cannot be had, and nothing was sent.
        """
        assert scope["method"] != "HEAD", "an answer without a body needs no file"
        hold = Hold(self._blob.close)
        try:
            with self._sender.place():
                outlet = self._outlet(scope, send, hold)
                await self._race(scope, receive, outlet)
        finally:
            hold.end()

    def _outlet(self, scope: Scope, send: Send, hold: Hold) -> Outlet:
        return Outlet(
            self._blob,
            hold=hold,
            sender=self._sender,
            send=send,
            start={
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            },
            direct=direct_socket(scope),
            on_sent=record_of(scope).sent,
        )

    async def _race(self, scope: Scope, receive: Receive, outlet: Outlet) -> None:
        record = record_of(scope)
        sending = asyncio.ensure_future(self._send(outlet))
        leaving = asyncio.ensure_future(wait_disconnected(receive))
        try:
            try:
                await self._watch(outlet, sending, leaving)
                if sending.done():
                    sending.result()
                    return
                record.outcome = "disconnected" if leaving.done() else "stalled"
            except ConnectionError:
                record.outcome = "disconnected"
            except WeightbankError as error:
                if not outlet.has_begun:
                    raise
                # Too late for a problem document: the client sees an answer without end.
                record.outcome, record.code = "failed", error.code
            await abort_and_wait(scope, leaving)
        finally:
            # What was aborted ends only now: its socket is also ours.
            outlet.close()
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
            # They hold the error, which holds this frame: nothing would end in time.
            del sending, leaving

    async def _watch(self, outlet: Outlet, *tasks: "asyncio.Future[None]") -> None:
        """Return when a task is done, or when the client has taken nothing for too long."""
        loop = asyncio.get_running_loop()
        tick_seconds = min(_LONGEST_TICK_SECONDS, self._stall_timeout_seconds / _TICKS_PER_TIMEOUT)
        progress, since = None, loop.time()
        while True:
            done, _ = await asyncio.wait(
                tasks, timeout=tick_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            outlet.count()
            if done:
                return
            before, progress = progress, outlet.progress()
            if progress is None or progress != before:
                since = loop.time()
            elif loop.time() - since >= self._stall_timeout_seconds:
                return

    async def _send(self, outlet: Outlet) -> None:
        last = len(self._spans) - 1
        with SendableBytes(self._blob) as sendable:
            for index, (start, stop) in enumerate(self._spans):
                position = await sendable.wait(start, stop, is_last=index == last)
                await outlet.send_bytes(self._body.prefixes[index])
                await outlet.send_file(start, position)
                while position < stop:
                    limit = await sendable.wait(position, stop, is_last=index == last)
                    await outlet.send_file(position, limit)
                    position = limit
        await outlet.send_bytes(self._body.suffix)
        await outlet.finish()
