"""From a file and a request to an answer: conditions first, then ranges, then bytes."""

from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from app.bodies import OCTETS, Body, content_range, multipart_body, single_body
from app.conditions import evaluate, range_applies, weights_etag
from app.ranges import parse_ranges
from app.streaming import WeightsResponse, is_small, small_response
from app.wiring import Wiring
from services.byte_source import ByteSource
from services.files import FIXED
from weightbank.algorithm import VERSION

IMMUTABLE = "public, max-age=31536000, immutable, no-transform"
"""A file never changes; a cache may keep it, and must not compress it under our tag."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file with the names it goes by.

    Attributes:
        file: Its bytes.
        spec_id: Of the stored spec.
        seed: In [0, 2**64).
        dtype: As ``KnownSpec.effective_dtype`` has it.
    """

    file: ByteSource
    spec_id: str
    seed: int
    dtype: str

    @property
    def etag(self) -> str:
        """Strong entity tag."""
        return weights_etag(spec_id=self.spec_id, seed=self.seed, dtype=self.dtype)

    @property
    def location(self) -> str:
        """Path of the GET that answers with these bytes, and nothing left to defaults."""
        dtype = "" if self.dtype == FIXED else f"&dtype={self.dtype}"
        return f"/v1/weights/{self.spec_id}?seed={self.seed}{dtype}"

    def headers(self, *, cache_control: str) -> dict[str, str]:
        """Return the headers that do not depend on what part is asked for."""
        name = f"{self.spec_id[:12]}-seed-{self.seed}-{self.dtype}.safetensors"
        return {
            "ETag": self.etag,
            "Cache-Control": cache_control,
            "Accept-Ranges": "bytes",
            "Content-Location": self.location,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Weightbank-Algorithm": str(VERSION),
        }


async def answer_get(request: Request, named: NamedFile, wiring: Wiring) -> Response:
    """Answer a GET or HEAD of a file.

    Raises:
        PreconditionFailedError: If If-Match does not hold.
        RangeError: If byte ranges are asked for that cannot be given.
        OverloadedError: If too many answers are being made.
    """
    headers = named.headers(cache_control=IMMUTABLE)
    verdict = evaluate(
        if_match=request.headers.getlist("if-match"),
        if_none_match=request.headers.getlist("if-none-match"),
        etag=named.etag,
    )
    if verdict == "not_modified":
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
        return await small_response(
            named.file, body, generation=wiring.generation, status=status, headers=headers
        )
    return WeightsResponse(
        named.file,
        body,
        generation=wiring.generation,
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
