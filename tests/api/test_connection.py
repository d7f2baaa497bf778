"""What a connection may do before there is a request."""

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.connection import _MOST_SURPLUS, BoundedProtocol
from app.metrics import Metrics
from tests.servers import serving

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


class SmallProtocol(BoundedProtocol):
    """Lets two in at once."""

    most_connections = 2


def send_for_long(connection: socket.socket, content: bytes) -> None:
    """Send more than anybody would keep."""
    for _ in range(2000):
        connection.sendall(content)


def is_closed(connection: socket.socket) -> bool:
    """Whether the other end has closed or reset, once it does something."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_crowd_is_told_to_come_back(make_server: Callable[..., Any]) -> None:
    """Beyond the limit 503 with Retry-After; health and metrics are answered all the same."""
    server = make_server(SmallProtocol)
    with ExitStack() as stack:
        held = [
            stack.enter_context(socket.create_connection(server.address, TIMEOUT_SECONDS))
            for _ in range(2)
        ]
        for connection in held:
            # Its answer says that the server has it: what comes now comes later.
            connection.sendall(HEAD + b"\r\n")
            assert connection.recv(2**16).startswith(b"HTTP/1.1 200 OK")
        refused = answer(server, b"GET /v1/presets HTTP/1.1\r\nHost: here\r\n\r\n")
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in refused
        body = b"a" * 100_000
        head = b"POST /v1/specs HTTP/1.1\r\nHost: here\r\nContent-Length: 100000\r\n\r\n"
        assert answer(server, head + body).startswith(b"HTTP/1.1 503 ")
        for path in (b"/healthz", b"/readyz?x", b"/metrics"):
            received = answer(server, b"GET " + path + b" HTTP/1.1\r\nHost: here\r\n\r\n")
            assert b"\r\nconnection: close\r\n" in received
            assert not received.endswith(b"\r\nretry-after: 1\r\n\r\n")
    with server.client() as client:
        assert client.get("/v1/presets").status_code == 200


def test_far_beyond_the_limit_a_connection_is_reset(make_server: Callable[..., Any]) -> None:
    """Those who are told something are bounded in number, too."""

    class TinyProtocol(BoundedProtocol):
        most_connections = 1 - _MOST_SURPLUS

    # The one that asks whether the server has started is surplus, and may; this one is beyond.
    server = make_server(TinyProtocol)
    with (
        socket.create_connection(server.address, TIMEOUT_SECONDS) as first,
        socket.create_connection(server.address, TIMEOUT_SECONDS) as second,
    ):
        first.sendall(b"GET /heal")
        assert is_closed(second) or is_closed(first)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: here\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: here\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: here\r\nX: a\x00b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_told_nothing(server: Any, sent: bytes) -> None:
    """400 without a word of why or of what serves; browsers are kept in check even then."""
    received = answer(server, sent)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body == b""
    assert b"x-content-type-options: nosniff" in head
    for word in (b"uvicorn", b"python", b"server:", b"httptools"):
        assert word not in head.lower()


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(b"X-Trailer: aaaaaaaa\r\n" * 4096, id="trailers"),
        pytest.param(b"a" * 2**16, id="one trailer"),
    ],
)
def test_what_stands_behind_a_body_is_bounded(server: Any, flood: bytes) -> None:
    """Trailers that do not end cost their connection, and no memory."""
    head = (
        b"POST /v1/specs HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Trailer: "
    )
    with socket.create_connection(server.address, timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(head)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send_for_long(connection, flood)


def test_connections_are_counted(make_server: Callable[..., Any]) -> None:
    """Those that are open, and those that were ended early, by reason."""
    metrics = Metrics()

    class CountedProtocol(BoundedProtocol):
        observer = metrics

    server = make_server(CountedProtocol)
    value = metrics.registry.get_sample_value
    with socket.create_connection(server.address, TIMEOUT_SECONDS) as connection:
        connection.sendall(HEAD + b"\r\n")
        assert connection.recv(2**16).startswith(b"HTTP/1.1 200 OK")
        assert value("weightbank_connections") >= 1
    answer(server, b"\x00\r\n\r\n")
    labels = {"reason": "no_request"}
    assert value("weightbank_connections_ended_total", labels) == 1


def test_settings_bound_a_server(tmp_path: Path) -> None:
    """As an operator starts it: its heads are as small and as quick as it says."""
    settings = {"limit_head_bytes": "2KiB", "head_timeout_seconds": "0.2"}
    with serving(tmp_path, **settings) as (url, _):
        host, _, port = url.rpartition("//")[2].partition(":")
        with socket.create_connection((host, int(port)), TIMEOUT_SECONDS) as connection:
            connection.sendall(HEAD + b"X: " + b"a" * 4096)
            assert connection.recv(100).startswith(b"HTTP/1.1 431 ")
        with socket.create_connection((host, int(port)), TIMEOUT_SECONDS) as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
