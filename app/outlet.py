"""Where the bytes of a file go: into the server's messages, or straight to the socket.

Theory of operation: the first bytes are read and sent as a message, together with the
status, so that a file that cannot be read gets a proper answer; so is all that is too
little to be worth more. The rest goes from the page cache to the socket, once the
transport has written what it was given. Without such a socket, all goes as messages.
"""

import os
from collections.abc import Callable
from typing import Any

from starlette.types import Send

from app.direct_socket import DirectSocket
from app.file_sender import FileSender
from app.hold import Hold
from app.socket_pump import Shipment, SocketPump
from services.blobs.blob import OpenBlob

MESSAGE_BYTES = 2**16
"""Most bytes of a file that are read and sent although a socket is there."""

_READ_BYTES = 2**20


class Outlet:
    """Sends one answer's bytes, and tells whether the client takes them.

    Attributes:
        has_begun: Whether the status was sent.
    """

    def __init__(
        self,
        blob: OpenBlob,
        *,
        hold: Hold,
        sender: FileSender,
        send: Send,
        start: dict[str, Any],
        direct: DirectSocket | None,
        on_sent: Callable[[int], None],
    ) -> None:
        """Send nothing yet.

        Args:
            blob: The file.
            hold: Of the file.
            sender: Has the threads.
            send: Takes messages.
            start: The message with the status.
            direct: The socket, if the server has it.
            on_sent: Told how many bytes went past ``send``.
        """
        self.has_begun = False
        self._blob = blob
        self._hold = hold
        self._sender = sender
        self._send = send
        self._start = start
        self._direct = direct
        self._on_sent = on_sent
        self._shipment: Shipment | None = None
        self._counted_bytes = 0
        self._messages = 0
        self._waits = False

    async def send_bytes(self, content: bytes) -> None:
        """Send bytes that stand around those of the file."""
        if content:
            await self._send_message(content)

    async def send_file(self, start: int, stop: int) -> None:
        """Send bytes of the file, which are there.

        Raises:
            ConnectionError: If the connection has ended.
            OSError: If the file cannot be read.
        """
        pump = self._sender.pump
        if self._direct is None or pump is None:
            await self._send_read(start, stop)
            return
        if not self.has_begun or stop - start <= MESSAGE_BYTES:
            first = min(stop, start + MESSAGE_BYTES)
            await self._send_read(start, first)
            start = first
        if start == stop:
            return
        self._waits = True
        try:
            await self._direct.flush()
            if self._shipment is None:
                self._shipment = self._open(pump, self._direct)
            await self._shipment.send(start, stop)
        finally:
            self._waits = False
            self.count()

    async def finish(self) -> None:
        """Say that this was all."""
        await self._send_message(b"", more=False)

    def progress(self) -> int | None:
        """Return what changes whenever the client takes something.

        None if nothing waits for the client.
        """
        if not self._waits:
            return None
        progress = self._messages
        if self._shipment is not None:
            progress += self._shipment.acknowledged_bytes
        return progress

    def count(self) -> None:
        """Count what has gone past the server since this was last called."""
        if self._direct is None or self._shipment is None:
            return
        new_bytes = self._shipment.sent_bytes - self._counted_bytes
        self._counted_bytes += new_bytes
        if new_bytes:
            self._direct.wrote(new_bytes)
            self._on_sent(new_bytes)

    def close(self) -> None:
        """Write to the socket no more. May be called more than once."""
        if self._shipment is not None:
            self._shipment.close()

    async def _send_read(self, start: int, stop: int) -> None:
        for position in range(start, stop, _READ_BYTES):
            content = await self._sender.read(
                self._blob.fileno(), position, min(stop, position + _READ_BYTES), hold=self._hold
            )
            await self._send_message(content)

    async def _send_message(self, content: bytes, *, more: bool = True) -> None:
        self._waits = True
        if not self.has_begun:
            await self._send(self._start)  # who counts bytes may refuse it
            self.has_begun = True
        await self._send({"type": "http.response.body", "body": content, "more_body": more})
        self._messages += 1
        self._waits = False

    def _open(self, pump: SocketPump, direct: DirectSocket) -> Shipment:
        socket = direct.duplicate()
        is_open = self._hold.take()
        assert is_open, "the file was closed"
        try:
            return pump.open(socket, self._blob.fileno(), on_close=self._hold.give_back)
        except BaseException:
            os.close(socket)
            self._hold.give_back()
            raise
