"""What a connection may do before there is a request."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from app.connection import BoundedProtocol

HEAD = b"GET /healthz HTTP/1.1\r\nHost: here\r\n"
TIMEOUT_SECONDS = 30


class HastyProtocol(BoundedProtocol):
    """Waits for a head no longer than a moment."""

    head_timeout_seconds = 0.2


def answer(server: Any, *pieces: bytes) -> bytes:
    """Send bytes, and return all that comes until the server closes."""
    with socket.create_connection(server.address, timeout=TIMEOUT_SECONDS) as connection:
        for piece in pieces:
            connection.sendall(piece)
        received = b""
        while block := connection.recv(2**16):
            received += block
        return received


def test_a_head_without_end_is_refused(server: Any) -> None:
    """Headers beyond the bound get 431, and the connection ends."""
    # One byte beyond the bound, in two pieces: nothing is left unread, so the
    # answer is not lost in a reset.
    header = b"X-Long: " + b"a" * (BoundedProtocol.head_bytes - len(HEAD) - 8)
    assert answer(server, HEAD, header, b"a").startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("sent", [b"", HEAD])
def test_a_head_that_does_not_come_is_refused(make_server: Callable[..., Any], sent: bytes) -> None:
    """A silent connection, or half a head, gets 408 once its time is over."""
    assert answer(make_server(HastyProtocol), sent).startswith(b"HTTP/1.1 408 ")


def test_time_for_a_head_is_not_time_for_a_connection(make_server: Callable[..., Any]) -> None:
    """Requests one after the other on a connection each have their own."""
    last = HEAD + b"Connection: close\r\n\r\n"
    received = answer(make_server(HastyProtocol), HEAD + b"\r\n", HEAD + b"\r\n", last)
    assert received.count(b"HTTP/1.1 200 OK") == 3


def test_many_ordinary_headers_are_fine(server: Any) -> None:
    """Sixty kilobytes of headers are within the bound."""
    headers = b"".join(b"X-%d: %s\r\n" % (at, b"a" * 1000) for at in range(50))
    received = answer(server, HEAD, headers, b"Connection: close\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK")


def test_half_a_head_behind_a_stream_is_not_answered_within_its_body(
    make_server: Callable[..., Any], large_spec: dict[str, Any]
) -> None:
    """The body arrives as it is; only then does time count for the next head."""
    server = make_server(HastyProtocol)
    with server.client() as client:
        path = f"/v1/weights/{client.post('/v1/specs', json=large_spec).json()['id']}?seed=1"
        expected = client.get(path).content
    with socket.socket() as connection:
        # Small, so that most of the body waits for us while the time passes.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(server.address)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\nGET /heal".encode())
        received = bytearray(connection.recv(1000))
        threading.Event().wait(3 * HastyProtocol.head_timeout_seconds)
        while block := connection.recv(2**20):
            received += block
    body = bytes(received).partition(b"\r\n\r\n")[2]
    assert body[: len(expected)] == expected
    assert body[len(expected) :].startswith(b"HTTP/1.1 408 ")
