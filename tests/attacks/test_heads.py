"""Heads that are too long, too slow, too many, or none."""

import socket
from contextlib import suppress
from typing import Any

import pytest

from app.connection import BoundedProtocol
from tests.attacks.wire import CLOSE, TIMEOUT_SECONDS, check_silent, drip, only, send

LINE = b"GET /healthz HTTP/1.1\r\nHost: here\r\n"
TOO_MANY_BYTES = 4 * BoundedProtocol.head_bytes


def test_headers_without_number_are_refused(victim: Any) -> None:
    """Each is small; together they are beyond the bound."""
    headers = b"".join(b"X-%d: a\r\n" % at for at in range(TOO_MANY_BYTES // 10))
    assert only(send(victim, LINE, headers)).status == 431


@pytest.mark.parametrize(
    "line",
    [
        b"GET /" + b"a" * TOO_MANY_BYTES,
        b"GET /healthz?" + b"a=1&" * (TOO_MANY_BYTES // 4),
        b"GET http://" + b"a" * TOO_MANY_BYTES + b"/",
        b"GET /healthz HTTP/1.1\r\nX: " + b"a" * TOO_MANY_BYTES,
        b"GET /healthz HTTP/1.1\r\n" + b"X" * TOO_MANY_BYTES,
        b"GET /healthz HTTP/1.1\r\nCookie: " + b"a=b; " * (TOO_MANY_BYTES // 5),
    ],
)
def test_a_line_without_end_is_refused(victim: Any, line: bytes) -> None:
    """Wherever it stands in the head."""
    assert only(send(victim, line)).status in {400, 431}


def test_a_method_without_end_is_no_request(victim: Any) -> None:
    """It is none after its first letters."""
    assert only(send(victim, b"G" * TOO_MANY_BYTES)).status in {400, 431}


def test_a_head_is_not_kept_for_who_goes_on_sending(victim: Any) -> None:
    """Sixty-four megabytes of headers are sent; the server has ended it long before."""
    piece = b"".join(b"X-%d: a\r\n" % at for at in range(100_000))
    taken = 0
    with socket.create_connection(victim.address, timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(LINE)
        with suppress(ConnectionError):
            for _ in range(64):
                connection.sendall(piece)
                taken += 1
    # Whether it was read to be dropped, or not read: nobody was served, and nothing kept.
    assert all(line.get("path") != "/never" for line in victim.log.lines())
    assert taken <= 64


def test_a_head_that_drips_has_its_time(hasty: Any) -> None:
    """A byte now and then does not buy more of it."""
    assert only(drip(hasty, LINE + b"X: ", b"a")).status == 408


def test_empty_lines_that_drip_have_their_time(hasty: Any) -> None:
    """They may stand before a request, but not for ever."""
    received = drip(hasty, b"\r\n", b"\r\n")
    assert only(received).status in {400, 408}


@pytest.mark.parametrize(
    "head",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)),  # a TLS hello
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/11.1\r\nHost: here\r\n\r\n",
        b"GET / http/1.1\r\nHost: here\r\n\r\n",
        b"GET / HTTP/1.1 \r\nHost: here\r\n\r\n",
        b"GET\t/\tHTTP/1.1\r\nHost: here\r\n\r\n",
        b"GET healthz HTTP/1.1\r\nHost: here\r\n\r\n",
        b" GET / HTTP/1.1\r\nHost: here\r\n\r\n",
        b"\x00\x00\x00\x00\r\n\r\n",
        b"\xff\xfe\xfd\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"*1\r\n$4\r\nPING\r\n",  # another protocol's pages reach here
        b"GET / HTTP/1.1\r\nHost here\r\n\r\n",
        b"GET / HTTP/1.1\r\n: value\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: here\r\nX\x00Y: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: here\r\nX : 1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(victim: Any, head: bytes) -> None:
    """With 400, without a word of what was expected, and without a line in the log."""
    before = paths_in(victim)
    answer = only(send(victim, head, half_close=True))
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert paths_in(victim) == before


def paths_in(victim: Any) -> list[str]:
    """The paths in the log, but for that of the question whether it still serves."""
    paths = (line.get("path", "/healthz") for line in victim.log.lines())
    return [path for path in paths if path != "/healthz"]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/0.9\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/2.0\r\nHost: here\r\n" + CLOSE,
        b"GET  /healthz HTTP/1.1\r\nHost: here\r\n" + CLOSE,
        b"\r\n\r\nGET /healthz HTTP/1.1\r\nHost: here\r\n" + CLOSE,
    ],
)
def test_what_can_mean_one_thing_alone_may_be_answered(victim: Any, head: bytes) -> None:
    """Once, as what it means or with 400, and that ends the connection."""
    answer = only(send(victim, head))
    assert answer.status in {200, 400}
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("count", [1, 200])
def test_connections_that_say_nothing_keep_nobody_out(victim: Any, count: int) -> None:
    """Others are served while they are there."""
    idle = [socket.create_connection(victim.address, timeout=TIMEOUT_SECONDS) for _ in range(count)]
    try:
        assert only(send(victim, LINE + CLOSE)).status == 200
    finally:
        for connection in idle:
            connection.close()


@pytest.mark.parametrize("value", [b"100-continue", b"200-ok", b"100-continue, 100-continue"])
def test_expectations_are_met_or_ignored(victim: Any, value: bytes) -> None:
    """A GET has nothing to be continued."""
    received = send(victim, LINE + b"Expect: " + value + b"\r\n" + CLOSE)
    check_silent(received)
    assert received.count(b'{"status":"alive"}') == 1
