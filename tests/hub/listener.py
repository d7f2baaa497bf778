"""HTTP/1.1 on a port of loopback: a thread that accepts, and one for each connection."""

import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler
from typing import Any, cast

from tests.hub.faults import ConnectionCutError
from tests.hub.messages import Answer, Host, Request

_JOIN_SECONDS = 30
_BACKLOG = 128

Respond = Callable[[Request], Answer]


class Listener:
    """A server that may be stopped, and started again on the same port."""

    def __init__(
        self, address: str, host: Host, respond: Respond, failed: Callable[[Exception], None]
    ) -> None:
        """Choose a port, and listen.

        Args:
            address: Of loopback.
            host: What requests are marked with.
            respond: Answers a request, from any thread.
            failed: Told of what ``respond`` raises by mistake.
        """
        self.host: Host = host
        self.respond = respond
        self.failed = failed
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._address = (address, 0)
        self._socket: socket.socket | None = None
        self.start()
        self.url = f"http://{self._address[0]}:{self._address[1]}"

    def start(self) -> None:
        """Listen, on the port of before if there was one."""
        assert self._socket is None, "it listens already"
        listening = socket.create_server(self._address, backlog=_BACKLOG)
        self._address = listening.getsockname()
        self._socket = listening
        self._run(self._accept, listening)

    def break_off(self) -> None:
        """Refuse and break all connections; threads may still work for them."""
        with self._lock:
            listening, self._socket = self._socket, None
            broken = [*self._connections, *([] if listening is None else [listening])]
        for open_socket in broken:
            # Wakes the thread that waits for it, which then closes it.
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)

    def join(self) -> None:
        """Wait for all threads, after ``break_off``."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(_JOIN_SECONDS)
            assert not thread.is_alive(), f"{thread.name} does not end"

    def _run(self, work: Callable[..., None], argument: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(argument,), name=self.host, daemon=True)
        self._threads = [known for known in self._threads if known.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listening: socket.socket) -> None:
        with listening, suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with self._lock:
                    if self._socket is not listening:
                        connection.close()
                        return
                    self._connections.add(connection)
                    self._run(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with suppress(OSError):
                _Connection(connection, self)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()


class _Connection(BaseHTTPRequestHandler):
    """One connection; it is done when its constructor returns."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, connection: socket.socket, listener: Listener) -> None:
        self._listener = listener
        # The base class only keeps the two others.
        super().__init__(connection, ("127.0.0.1", 0), cast("Any", None))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        try:
            self._send(self._listener.respond(self._request()))
        except (ConnectionCutError, OSError):
            self.close_connection = True
        except Exception as error:  # noqa: BLE001 - a test must see it
            self._listener.failed(error)
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815 - the base class's name
    do_POST = do_GET  # noqa: N815

    def _request(self) -> Request:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        return Request(self.command, self._listener.host, path, query, headers, body)

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(answer)

    def _send_body(self, answer: Answer) -> None:
        is_chunked = answer.headers.get("Transfer-Encoding") == "chunked"
        sent_bytes = 0
        with closing(answer.pieces()) as pieces:
            for piece in pieces:
                self.connection.sendall(_frame(piece) if is_chunked else piece)
                sent_bytes += len(piece)
        if is_chunked:
            self.connection.sendall(b"0\r\n\r\n")
        elif answer.headers.get("Content-Length", "0") != str(sent_bytes):
            # Whoever was told another length would take what follows for the rest.
            self.close_connection = True


def _frame(piece: bytes | memoryview) -> bytes:
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if len(piece) else b""
