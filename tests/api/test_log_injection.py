"""What a client can get into the log, over a real connection: nothing but values."""

import json
import socket
from typing import Any

import pytest

FIELDS = {
    "client",
    "code",
    "event",
    "key",
    "level",
    "method",
    "milliseconds",
    "outcome",
    "path",
    "query",
    "request_id",
    "route",
    "sent_bytes",
    "span_id",
    "spec_id",
    "status",
    "timestamp",
    "trace_id",
}
SECRET = "hf_abcdefghijklmnopqrstuvwxyz"  # noqa: S105 - what must not be there


def ask(server: Any, target: bytes, *headers: bytes) -> bytes:
    """Send a request as it stands, and return the answer."""
    lines = [b"GET " + target + b" HTTP/1.1", b"Host: here", b"Connection: close", *headers]
    with socket.create_connection(server.address, timeout=30) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
        received = b""
        while block := connection.recv(2**16):
            received += block
        return received


def line_of(server: Any, received: bytes) -> dict[str, Any]:
    """The log line of an answer, found by the id that the answer bears."""
    head = received.partition(b"\r\n\r\n")[0].decode("latin-1").lower()
    request_id = head.partition("x-request-id: ")[2].partition("\r\n")[0]
    found: dict[str, Any] = server.log.wait_for(event="request", request_id=request_id)
    return found


@pytest.mark.parametrize(
    "target",
    [
        b"/%0a%7b%22event%22:%22forged%22%7d",
        b"/v1/specs/x%22,%22status%22:200,%22a%22:%22",
        b"/%1b[31mred%1b[0m",
        b"/%e2%80%a8%c2%85%00%ff%fe%ed%a0%80",
        b'/?a="}{"event":"forged"}',
        b"/?%0d%0aevent=forged",
        b"/" + b"a" * 20_000 + b"?" + b"b" * 20_000,
    ],
)
def test_a_path_or_query_is_a_value_of_one_line(server: Any, target: bytes) -> None:
    """It adds no line, no field, and no byte that a terminal would heed."""
    line = line_of(server, ask(server, target))
    assert set(line) == FIELDS
    assert line["event"] == "request"
    assert line["status"] in {307, 404, 422}
    text = json.dumps(line)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 6000


@pytest.mark.parametrize(
    "header",
    [
        b'X-Request-ID: a", "event": "forged',
        b"X-Request-ID: \xff\xfe",
        b"X-Request-ID: " + b"a" * 65,
        b"X-Request-ID: a/b/c",
        b'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","a":"b',
        b"traceparent: 00-0af7651916cd43dd8448eb211c80319\xff-b7ad6b7169203331-01",
    ],
)
def test_a_header_that_is_not_sane_is_not_logged(server: Any, header: bytes) -> None:
    """Ids are made anew instead."""
    line = line_of(server, ask(server, b"/healthz", header))
    assert set(line) == FIELDS
    for name, digits in (("request_id", 32), ("trace_id", 32), ("span_id", 16)):
        assert len(line[name]) == digits
        assert int(line[name], 16)


@pytest.mark.parametrize(
    "target",
    [
        f"/v1/specs/{SECRET}",
        f"/{SECRET}",
        f"/v1/presets?token={SECRET}",
        f"/v1/presets?{SECRET}=1",
        f"/v1/presets?x={SECRET.replace('_', '%5F')}",
        f"/v1/presets?x={SECRET.replace('h', '%2568')}",
    ],
)
def test_a_token_is_neither_logged_nor_echoed(server: Any, target: str) -> None:
    """Wherever its owner put it by mistake."""
    received = ask(server, target.encode())
    line = line_of(server, received)
    for text in (json.dumps(line), received.decode()):
        assert SECRET not in text
        assert SECRET[8:] not in text
