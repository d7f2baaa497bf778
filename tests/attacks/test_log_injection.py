"""What a client writes into a log: values of JSON, on a line that is ours."""

import itertools
import json
import re
from typing import Any

import pytest

from tests.attacks.wire import CLOSE, check_silent, only, send

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


NAMES = (f"probe-{number}" for number in itertools.count())


def logged(victim: Any, request: str, headers: bytes = b"") -> tuple[bytes, dict[str, Any] | None]:
    """The answer to a request, and its one line in the log, if it was a request at all."""
    name = next(NAMES)
    head = f"{request} HTTP/1.1\r\nHost: here\r\nX-Request-ID: {name}\r\n".encode()
    received = send(victim, head + headers + CLOSE)
    check_silent(received)
    if b"x-request-id" not in received:
        assert received.startswith(b"HTTP/1.1 400 ")
        return received, None
    victim.log.wait_for(request_id=name)
    (line,) = [line for line in victim.log.lines() if line.get("request_id") == name]
    return received, line


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("target", ["/{}", "/v1/specs/{}", "/healthz?{}", "/healthz?a={}"])
def test_a_path_or_query_makes_one_line(victim: Any, target: str, text: str) -> None:
    """With the fields of every other line, and none that a client has written."""
    _, ordinary = logged(victim, "GET /ordinary")
    _, line = logged(victim, f"GET {target.format(text).replace(' ', '%20')}")
    assert ordinary is not None
    if line is not None:
        assert line["status"] in {404, 422}
        assert line["path"] != "/forged"
        assert line["event"] == "request"
        assert set(line) == set(ordinary)
        assert len(json.dumps(line)) < 20_000


@pytest.mark.parametrize("value", [b"a\tb", b'","level":"error', b"%0d%0a", b"\xe2\x80\xa8", b"}"])
@pytest.mark.parametrize("name", [b"User-Agent", b"Referer", b"X-Forwarded-For", b"traceparent"])
def test_a_header_makes_no_field(victim: Any, name: bytes, value: bytes) -> None:
    """It does not get into the line at all."""
    received, line = logged(victim, "GET /healthz", name + b": forged" + value + b"\r\n")
    assert b"forged" not in received
    assert line is not None
    assert "forged" not in json.dumps(line)
    assert (line["status"], line["client"]) == (200, "127.0.0.1")


@pytest.mark.parametrize("value", [b"a\tb", b'a","level":"error', b"a%0d%0a", b"a\xff", b"a" * 65])
def test_an_id_that_is_odd_is_replaced(victim: Any, value: bytes) -> None:
    """The line has one of ours, as the answer has."""
    head = b"GET /healthz HTTP/1.1\r\nHost: here\r\nX-Request-ID: " + value + b"\r\n"
    made = only(send(victim, head + CLOSE)).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert victim.log.wait_for(request_id=made)["path"] == "/healthz"


@pytest.mark.parametrize("character", [b"\x1b", b"\x00", b"\x07", b"\x7f", b"\r", b"\n"])
def test_a_header_with_a_control_character_is_none(victim: Any, character: bytes) -> None:
    """What could move a cursor or end a line is no request."""
    head = b"GET /controlled HTTP/1.1\r\nHost: here\r\nX-Request-ID: a" + character + b"b\r\n"
    assert send(victim, head + CLOSE).startswith(b"HTTP/1.1 400 ")
    assert all(line.get("path") != "/controlled" for line in victim.log.lines())


@pytest.mark.parametrize("text", ["%0d%0aX-Forged:%20y", "%0aX-Forged:%20y", "%E5%98%8A%E5%98%8DX"])
@pytest.mark.parametrize("target", ["/{}", "/v1/specs/{}", "/v1/weights/{}?seed=1", "/docs?{}"])
def test_an_answer_has_no_header_of_a_client_s(victim: Any, target: str, text: str) -> None:
    """What stands in a path or query is quoted in a body, if anywhere."""
    head = f"GET {target.format(text)} HTTP/1.1\r\nHost: here\r\n".encode()
    received = send(victim, head + CLOSE)
    assert b"x-forged" not in received.partition(b"\r\n\r\n")[0].lower()
    assert received.count(b"HTTP/1.1 ") == 1
