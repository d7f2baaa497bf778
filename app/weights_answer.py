"""From a file and a request to an answer: conditions first, then ranges, then bytes."""

from fastapi import Request
from starlette.responses import Response

from app.bodies import OCTETS, Body, content_range, multipart_body, single_body
from app.conditions import is_not_modified, range_applies
from app.named_file import NamedFile
from app.ranges import parse_ranges
from app.streaming import WeightsResponse, is_small, small_response
from app.wiring import Wiring

IMMUTABLE = "public, max-age=31536000, immutable, no-transform"
"""A file never changes; a cache may keep it, and must not compress it under our tag."""


async def answer_get(request: Request, named: NamedFile, wiring: Wiring) -> Response:
    """Answer a GET or HEAD of a file.

    Raises:
        PreconditionFailedError: If If-Match does not hold.
        RangeError: If byte ranges are asked for that cannot be given.
        OverloadedError: If too many answers are being made.
    """
    headers = named.headers(cache_control=IMMUTABLE)
    if is_not_modified(request, named.etag):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        size_bytes = str(named.file.size_bytes)
        whole = {**headers, "Content-Type": OCTETS, "Content-Length": size_bytes}
        return Response(status_code=200, headers=whole)
    return await answer_bytes(request, named, wiring, headers=headers)


async def answer_bytes(
    request: Request, named: NamedFile, wiring: Wiring, *, headers: dict[str, str]
) -> Response:
    """Answer with the bytes that a request asks for: all, or ranges."""
    body, status, extra = _choose(request, named, limit=wiring.settings.limit_ranges)
    headers = {
        **headers,
        **extra,
        "Content-Type": body.media_type,
        "Content-Length": str(body.content_length),
    }
    if is_small(body):
        small = await small_response(
            named.file, body, engine=wiring.engine, status=status, headers=headers
        )
        if small is not None:
            return small
    return WeightsResponse(
        named.file,
        body,
        engine=wiring.engine,
        status=status,
        headers=headers,
        stall_timeout_seconds=wiring.settings.stall_timeout_seconds,
    )


def _choose(request: Request, named: NamedFile, *, limit: int) -> tuple[Body, int, dict[str, str]]:
    """Return the body, its status, and the headers that go with that."""
    size = named.file.size_bytes
    spans = None
    if range_applies(if_range=request.headers.getlist("if-range"), etag=named.etag):
        spans = parse_ranges(request.headers.getlist("range"), size=size, limit=limit)
    if spans is None:
        return single_body((0, size)), 200, {}
    if len(spans) == 1:
        return single_body(spans[0]), 206, {"Content-Range": content_range(spans[0], size=size)}
    return multipart_body(spans, size=size, etag=named.etag), 206, {}
