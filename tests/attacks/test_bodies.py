"""Bodies that are too large, too slow, compressed, or not as long as they say."""

import gzip
import zlib
from typing import Any

import pytest

from tests.attacks.wire import CLOSE, answers, check_silent, drip, only, send

HEAD = b"POST /v1/specs HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
LIMIT_BYTES = 2**20
"""Of the server's bodies."""


def test_a_body_that_says_it_is_too_large_is_not_waited_for(victim: Any) -> None:
    """The answer comes before its first byte, and ends the connection."""
    answer = only(send(victim, HEAD + b"Content-Length: 99999999999\r\n\r\n"))
    assert (answer.status, answer.problem()["code"]) == (413, "body_too_large")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("digits", [20, 400, 4000])
def test_a_length_of_any_number_of_digits_is_refused(victim: Any, digits: int) -> None:
    """It is no number that anything overflows with, or that takes long to read."""
    received = send(victim, HEAD + b"Content-Length: " + b"9" * digits + b"\r\n\r\n")
    assert only(received).status in {400, 413}


def test_chunks_without_end_are_not_read_to_the_end(victim: Any) -> None:
    """A body that says nothing of its size is read as far as the limit."""
    chunk = b"10000\r\n" + b"a" * 2**16 + b"\r\n"
    received = send(victim, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 1024)
    # The kernel may lose an answer to somebody who goes on sending.
    for answer in answers(received):
        assert (answer.status, answer.problem()["code"]) == (413, "body_too_large")
    line = victim.log.wait_for(code="body_too_large")
    assert line["route"] == "/v1/specs"


def test_chunks_of_one_byte_are_a_body_like_any_other(victim: Any) -> None:
    """However many they are."""
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in b'{"layers": []}' + b" " * 20_000)
    head = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = only(send(victim, head, body, b"0\r\n\r\n"))
    assert (answer.status, answer.problem()["code"]) == (422, "invalid_argument")


def test_a_body_shorter_than_it_says_is_nobody_s(victim: Any) -> None:
    """Who stops in its middle gets no answer, and stores nothing."""
    received = send(victim, HEAD + b"Content-Length: 1000\r\n\r\n{}", half_close=True)
    assert received == b""
    victim.log.wait_for(outcome="disconnected")


def test_what_is_longer_than_it_says_is_no_part_of_it(victim: Any) -> None:
    """The rest would be the next request, and is none: the connection ends."""
    received = send(victim, HEAD + b'Content-Length: 14\r\n\r\n{"layers": []}, "seed": 1}')
    check_silent(received)
    assert [answer.status for answer in answers(received)] in ([], [422], [422, 400])


def test_a_body_that_drips_has_its_time(hasty: Any) -> None:
    """Each byte comes soon after the last; all of them together do not."""
    answer = only(drip(hasty, HEAD + b"Content-Length: 100000\r\n\r\n", b" "))
    assert (answer.status, answer.problem()["code"]) == (408, "body_timeout")
    assert answer.headers["connection"] == "close"


def test_chunks_that_drip_have_their_time(hasty: Any) -> None:
    """Also where nobody says how many there will be."""
    answer = only(drip(hasty, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"))
    assert (answer.status, answer.problem()["code"]) == (408, "body_timeout")


BOMB = gzip.compress(bytes(2**26))
"""64 MiB in 64 KiB."""


@pytest.mark.parametrize(
    "encoding", ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip", "GZip"]
)
def test_a_bomb_is_not_unpacked(victim: Any, encoding: str) -> None:
    """Nothing that is compressed is read, however it says so."""
    body = zlib.compress(bytes(2**26)) if encoding == "deflate" else BOMB
    head = f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n".encode()
    answer = only(send(victim, HEAD + head + CLOSE, body))
    assert (answer.status, answer.problem()["code"]) == (415, "unsupported_encoding")


def test_a_bomb_that_says_nothing_is_text(victim: Any) -> None:
    """What is not said to be compressed is read as it is."""
    length = f"Content-Length: {len(BOMB)}\r\n".encode()
    answer = only(send(victim, HEAD + length + CLOSE, BOMB))
    assert (answer.status, answer.problem()["code"]) == (422, "invalid_syntax")


def test_a_bomb_as_a_transfer_encoding_is_no_request(victim: Any) -> None:
    """Not even beside chunks."""
    received = send(victim, HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", BOMB)
    check_silent(received)
    assert all(answer.status >= 400 for answer in answers(received))


def test_who_asks_before_sending_too_much_is_told(victim: Any) -> None:
    """With ``Expect: 100-continue`` the refusal comes in place of the invitation."""
    head = HEAD + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
    assert only(send(victim, head)).status == 413


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_body_that_nobody_reads_does_no_harm(victim: Any, method: str) -> None:
    """It belongs to its own request, whatever stands in it."""
    inner = b"GET /inner HTTP/1.1\r\nHost: here\r\n\r\n"
    head = f"{method} /healthz HTTP/1.1\r\nHost: here\r\nContent-Length: {len(inner)}\r\n".encode()
    received = send(victim, head + CLOSE + inner)
    check_silent(received)
    assert received.count(b"HTTP/1.1 ") == 1
    assert all(line.get("path") != "/inner" for line in victim.log.lines())
