"""The Range header of RFC 9110, parsed strictly and bounded.

A file may have terabytes, so that the lenient answer to a strange range, the whole
file, is the dangerous one. Whoever asks for bytes gets these bytes, or a refusal:

1. A unit other than ``bytes`` is ignored, as the RFC demands.
2. What is no list of byte ranges is refused, and so are too many of them.
3. Ranges beyond the end are dropped; if none is left, the answer is a refusal.
4. Ranges that together are longer than the file are refused.
"""

import re
from collections.abc import Sequence

from app.errors import RequestError
from services.engine import Span

_SPECIFIER = re.compile(r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=(.*)", re.DOTALL)
_RANGE = re.compile(r"([0-9]*)-([0-9]*)")
_BEYOND_ANY_FILE = 10**19
_MOST_DIGITS = 19
_ACCEPTED = "bytes=FIRST-LAST, bytes=FIRST- or bytes=-COUNT, several separated by commas"


class RangeError(RequestError):
    """A Range that is refused; the answer names the size of the file."""

    code = "malformed_range"

    def __init__(self, value: object, problem: str, accepted: str, *, size: int) -> None:
        self.headers = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        super().__init__("Range", value, problem, accepted)


class TooManyRangesError(RangeError):
    """More ranges than the setting allows."""

    code = "too_many_ranges"


class OverlappingRangesError(RangeError):
    """Ranges that repeat bytes, and are longer than the file together."""

    code = "overlapping_ranges"


class UnsatisfiableRangeError(RangeError):
    """No range has a byte within the file."""

    code = "range_not_satisfiable"


def parse_ranges(values: Sequence[str], *, size: int, limit: int) -> tuple[Span, ...] | None:
    """Return the spans that a request asks for.

    Args:
        values: Of each Range header; mostly one or none.
        size: Bytes of the file.
        limit: Most ranges in one request.

    Returns:
        The spans in the order they were asked for, each within the file and not
        empty; None if the whole file is asked for.

    Raises:
        RangeError: If byte ranges are asked for that we do not answer.

    Examples:
        >>> parse_ranges(["bytes=0-9, -5"], size=100, limit=16)
        ((0, 10), (95, 100))
        >>> parse_ranges(["seconds=1-2"], size=100, limit=16)
        >>> parse_ranges(["bytes=100-"], size=100, limit=16)
        Traceback (most recent call last):
        app.ranges.UnsatisfiableRangeError: Range 'bytes=100-' has no byte within the file; \
accepted: bytes 0 to 99
    """
    if not values:
        return None
    if len(values) > 1:
        raise RangeError(f"{len(values)} headers", "are given", "one Range header", size=size)
    text = values[0]
    match = _SPECIFIER.fullmatch(text)
    if match is None:
        raise RangeError(text, "is not a range", _ACCEPTED, size=size)
    unit, listed = match.groups()
    if unit.lower() != "bytes":
        return None
    spans = _parse_list(text, listed, size=size, limit=limit)
    if not spans:
        raise UnsatisfiableRangeError(
            text, "has no byte within the file", f"bytes 0 to {size - 1}", size=size
        )
    if sum(stop - start for start, stop in spans) > size:
        raise OverlappingRangesError(
            text, "asks for more bytes than the file has", "ranges that do not overlap", size=size
        )
    return spans


def _parse_list(text: str, listed: str, *, size: int, limit: int) -> tuple[Span, ...]:
    # A list may have empty members, but not without bound.
    members = [member.strip(" \t") for member in listed.split(",", 2 * limit + 1)]
    wanted = [member for member in members if member]
    if len(wanted) > limit or len(members) > 2 * limit:
        raise TooManyRangesError(
            text, "has too many ranges", f"at most {limit} in one request", size=size
        )
    if not wanted:
        raise RangeError(text, "has no range", _ACCEPTED, size=size)
    spans = (_parse_range(text, member, size=size) for member in wanted)
    return tuple(span for span in spans if span is not None)


def _parse_range(text: str, member: str, *, size: int) -> Span | None:
    """Return one span, or None if it lies beyond the end."""
    match = _RANGE.fullmatch(member)
    if match is None or member == "-":
        raise RangeError(text, "is malformed", _ACCEPTED, size=size)
    first_digits, last_digits = match.groups()
    if not first_digits:
        count = min(_number(last_digits), size)
        return (size - count, size) if count else None
    first = _number(first_digits)
    if last_digits and _number(last_digits) < first:
        raise RangeError(text, "has a range that ends before it begins", _ACCEPTED, size=size)
    stop = min(_number(last_digits) + 1, size) if last_digits else size
    return (first, stop) if first < size else None


def _number(digits: str) -> int:
    # No file is that long; and long strings of digits are not worth converting.
    significant = digits.lstrip("0") or "0"
    return int(significant) if len(significant) <= _MOST_DIGITS else _BEYOND_ANY_FILE
