"""Methods, hosts, queries, ranges and pipelines that nobody needs."""

import socket
from contextlib import suppress
from typing import Any

import pytest

from tests.attacks.wire import CLOSE, TIMEOUT_SECONDS, answers, check_silent, only, send

END = b" HTTP/1.1\r\nHost: here\r\n" + CLOSE


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PROPFIND", "PURGE", "PATCH", "M-SEARCH"])
def test_a_method_that_nobody_knows_is_refused(victim: Any, method: str) -> None:
    """With those there are; TRACE sends back nothing."""
    request = f"{method} /healthz HTTP/1.1\r\nHost: here\r\nX-Secret: abcdef\r\n".encode()
    received = send(victim, request + CLOSE)
    assert b"abcdef" not in received
    answer = only(received)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("method", [b"get", b"Get", b"GETT", b"DEL", b"BREW", b"\xc7ET", b""])
def test_a_method_that_is_none_is_no_request(victim: Any, method: bytes) -> None:
    """Methods have one spelling."""
    assert only(send(victim, method + b" /healthz" + END, half_close=True)).status in {400, 405}


@pytest.mark.parametrize("target", [b"127.0.0.1:1", b"elsewhere.example:443", b"/healthz"])
def test_nobody_is_connected_elsewhere(victim: Any, target: bytes) -> None:
    """CONNECT opens nothing, and what follows it is no tunnel."""
    received = send(victim, b"CONNECT " + target + END, b"hello", half_close=True)
    check_silent(received)
    assert all(answer.status in {400, 404, 405} for answer in answers(received))


@pytest.mark.parametrize(
    "header",
    [
        b"X-HTTP-Method-Override: DELETE",
        b"X-HTTP-Method: DELETE",
        b"X-Method-Override: DELETE",
        b"X-Original-URL: /metrics",
        b"X-Rewrite-URL: /metrics",
        b"X-Forwarded-Host: elsewhere.example",
        b"X-Forwarded-Proto: gopher",
        b"X-Forwarded-For: 10.0.0.1",
        b"X-Forwarded-Prefix: /elsewhere",
        b"Forwarded: host=elsewhere.example;for=10.0.0.1",
        b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
        b"Connection: host",
        b"Max-Forwards: 0",
        b"Range: bytes=0-",
        b"Proxy-Connection: keep-alive",
    ],
)
def test_a_header_changes_neither_method_nor_path(victim: Any, header: bytes) -> None:
    """What is answered is what the first line says."""
    received = send(victim, b"GET /healthz HTTP/1.1\r\nHost: here\r\n" + header + b"\r\n" + CLOSE)
    answer = only(received)
    assert (answer.status, answer.body) == (200, b'{"status":"alive"}')
    assert b"elsewhere" not in received


def test_websockets_are_not_spoken(victim: Any) -> None:
    """Who asks for one gets the answer to a GET, or none."""
    wish = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    received = send(
        victim, b"GET /healthz HTTP/1.1\r\nHost: here\r\n" + wish + key, half_close=True
    )
    check_silent(received)
    assert b" 101 " not in received


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"Host: elsewhere.example\r\n",
        b"Host: here\r\nHost: elsewhere.example\r\n",
        b"Host: elsewhere.example:99999\r\n",
        b"Host: user@elsewhere.example\r\n",
        b"Host: elsewhere.example/path\r\n",
        b'Host: "><script>elsewhere\r\n',
        b"Host: [::1\r\n",
        b"Host: " + b"elsewhere." * 5000 + b"\r\n",
    ],
)
@pytest.mark.parametrize("path", [b"/", b"/docs", b"/openapi.json", b"/nowhere", b"/v1/presets"])
def test_no_answer_quotes_the_host(victim: Any, path: bytes, host: bytes) -> None:
    """Redirects and documents have paths, not addresses, so that none can be forged."""
    received = send(victim, b"GET " + path + b" HTTP/1.1\r\n" + host + CLOSE)
    head = received.partition(b"\r\n\r\n")[0]
    assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 307", b"HTTP/1.1 404", b"HTTP/1.1 400"))
    assert b"elsewhere" not in received
    if b"location:" in head.lower():
        assert b"location: /docs" in head.lower()


