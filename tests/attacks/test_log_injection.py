"""What a client writes into a log: values of JSON, on a line that is ours."""

import json
from typing import Any

import pytest

from tests.attacks.wire import CLOSE, check_silent, send

FORGED = '{"event": "request", "status": 200, "code": null, "level": "info", "path": "/forged"}'
HOSTILE = {
    "a line feed": "%0a",
    "a line": f"%0d%0a{FORGED}%0d%0a",
    "a quote": '%22, "level": "error", "x": "'.replace(" ", "%20"),
    "an escape sequence": "%1b[2J%1b]0;owned%07%1b[31m",
    "a control sequence of eight bits": "%c2%9b2J",
    "a zero": "%00",
    "a backspace": "aaa%08%08%08bbb",
    "a separator of lines": "%e2%80%a8%e2%80%a9%c2%85",
    "writing from right to left": "%e2%80%ae",
    "no text": "%ff%fe%c3%28",
    "a surrogate": "%ed%a0%80",
    "a template": "%(message)s {0} {} %25s %25n ${jndi:ldap:%2f%2fa%2fb}".replace(" ", "%20"),
    "markup": "<script>alert(1)</script>",
    "much": "a" * 50_000,
}


def request_lines(victim: Any, before: int) -> list[dict[str, Any]]:
    """Lines of requests since then, after the next one."""
    victim.log.wait_for(event="request")
    return [line for line in victim.log.lines()[before:] if line["event"] == "request"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("target", ["/{}", "/v1/specs/{}", "/healthz?{}", "/healthz?a={}"])
def test_a_path_or_query_makes_one_line(victim: Any, target: str, text: str) -> None:
    """With the fields of every other line, and none that a client has written."""
    before = len(victim.log.texts())
    head = f"GET {target.format(text).replace(' ', '%20')} HTTP/1.1\r\nHost: here\r\n".encode()
    received = send(victim, head + CLOSE)
    check_silent(received)
    if b"content-type" not in received:  # no request at all, and so no line
        assert received.startswith(b"HTTP/1.1 400 ")
        return
    (line,) = request_lines(victim, before)
    assert line["status"] in {404, 422}
    assert line["path"] != "/forged"
    assert set(line) == fields_of_a_line(victim)
    assert len(json.dumps(line)) < 20_000


def fields_of_a_line(victim: Any) -> set[str]:
    """What an ordinary request's line has."""
    before = len(victim.log.texts())
    send(victim, b"GET /ordinary HTTP/1.1\r\nHost: here\r\n" + CLOSE)
    (line,) = request_lines(victim, before)
    return set(line)


HEADERS = [
    b"a\tb",
    b'","level":"error',
    b"%0d%0aforged",
    b"\xe2\x80\xa8",
    b"\xff",
    b"}",
]


@pytest.mark.parametrize("value", HEADERS)
@pytest.mark.parametrize(
    "name", [b"X-Request-ID", b"User-Agent", b"Referer", b"X-Forwarded-For", b"traceparent"]
)
def test_a_header_makes_no_field(victim: Any, name: bytes, value: bytes) -> None:
    """An id that is odd is replaced; others do not get into the line at all."""
    before = len(victim.log.texts())
    head = b"GET /healthz HTTP/1.1\r\nHost: here\r\n" + name + b": forged" + value + b"\r\n"
    received = send(victim, head + CLOSE)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"forged" not in received
    (line,) = request_lines(victim, before)
    assert "forged" not in json.dumps(line)
    assert (line["status"], line["client"]) == (200, "127.0.0.1")


@pytest.mark.parametrize("character", [b"\x1b", b"\x00", b"\x07", b"\x7f", b"\r", b"\n"])
def test_a_header_with_a_control_character_is_none(victim: Any, character: bytes) -> None:
    """What could move a cursor or end a line is no request, and makes no line."""
    before = len(victim.log.texts())
    head = b"GET /healthz HTTP/1.1\r\nHost: here\r\nX-Request-ID: a" + character + b"b\r\n"
    assert send(victim, head + CLOSE).startswith(b"HTTP/1.1 400 ")
    assert len(victim.log.texts()) == before


@pytest.mark.parametrize("text", ["%0d%0aX-Forged:%20y", "%0aX-Forged:%20y", "%E5%98%8A%E5%98%8DX"])
@pytest.mark.parametrize("target", ["/{}", "/v1/specs/{}", "/v1/weights/{}?seed=1", "/docs?{}"])
def test_an_answer_has_no_header_of_a_client_s(victim: Any, target: str, text: str) -> None:
    """What stands in a path or query is quoted in a body, if anywhere."""
    head = f"GET {target.format(text)} HTTP/1.1\r\nHost: here\r\n".encode()
    received = send(victim, head + CLOSE)
    assert b"x-forged" not in received.partition(b"\r\n\r\n")[0].lower()
    assert received.count(b"HTTP/1.1 ") == 1
