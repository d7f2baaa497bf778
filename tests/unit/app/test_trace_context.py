"""``traceparent``, read strictly."""

import pytest

from app.trace_context import RequestIds, fields_of, new_span_id, new_trace_id, read_parent

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"


def parent(value: str) -> object:
    """What a header leads to."""
    return read_parent([(b"host", b"x"), (b"traceparent", value.encode("latin-1"))])


@pytest.mark.parametrize(
    ("flags", "is_sampled"), [("01", True), ("00", False), ("03", True), ("02", False)]
)
def test_a_span_of_a_caller_is_read(flags: str, *, is_sampled: bool) -> None:
    """With its flag; other flags mean nothing here."""
    found = read_parent([(b"traceparent", f"00-{TRACE_ID}-{SPAN_ID}-{flags}".encode())])
    assert found is not None
    assert (found.trace_id, found.span_id, found.is_sampled) == (TRACE_ID, SPAN_ID, is_sampled)


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    """It may have more behind."""
    assert parent(f"01-{TRACE_ID}-{SPAN_ID}-01") is not None
    assert parent(f"cc-{TRACE_ID}-{SPAN_ID}-01-what-it-has") is not None


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"00-{TRACE_ID}-{SPAN_ID}",
        f"00-{TRACE_ID}-{SPAN_ID}-1",
        f"00-{TRACE_ID}-{SPAN_ID}-01-more",
        f"00-{TRACE_ID}-{SPAN_ID}-01 ",
        f" 00-{TRACE_ID}-{SPAN_ID}-01",
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"0-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID.upper()}-{SPAN_ID}-01",
        f"00-{TRACE_ID[:-1]}g-{SPAN_ID}-01",
        f"00-{TRACE_ID}\n-{SPAN_ID}-01",
        f"01-{TRACE_ID}-{SPAN_ID}-01more",
        f'00-{TRACE_ID}-{SPAN_ID}-01", "event": "forged',
    ],
)
def test_what_is_malformed_is_as_good_as_absent(value: str) -> None:
    """A new trace begins."""
    assert parent(value) is None


def test_two_parents_are_none() -> None:
    """Nobody can tell which of them counts."""
    header = (b"traceparent", f"00-{TRACE_ID}-{SPAN_ID}-01".encode())
    assert read_parent([header, header]) is None


def test_made_ids_are_good_ones() -> None:
    """As many digits as there must be, and other ones each time."""
    assert len(new_trace_id()) == 32
    assert len(new_span_id()) == 16
    assert new_trace_id() != new_trace_id()


def test_a_name_holds_all_ids() -> None:
    """And a name that holds none is a request's id alone."""
    ids = RequestIds("a.B-9_", TRACE_ID, SPAN_ID)
    assert fields_of(ids.name) == ids.fields()
    assert fields_of("a.B-9_") == {"request_id": "a.B-9_"}
