"""Ranges over HTTP: any partition concatenates to the whole."""

import email.parser
import email.policy
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.examples import MLP


@pytest.fixture(scope="module")
def whole(server: Any, large_spec: dict[str, Any]) -> tuple[str, bytes]:
    """A path, and all of its bytes."""
    with server.client() as client:
        posted = client.post("/v1/weights", json=large_spec)
        assert len(posted.content) > 12_000_000
        return posted.headers["content-location"], posted.content


def fetch(client: Any, path: str, ranges: str) -> Any:
    """The answer to a GET with a Range."""
    return client.get(path, headers={"Range": ranges})


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(1, 12_000_000), max_size=4, unique=True))
def test_any_partition_is_the_whole(server: Any, whole: tuple[str, bytes], cuts: list[int]) -> None:
    """However it is cut, whichever part comes first."""
    path, content = whole
    ends = [0, *sorted(cuts), len(content)]
    with server.client() as client:
        parts = {}
        for start, stop in reversed(list(itertools.pairwise(ends))):
            response = fetch(client, path, f"bytes={start}-{stop - 1}")
            assert response.status_code == 206
            assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(content)}"
            assert response.headers["content-length"] == str(stop - start)
            parts[start] = response.content
    assert b"".join(parts[start] for start in ends[:-1]) == content


@settings(max_examples=20)
@given(data=st.data())
def test_several_ranges_come_in_the_order_asked_for(
    server: Any, whole: tuple[str, bytes], data: Any
) -> None:
    """As multipart/byteranges that any reader of e-mails can read."""
    path, content = whole
    starts = data.draw(st.lists(st.integers(0, 12_000_000), min_size=2, max_size=5))
    spans = [(start, start + data.draw(st.integers(1, 400_000))) for start in starts]
    spans = [(start, min(stop, len(content))) for start, stop in spans]
    listed = ", ".join(f"{start}-{stop - 1}" for start, stop in spans)
    with server.client() as client:
        response = fetch(client, path, f"bytes={listed}")
    assert response.status_code == 206
    assert len(response.content) == int(response.headers["content-length"])
    for part, (start, stop) in zip(parts_of(response), spans, strict=True):
        assert part["content-range"] == f"bytes {start}-{stop - 1}/{len(content)}"
        assert part.get_content() == content[start:stop]


def parts_of(response: Any) -> list[Any]:
    """The parts of a multipart answer."""
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    return list(parser.parsebytes(head + response.content).iter_parts())


@pytest.mark.parametrize(
    ("ranges", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=-1", -1, None),
        ("bytes=5-", 5, None),
        ("bytes=-99999999999999999999999999", 0, None),
        ("bytes=10-99999999999999999999999999", 10, None),
        ("BYTES = 3-4", 3, 5),
        ("bytes=0-3,99999999999-", 0, 4),
        ("bytes=,, 7-8 ,", 7, 9),
    ],
)
def test_one_range_is_one_part(
    server: Any, whole: tuple[str, bytes], ranges: str, start: int, stop: int | None
) -> None:
    """Open ends, suffixes and members beyond the end included."""
    path, content = whole
    with server.client() as client:
        response = fetch(client, path, ranges)
    assert response.status_code == 206
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.content == content[start:stop]


@pytest.mark.parametrize(
    ("ranges", "code"),
    [
        ("bytes=99999999999-", "range_not_satisfiable"),
        ("bytes=-0", "range_not_satisfiable"),
        ("bytes=" + "9" * 4000 + "-", "range_not_satisfiable"),
        ("bytes=5-3", "malformed_range"),
        ("bytes=", "malformed_range"),
        ("bytes=,", "malformed_range"),
        ("bytes=-", "malformed_range"),
        ("bytes=a-b", "malformed_range"),
        ("bytes=1-2-3", "malformed_range"),
        ("bytes=1 - 2", "malformed_range"),
        ("bytes=0x1-0x2", "malformed_range"),
        ("bytes 0-5", "malformed_range"),
        ("0-5", "malformed_range"),
        ("bytes=" + ",".join(["0-1"] * 17), "too_many_ranges"),
        ("bytes=" + "," * 5000, "too_many_ranges"),
        ("bytes=0-,0-", "overlapping_ranges"),
    ],
)
def test_a_bad_range_is_never_the_whole_file(
    server: Any, whole: tuple[str, bytes], ranges: str, code: str
) -> None:
    """416, with the size of the file."""
    path, content = whole
    with server.client() as client:
        response = fetch(client, path, ranges)
    assert (response.status_code, response.json()["code"]) == (416, code)
    assert response.headers["content-range"] == f"bytes */{len(content)}"
    assert response.json()["argument"] == "Range"


def test_two_range_headers_are_refused(server: Any, whole: tuple[str, bytes]) -> None:
    """Nobody knows which one was meant."""
    path, _ = whole
    with server.client() as client:
        response = client.get(path, headers=[("Range", "bytes=0-1"), ("Range", "bytes=2-3")])
    assert (response.status_code, response.json()["code"]) == (416, "malformed_range")


def test_an_unknown_unit_is_ignored(api: Any, mlp_id: str) -> None:
    """As the RFC demands; nobody asked for bytes."""
    response = fetch(api, f"/v1/weights/{mlp_id}?seed=1", "tensors=0-1")
    assert response.status_code == 200
    assert len(response.content) == int(response.headers["content-length"])


def test_a_post_answers_ranges_too(api: Any, mlp_id: str) -> None:
    """So that nobody gets a terabyte who asked for a header."""
    spec = api.get(f"/v1/specs/{mlp_id}").json()
    response = api.post("/v1/weights", json=MLP, headers={"Range": "bytes=0-7"})
    assert response.status_code == 206
    assert int.from_bytes(response.content, "little") == spec["header_bytes"] - 8


def test_the_number_of_ranges_is_a_setting(make_api: Any) -> None:
    """Two are allowed, three are not."""
    api = make_api(limit_ranges=2)
    path = api.post("/v1/weights", json=MLP).headers["content-location"]
    assert fetch(api, path, "bytes=0-1,2-3").status_code == 206
    assert fetch(api, path, "bytes=0-1,2-3,4-5").json()["code"] == "too_many_ranges"
