"""What ASGI cannot say of a connection: end it now, write to it, bound what comes on it.

A client that stopped reading cannot be told so. uvicorn's ``close`` waits until
all is written, which is never; only ``abort`` frees what is still queued. So the
protocol puts it where a response finds it.

A file can go to the socket from the page cache, past uvicorn; the protocol lends the
socket in the same way.

uvicorn bounds neither the size of a request's head nor the time that it takes, nor what
stands between the chunks of a body and behind them, and an app is not asked before the
head is whole. So the protocol counts and times it.

Connections beyond the limit are read as far as a head, so that they can be told why they
are refused; and how the server is can be asked even then, or whoever watches it would take
a crowd for a failure. Far beyond the limit they are reset.
"""

import asyncio
import socket
import struct
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.direct_socket import DirectSocket
from app.http_settings import HttpSettings
from app.security_headers import RAW

_ABORT = "weightbank.abort"
_SOCKET = "weightbank.socket"
_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)
_ENDING = b"\r\ncache-control: no-store\r\nconnection: close\r\ncontent-length: 0\r\n" + RAW
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large" + _ENDING + b"\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout" + _ENDING + b"\r\n"
_NO_REQUEST = b"HTTP/1.1 400 Bad Request" + _ENDING + b"\r\n"
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable" + _ENDING + b"retry-after: 1\r\n\r\n"

_ANSWERED_IN_A_CROWD = frozenset({b"/healthz", b"/readyz", b"/metrics"})
_MOST_SURPLUS = 128
_SURPLUS_SECONDS = 2.0
_LINGER_SECONDS = 2.0
_MOST_FRAMING_BYTES = 2**20
"""Of a body's chunk sizes, extensions and trailers, which nobody reads."""


class ConnectionObserver(Protocol):
    """Hears of connections."""

    def connected(self) -> None:
        """Hear of one that has begun."""

    def disconnected(self) -> None:
        """Hear of one that has ended."""

    def ended_early(self, reason: str) -> None:
        """Hear of one that is ended, since no request can be answered on it."""


class Unobserved:
    """Hears, and forgets."""

    def connected(self) -> None:
        """See ``ConnectionObserver.connected``."""

    def disconnected(self) -> None:
        """See ``ConnectionObserver.disconnected``."""

    def ended_early(self, reason: str) -> None:
        """See ``ConnectionObserver.ended_early``."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with bounds, whose scopes can end their connection.

    Attributes:
        most_connections: At once.
        head_bytes: Most bytes of a request line and its headers.
        head_timeout_seconds: How long they may take, from the connection's first
            moment or from the request's first byte.
        observer: Hears of connections.
    """

    most_connections = 10_000
    head_bytes = 2**16
    head_timeout_seconds = 30.0
    observer: ConnectionObserver = Unobserved()

    _head_read_bytes = 0
    _framing_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _is_surplus = False
    _is_refused = False
    _running: RequestResponseCycle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin a connection; it must not stay silent."""
        super().connection_made(transport)
        self.observer.connected()
        surplus = len(self.connections) - self.most_connections
        if surplus > _MOST_SURPLUS:
            self.observer.ended_early("too_many")
            self._abort()
            return
        self._is_surplus = surplus > 0
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._stop_timer()
        self.observer.disconnected()
        if self._running is not None and not self._running.response_complete:
            # uvicorn tells the newest request; with others behind it, this is another one.
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read bytes; those of a head that is not whole yet are counted."""
        if self._is_refused:
            return
        if self._head_timer is None:
            self._framing_bytes += len(data)
        else:
            self._head_read_bytes += len(data)
            if self._head_read_bytes > self.head_bytes and b"\r\n\r\n" not in data:
                self._refuse(_TOO_LARGE, "head_too_large")
                return
        super().data_received(data)
        if self._framing_bytes > _MOST_FRAMING_BYTES:
            self.observer.ended_early("framing_too_large")
            self._abort()

    def on_message_begin(self) -> None:
        """Begin a request as uvicorn does, and add our extensions."""
        super().on_message_begin()
        self._framing_bytes = 0
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {_ABORT: self._abort}
        if self._head_timer is None:
            self._start_timer()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; not what follows a body, which nobody reads."""
        if self._head_timer is not None:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Go on as uvicorn does, which begins the answer; the head is whole."""
        self._stop_timer()
        self._framing_bytes = 0
        if self._is_surplus and self.url.partition(b"?")[0] not in _ANSWERED_IN_A_CROWD:
            self._refuse(_TOO_MANY, "too_many")
            return
        super().on_headers_complete()
        # The app has not been called yet, and this request's cycle is the newest.
        if self._is_surplus:
            self.cycle.keep_alive = False
        if self.scheme == "http":
            scope: dict[str, Any] = self.scope  # type: ignore[assignment]
            scope["extensions"][_SOCKET] = DirectSocket(self.transport, self.flow, self.cycle)

    def on_body(self, body: bytes) -> None:
        """Go on as uvicorn does, unless there is no request."""
        self._framing_bytes -= len(body)
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Go on as uvicorn does, unless there is no request."""
        if not self._is_refused:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request; behind one whose answer is under way, end it all."""
        del msg
        if not self._is_refused:
            self._refuse(_NO_REQUEST, "no_request")

    def _start_timer(self) -> None:
        self._head_read_bytes = 0
        seconds = self.head_timeout_seconds
        if self._is_surplus:
            seconds = min(seconds, _SURPLUS_SECONDS)
        self._head_timer = self.loop.call_later(seconds, self._give_up)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, answer: bytes, reason: str) -> None:
        """Answer and close: there is no request that an app could answer."""
        self._stop_timer()
        self._is_refused = True
        if self.transport.is_closing():
            return
        self.observer.ended_early(reason)
        if self._is_answering():
            # The next head comes behind a request whose answer is under way: to write
            # here would be to write into that answer's body.
            self._abort()
            return
        self.transport.write(answer)
        # What still comes is read and dropped for a moment: a connection that is closed
        # with unread bytes is reset, and the client would lose the answer.
        self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)

    def _give_up(self) -> None:
        """Refuse a head that takes too long; time counts when nothing else is going on."""
        if self._is_answering():
            self._start_timer()
        else:
            self._refuse(_TOO_SLOW, "head_timeout")

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


def bounded_protocol(settings: HttpSettings, observer: ConnectionObserver) -> type[BoundedProtocol]:
    """Return a protocol with the bounds of the settings, for a server to use.

    Args:
        settings: Of the server.
        observer: Hears of its connections.
    """

    class SettingsProtocol(BoundedProtocol):
        """Bounded as the settings say."""

    SettingsProtocol.most_connections = settings.limit_connections
    SettingsProtocol.head_bytes = settings.limit_head_bytes
    SettingsProtocol.head_timeout_seconds = settings.head_timeout_seconds
    SettingsProtocol.observer = observer
    return SettingsProtocol


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
