"""From a file and a request to an answer: conditions first, then ranges, then bytes."""

from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

from app.admission import caller_of
from app.bodies import Body
from app.conditions import is_not_modified
from app.named_file import NamedFile
from app.partial_answer import choose_body, head_headers
from app.streaming import WeightsResponse, is_small, small_response
from app.wiring import Wiring
from services.engine import ByteSource

_KEPT = "max-age=31536000, immutable, no-transform"
"""A file never changes; a cache may keep it, and must not compress it under our tag."""

_RESTRICTED = "private, no-cache, no-transform"
"""What not everybody may read is asked for anew each time."""

_MOVING = "no-cache, no-transform"
"""So is what may be another file tomorrow."""


def whose(request: Request) -> str:
    """Return whose caches may keep an answer: with keys, no cache that callers share."""
    return "public" if caller_of(request).key_id is None else "private"


def kept_for_good(request: Request, *, is_restricted: bool) -> str:
    """Return the Cache-Control of what never changes.

    Args:
        request: With its caller.
        is_restricted: Whether not everybody may read what it is made from.
    """
    return _RESTRICTED if is_restricted else f"{whose(request)}, {_KEPT}"


def caching_of(request: Request, named: NamedFile) -> str:
    """Return the Cache-Control of a file by the path that it was asked for by."""
    if named.is_moving and not named.is_restricted:
        return f"{whose(request)}, {_MOVING}"
    return kept_for_good(request, is_restricted=named.is_restricted)


async def answer_get(request: Request, named: NamedFile, wiring: Wiring) -> Response:
    """Answer a GET or HEAD of a file.

    Raises:
        PreconditionFailedError: If If-Match does not hold.
        RangeError: If byte ranges are asked for that cannot be given.
        OverloadedError: If too many answers are being made.
    """
    headers = named.headers(cache_control=caching_of(request, named))
    if is_not_modified(request, named.etag):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        whole = {**headers, **head_headers(named.file.size_bytes)}
        return Response(status_code=200, headers=whole)
    return await answer_bytes(request, named, wiring, headers=headers)


async def answer_bytes(
    request: Request, named: NamedFile, wiring: Wiring, *, headers: dict[str, str]
) -> Response:
    """Answer with the bytes that a request asks for: all, or ranges."""
    body, status, extra = choose_body(
        request,
        size_bytes=named.file.size_bytes,
        etag=named.etag,
        limit=wiring.settings.limit_ranges,
    )
    headers = {**headers, **extra}
    if named.reader is not None and status == HTTPStatus.PARTIAL_CONTENT:
        # The end of a whole file waits for the hashes of what it is made from; that of
        # a range is anywhere.
        await named.reader.wait_verified()
    return await stream_body(named.file, body, wiring, status=status, headers=headers)


async def stream_body(
    file: ByteSource, body: Body, wiring: Wiring, *, status: int, headers: dict[str, str]
) -> Response:
    """Answer with spans of a file that is made while it is sent."""
    if is_small(body):
        small = await small_response(
            file, body, engine=wiring.engine, status=status, headers=headers
        )
        if small is not None:
            return small
    return WeightsResponse(
        file,
        body,
        engine=wiring.engine,
        status=status,
        headers=headers,
        stall_timeout_seconds=wiring.settings.stall_timeout_seconds,
    )
