"""Requests that two readers could read in two ways.

A proxy in front may take for a body what the server takes for the next request. So what
is ambiguous is refused, its connection ends, and what is hidden in it is never answered.
"""

from typing import Any

import pytest

from tests.attacks.wire import CLOSE, answers, check_silent, send

POST = b"POST /v1/specs?dry_run=true HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: here\r\n" + CLOSE
CHUNKED = b"Transfer-Encoding: chunked\r\n"
BODY = b'{"layers": []}'
CHUNKS = b"e\r\n" + BODY + b"\r\n0\r\n\r\n"

AMBIGUOUS: dict[str, bytes] = {
    "length, and chunks": b"Content-Length: 14\r\n" + CHUNKED + b"\r\n" + CHUNKS,
    "chunks, and length": CHUNKED + b"Content-Length: 14\r\n\r\n" + CHUNKS,
    "length of nothing, and chunks": b"Content-Length: 0\r\n" + CHUNKED + b"\r\n" + CHUNKS,
    "two lengths": b"Content-Length: 14\r\nContent-Length: 0\r\n\r\n" + BODY,
    "two lengths, reversed": b"Content-Length: 0\r\nContent-Length: 14\r\n\r\n" + BODY,
    "two equal lengths": b"Content-Length: 14\r\nContent-Length: 14\r\n\r\n" + BODY,
    "two lengths in one": b"Content-Length: 14, 0\r\n\r\n" + BODY,
    "a length with a sign": b"Content-Length: +14\r\n\r\n" + BODY,
    "a negative length": b"Content-Length: -14\r\n\r\n" + BODY,
    "a length in another base": b"Content-Length: 0xe\r\n\r\n" + BODY,
    "a length with a fraction": b"Content-Length: 14.0\r\n\r\n" + BODY,
    "a length with an underscore": b"Content-Length: 1_4\r\n\r\n" + BODY,
    "a length in two parts": b"Content-Length: 1 4\r\n\r\n" + BODY,
    "a length in other digits": "Content-Length: ١٤\r\n\r\n".encode() + BODY,
    "a length of nothing at all": b"Content-Length:\r\n\r\n" + BODY,
    "a length beyond 64 bits": b"Content-Length: 18446744073709551630\r\n\r\n" + BODY,
    "another encoding": b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS,
    "identity": b"Transfer-Encoding: identity\r\n\r\n" + CHUNKS,
    "chunks within another": b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKS,
    "two encodings": CHUNKED + b"Transfer-Encoding: identity\r\n\r\n" + CHUNKS,
    "a quoted encoding": b'Transfer-Encoding: "chunked"\r\n\r\n' + CHUNKS,
    "a tab within the encoding": b"Transfer-Encoding: chun\tked\r\n\r\n" + CHUNKS,
    "a vertical tab before it": b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKS,
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKS,
    "a folded encoding": b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKS,
    "a folded header": CHUNKED + b"X: a\r\n b\r\n\r\n" + CHUNKS,
    "a header behind a line feed": b"X: a\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "a header behind a carriage return": b"X: a\rTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "a header behind a zero": b"X: a\x00Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "line feeds alone": CHUNKED.replace(b"\r", b"") + b"\n" + CHUNKS,
    "no size of a chunk": CHUNKED + b"\r\n\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a size that is none": CHUNKED + b"\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a negative size": CHUNKED + b"\r\n-e\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a size with a sign": CHUNKED + b"\r\n+e\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a size with a prefix": CHUNKED + b"\r\n0xe\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a size with an underscore": CHUNKED + b"\r\n0_e\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a size beyond 64 bits": CHUNKED + b"\r\n1000000000000000e\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a size with a space before it": CHUNKED + b"\r\n e\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a size behind a line feed": CHUNKED + b"\r\ne\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk that ends with a line feed": CHUNKED + b"\r\ne\r\n" + BODY + b"\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"\r\n2\r\n" + BODY + b"\r\n0\r\n\r\n",
    "an extension with a line feed": CHUNKED + b"\r\ne;a\nb\r\n" + BODY + b"\r\n0\r\n\r\n",
    "an extension that is none": CHUNKED + b"\r\ne a=b\r\n" + BODY + b"\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("rest", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_is_ambiguous_hides_nothing(victim: Any, rest: bytes) -> None:
    """Nobody answers the request behind it, and the connection ends."""
    received = send(victim, POST + rest + HIDDEN)
    check_silent(received)
    assert all(answer.status in {400, 413} for answer in answers(received))
    assert len(answers(received)) <= 1
    assert all(line.get("path") != "/hidden" for line in victim.log.lines())


UNAMBIGUOUS: dict[str, bytes] = {
    "a length": b"Content-Length: 14\r\n\r\n" + BODY,
    "a length with zeros": b"Content-Length: 0014\r\n\r\n" + BODY,
    "chunks": CHUNKED + b"\r\n" + CHUNKS,
    "chunks in capitals": b"TRANSFER-ENCODING: CHUNKED\r\n\r\n" + CHUNKS,
    "a size with zeros": CHUNKED + b"\r\n000e\r\n" + BODY + b"\r\n0\r\n\r\n",
    "an extension": CHUNKED + b"\r\ne;a=b\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a trailer": CHUNKED + b"\r\ne\r\n" + BODY + b"\r\n0\r\nX: y\r\n\r\n",
}


@pytest.mark.parametrize("rest", UNAMBIGUOUS.values(), ids=UNAMBIGUOUS)
def test_what_is_plain_is_followed_by_the_next_request(victim: Any, rest: bytes) -> None:
    """So that the tests above see a difference."""
    received = send(victim, POST + rest + HIDDEN)
    first, second = answers(received)
    assert (first.status, first.problem()["code"]) == (422, "invalid_argument")
    assert (second.status, second.problem()["instance"]) == (404, "/hidden")


def test_a_trailer_is_no_header(victim: Any) -> None:
    """What comes behind a body changes nothing about its request."""
    rest = CHUNKED + b"\r\ne\r\n" + BODY + b"\r\n0\r\nX-Request-ID: forged\r\n\r\n"
    received = send(victim, POST + b"Connection: close\r\n" + rest)
    assert b"forged" not in received


def test_extensions_without_end_are_not_read_for_ever(victim: Any) -> None:
    """They are no body, so that no limit of bodies counts them; another does."""
    piece = b"a" * 2**16
    received = send(victim, POST + CHUNKED + b"\r\ne;", *[piece] * 256)
    check_silent(received)
    assert all(answer.status in {400, 413} for answer in answers(received))


def test_trailers_without_end_are_not_kept(victim: Any) -> None:
    """Sixteen megabytes of them, behind a body."""
    trailers = b"".join(b"X-%d: a\r\n" % at for at in range(1000))
    received = send(victim, POST + CHUNKED + b"\r\n" + CHUNKS[:-2], *[trailers] * 2000)
    check_silent(received)
    assert all(answer.status >= 400 for answer in answers(received))
