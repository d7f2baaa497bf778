"""A body that is too large for memory, written into a file while it arrives."""

import asyncio
from typing import BinaryIO

from starlette.requests import Request

from app.request_body import (
    BodyTimeoutError,
    BodyTooLargeError,
    DisconnectedError,
    UnsupportedEncodingError,
    UnsupportedMediaTypeError,
)
from services.full_disk import no_room_as_error
from weightbank.errors import NO_VALUE

LINES = "application/x-ndjson"
_MEDIA_TYPES = {LINES, "application/jsonl", "application/ndjson", "application/octet-stream"}
_PIECE_BYTES = 2**20
_LEAST_BYTES_PER_SECOND = 2**20
_MOST_DIGITS = 18


async def spool_body(
    request: Request, file: BinaryIO, *, limit_bytes: int, timeout_seconds: float
) -> None:
    """Write a request's body into a file.

    Args:
        request: One whose body nobody has read.
        file: Empty.
        limit_bytes: Most bytes.
        timeout_seconds: How long it may take, and a second more for each megabyte that
            has arrived.

    Raises:
        UnsupportedMediaTypeError: If it is not said to be lines of JSON.
        UnsupportedEncodingError: If it is compressed.
        BodyTooLargeError: If it has too many bytes, whatever Content-Length says.
        BodyTimeoutError: If it takes too long.
        InsufficientStorageError: If the disk is full.
    """
    _check_headers(request, limit_bytes)
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(timeout_seconds) as timeout:
            size_bytes, piece, more = 0, bytearray(), True
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise DisconnectedError
                piece += message.get("body", b"")
                more = message.get("more_body", False)
                if len(piece) >= _PIECE_BYTES or not more:
                    size_bytes += len(piece)
                    _check_size(size_bytes, limit_bytes)
                    with no_room_as_error():
                        await asyncio.to_thread(file.write, piece)
                    piece = bytearray()
                    granted = timeout_seconds + size_bytes / _LEAST_BYTES_PER_SECOND
                    timeout.reschedule(began + granted)
    except TimeoutError:
        raise BodyTimeoutError(
            "body", NO_VALUE, f"did not arrive within {timeout_seconds:g} s", "a faster one"
        ) from None


def _check_headers(request: Request, limit_bytes: int) -> None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() not in _MEDIA_TYPES:
        accepted = f"{LINES}; with curl: -H 'Content-Type: {LINES}' --data-binary @FILE"
        raise UnsupportedMediaTypeError("Content-Type", given, "is not read here", accepted)
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedEncodingError(
            "Content-Encoding", encoding, "is not read here", "a body that is not compressed"
        )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal():
        _check_size(int(declared[:_MOST_DIGITS]), limit_bytes)


def _check_size(size_bytes: int, limit_bytes: int) -> None:
    if size_bytes > limit_bytes:
        raise BodyTooLargeError(
            "body",
            NO_VALUE,
            f"has {size_bytes:,} bytes or more",
            f"at most {limit_bytes:,} bytes (WEIGHTBANK_LIMIT_IMPORT_BYTES); on the server's "
            "machine: python -m app specs import FILE",
        )
