"""What ASGI cannot say of a connection: end it now, write to it, bound a request's head.

A client that stopped reading cannot be told so. uvicorn's ``close`` waits until
all is written, which is never; only ``abort`` frees what is still queued. So the
protocol puts it where a response finds it.

A file can go to the socket from the page cache, past uvicorn; the protocol lends the
socket in the same way.

uvicorn bounds neither the size of a request's head nor the time that it takes, and
an app is not asked before the head is whole. So the protocol counts and times it.
"""

import asyncio
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.direct_socket import DirectSocket

_ABORT = "weightbank.abort"
_SOCKET = "weightbank.socket"
_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)
_ENDING = b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large" + _ENDING
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout" + _ENDING


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with bounded heads, whose scopes can end their connection.

    Attributes:
        head_bytes: Most bytes of a request line and its headers.
        head_timeout_seconds: How long they may take, from the connection's first
            moment or from the request's first byte.
    """

    head_bytes = 2**16
    head_timeout_seconds = 30.0

    _head_read_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin a connection; it must not stay silent."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read bytes; those of a head that is not whole yet are counted."""
        if self._head_timer is not None:
            self._head_read_bytes += len(data)
            if self._head_read_bytes > self.head_bytes and b"\r\n\r\n" not in data:
                self._refuse(_TOO_LARGE)
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin a request as uvicorn does, and add our extensions."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {_ABORT: self._abort}
        if self._head_timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        """Go on as uvicorn does, which begins the answer; the head is whole."""
        self._stop_timer()
        super().on_headers_complete()
        if self.scheme == "http":
            # The app has not been called yet, and this request's cycle is the newest.
            scope: dict[str, Any] = self.scope  # type: ignore[assignment]
            scope["extensions"][_SOCKET] = DirectSocket(self.transport, self.flow, self.cycle)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request; behind one whose answer is under way, end it all."""
        if self._is_answering():
            self._abort()
        else:
            super().send_400_response(msg)

    def _start_timer(self) -> None:
        self._head_read_bytes = 0
        self._head_timer = self.loop.call_later(self.head_timeout_seconds, self._give_up)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, answer: bytes) -> None:
        """Answer and close: there is no request that an app could answer."""
        self._stop_timer()
        if self.transport.is_closing():
            return
        if self._is_answering():
            # The next head comes behind a request whose answer is under way: to write
            # here would be to write into that answer's body.
            self._abort()
            return
        self.transport.write(answer)
        self.transport.close()

    def _give_up(self) -> None:
        """Refuse a head that takes too long; time counts when nothing else is going on."""
        if self._is_answering():
            self._start_timer()
        else:
            self._refuse(_TOO_SLOW)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _abort(self) -> None:
        if self.transport.is_closing():
            return
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            # The kernel forgets what it still holds, and the client sees a reset: it
            # must not take what it has for the whole.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
        self.transport.abort()


def abort_connection(scope: Any) -> bool:
    """End the connection of a request at once; return whether this server can.

    Examples:
        >>> abort_connection({"type": "http"})
        False
    """
    abort = (scope.get("extensions") or {}).get(_ABORT)
    if abort is None:
        return False
    abort()
    return True


def direct_socket(scope: Any) -> DirectSocket | None:
    """Return the socket of a request's connection, if this server has one to lend.

    Examples:
        >>> direct_socket({"type": "http"}) is None
        True
    """
    found: DirectSocket | None = (scope.get("extensions") or {}).get(_SOCKET)
    return found
