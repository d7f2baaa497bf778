"""The parser of the Range header, on whatever comes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bodies import multipart_body, single_body
from app.ranges import RangeError, parse_ranges

SIZE = 1000


@given(
    spans=st.lists(
        st.tuples(st.integers(0, SIZE - 1), st.integers(1, 100)), min_size=1, max_size=16
    )
)
def test_spans_are_those_that_were_written(spans: list[tuple[int, int]]) -> None:
    """First and last byte are both inside."""
    expected = tuple((start, min(start + count, SIZE)) for start, count in spans)
    text = ",".join(f"{start}-{start + count - 1}" for start, count in spans)
    if sum(stop - start for start, stop in expected) > SIZE:
        with pytest.raises(RangeError):
            parse_ranges([f"bytes={text}"], size=SIZE, limit=16)
    else:
        assert parse_ranges([f"bytes={text}"], size=SIZE, limit=16) == expected


@given(text=st.text(alphabet="bytes=0123456789-, \t", max_size=40), size=st.integers(1, 50))
def test_whatever_is_written_is_refused_or_within_the_file(text: str, size: int) -> None:
    """No other exception, no empty span, no more bytes than the file has."""
    try:
        spans = parse_ranges([text], size=size, limit=4)
    except RangeError:
        return
    if spans is None:
        assert text.partition("=")[0].strip().lower() != "bytes"
        return
    assert spans
    assert all(0 <= start < stop <= size for start, stop in spans)
    assert sum(stop - start for start, stop in spans) <= size


@given(cuts=st.sets(st.integers(1, SIZE - 1), max_size=15))
def test_a_partition_in_one_request_covers_the_file(cuts: set[int]) -> None:
    """And is not too much."""
    ends = [0, *sorted(cuts), SIZE]
    text = ",".join(f"{a}-{b - 1}" for a, b in itertools.pairwise(ends))
    spans = parse_ranges([f"bytes={text}"], size=SIZE, limit=16)
    assert spans is not None
    assert [start for start, _ in spans] == ends[:-1]
    assert sum(single_body(span).content_length for span in spans) == SIZE


def test_a_multipart_body_has_the_length_it_says() -> None:
    """Boundaries and headers included; equal requests have equal boundaries."""
    spans = [(0, 1), (5, 900)]
    bodies = [multipart_body(spans, size=SIZE, etag='"x"') for _ in range(2)]
    assert bodies[0] == bodies[1] != multipart_body(spans, size=SIZE, etag='"y"')
    content = b"".join(
        prefix + bytes(stop - start)
        for prefix, (start, stop) in zip(bodies[0].prefixes, spans, strict=True)
    )
    assert len(content + bodies[0].suffix) == bodies[0].content_length