QUERIES = {
    "many parameters": "&".join(f"a{number}=1" for number in range(8000)),
    "many of one": "seed=1&" * 8000,
    "many ampersands": "&" * 60_000,
    "many equals signs": "=" * 60_000,
    "a long name": "a" * 60_000 + "=1",
    "a long value": "seed=" + "1" * 60_000,
    "many percent signs": "seed=" + "%25" * 20_000,
    "half a percent sign": "seed=%",
    "a zero": "seed=1%00",
    "an index": "seed[]=1&seed[0]=1",
    "semicolons": "seed=1;" * 8000,
    "a plus": "seed=1+1",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_that_is_too_much_is_refused(victim: Any, weights_path: str, query: str) -> None:
    """In few words, however many it has itself."""
    path = weights_path.partition("?")[0]
    answer = only(send(victim, f"GET {path}?{query}".encode() + END))
    assert answer.status == 422, answer
    assert len(answer.body) < 5000


RANGES = {
    "many": "bytes=" + ",".join(f"{number}-{number}" for number in range(8000)),
    "many open ones": "bytes=" + ",".join(["0-"] * 16),
    "the whole, again and again": "bytes=" + ",".join(["0-11999999"] * 16),
    "many empty ones": "bytes=" + "," * 60_000,
    "many spaces": "bytes=" + " " * 60_000 + "0-0,1-1" * 20,
    "many digits": "bytes=" + "9" * 30_000 + "-" + "9" * 30_000,
    "many dashes": "bytes=" + "-" * 60_000,
    "many units": "bytes=0-0;" * 5000,
}


@pytest.mark.parametrize("ranges", RANGES.values(), ids=RANGES)
def test_ranges_that_are_too_much_are_refused(victim: Any, weights_path: str, ranges: str) -> None:
    """No answer is larger than the file."""
    head = f"GET {weights_path} HTTP/1.1\r\nHost: here\r\nRange: {ranges}\r\n".encode()
    answer = only(send(victim, head + CLOSE))
    assert answer.status == 416, answer
    assert len(answer.body) < 5000


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match", "If-Range"])
@pytest.mark.parametrize("piece", ['"a",', "W/", '"', ",", " ", '"\\"', "*,", "a"])
def test_conditions_without_end_take_no_time(
    victim: Any, weights_path: str, name: str, piece: str
) -> None:
    """They are read from left to right, once."""
    value = (piece * 60_000)[:60_000]
    head = f"HEAD {weights_path} HTTP/1.1\r\nHost: here\r\n{name}: {value}\r\n".encode()
    received = send(victim, head + CLOSE)
    check_silent(received)
    assert received.split(b" ")[1] in {b"200", b"304", b"400", b"412"}


def test_pipelined_requests_are_answered_in_their_order(victim: Any) -> None:
    """All of them, though they were sent at once."""
    count = 300
    requests = [b"GET /number-%d HTTP/1.1\r\nHost: here\r\n\r\n" % at for at in range(count)]
    found = answers(send(victim, b"".join(requests), b"GET /healthz" + END))
    paths = [answer.problem()["instance"] for answer in found[:-1]]
    assert paths == [f"/number-{at}" for at in range(count)]
    assert found[-1].status == 200


def test_who_pipelines_and_does_not_read_is_not_read(victim: Any, weights_path: str) -> None:
    """Requests for gigabytes are left in the client's own buffers, and others are served."""
    requests = f"GET {weights_path} HTTP/1.1\r\nHost: here\r\n\r\n".encode() * 500
    sent = 0
    with socket.create_connection(victim.address, timeout=TIMEOUT_SECONDS) as connection:
        connection.settimeout(0.5)
        with suppress(TimeoutError):
            for _ in range(200):
                connection.sendall(requests)
                sent += 1
        assert sent < 200, "a server that reads all of it keeps all of it"
        assert only(send(victim, b"GET /healthz" + END)).status == 200


def test_who_leaves_with_requests_waiting_has_left_the_first_one(
    victim: Any, weights_path: str
) -> None:
    """Its answer ends at once, as that of somebody who asked for nothing else."""
    head = f"GET {weights_path} HTTP/1.1\r\nHost: here\r\n"
    first = f"{head}X-Request-ID: first-of-two\r\n\r\n".encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(victim.address)
        connection.sendall(first + head.encode() + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    line = victim.log.wait_for(request_id="first-of-two")
    assert line["outcome"] == "disconnected", line


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz" + END])
def test_who_says_that_nothing_follows_is_believed(victim: Any, sent: bytes) -> None:
    """The connection ends, with the answer to what was whole or without one."""
    received = send(victim, sent, half_close=True)
    check_silent(received)
    assert all(answer.status in {200, 400} for answer in answers(received))


def test_connections_that_come_and_go_leave_nothing(victim: Any) -> None:
    """Hundreds that are reset before, within and behind a request."""
    for at in range(300):
        connection = socket.create_connection(victim.address, timeout=TIMEOUT_SECONDS)
        connection.sendall((b"GET /healthz" + END)[: at % 60])
        connection.close()
