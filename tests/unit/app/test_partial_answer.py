"""Which part of a file a request asks for."""

import pytest
from starlette.requests import Request

from app.partial_answer import choose_body, head_headers
from app.ranges import RangeError

ETAG = '"abc"'


def choose(*ranges: str, if_range: str | None = None) -> tuple[int, dict[str, str]]:
    """Return status and headers of an answer with 100 bytes."""
    headers = [(b"range", value.encode()) for value in ranges]
    if if_range is not None:
        headers.append((b"if-range", if_range.encode()))
    request = Request({"type": "http", "headers": headers})
    body, status, chosen = choose_body(request, size_bytes=100, etag=ETAG, limit=2)
    assert chosen["Content-Length"] == str(body.content_length)
    return status, chosen


def test_all_of_a_file_is_answered_with_where_no_part_is_asked_for() -> None:
    """As a HEAD says."""
    assert choose() == (200, head_headers(100))


@pytest.mark.parametrize("ranges", ["bytes=10-19", "bytes=-90", "bytes=10-"])
def test_a_part_says_where_it_is(ranges: str) -> None:
    """In the whole."""
    status, headers = choose(ranges)
    assert status == 206
    start = 10
    stop = start + int(headers["Content-Length"])
    assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/100"


def test_several_parts_are_one_body() -> None:
    """Each of which says where it is; the answer does not."""
    status, headers = choose("bytes=0-9,90-99")
    assert status == 206
    assert headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert "Content-Range" not in headers


@pytest.mark.parametrize(("if_range", "status"), [(ETAG, 206), ('"other"', 200), ('W/"abc"', 200)])
def test_a_part_of_another_file_is_not_answered_with(if_range: str, status: int) -> None:
    """But all of this one."""
    assert choose("bytes=0-9", if_range=if_range)[0] == status


@pytest.mark.parametrize("ranges", ["bytes=100-", "bytes=9-0", "bytes=0-1,10-11,20-21"])
def test_what_cannot_be_given_is_refused(ranges: str) -> None:
    """Beyond the end, no part at all, or too many of them."""
    with pytest.raises(RangeError):
        choose(ranges)
