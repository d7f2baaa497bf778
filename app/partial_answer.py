"""Which part of a file a request asks for, whatever the file is made of."""

from fastapi import Request

from app.bodies import OCTETS, Body, content_range, multipart_body, single_body
from app.conditions import range_applies
from app.ranges import parse_ranges


def choose_body(
    request: Request, *, size_bytes: int, etag: str, limit: int
) -> tuple[Body, int, dict[str, str]]:
    """Return the body of an answer, its status, and the headers that go with that.

    Args:
        request: With its ranges.
        size_bytes: Of the file.
        etag: Of the file.
        limit: Most ranges in one request.

    Raises:
        RangeError: If byte ranges are asked for that cannot be given.
    """
    spans = None
    if range_applies(if_range=request.headers.getlist("if-range"), etag=etag):
        spans = parse_ranges(request.headers.getlist("range"), size=size_bytes, limit=limit)
    if spans is None:
        body, status, extra = single_body((0, size_bytes)), 200, {}
    elif len(spans) == 1:
        body, status = single_body(spans[0]), 206
        extra = {"Content-Range": content_range(spans[0], size=size_bytes)}
    else:
        body, status, extra = multipart_body(spans, size=size_bytes, etag=etag), 206, {}
    length = str(body.content_length)
    return body, status, {**extra, "Content-Type": body.media_type, "Content-Length": length}


def head_headers(size_bytes: int) -> dict[str, str]:
    """Return the headers of a whole file's body.

    Examples:
        >>> head_headers(10)
        {'Content-Type': 'application/octet-stream', 'Content-Length': '10'}
    """
    return {"Content-Type": OCTETS, "Content-Length": str(size_bytes)}
