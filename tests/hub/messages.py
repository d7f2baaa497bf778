"""Requests and answers as plain values, apart from sockets."""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs

from tests.hub.content import FileContent

Host = Literal["hub", "storage"]
Body = Generator[bytes | memoryview, None, None]
Pieces = Callable[[], Body]


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks.

    Attributes:
        method: GET, HEAD or POST.
        host: Which of the two servers was asked.
        path: As it was sent, still quoted, without the query.
        query: As it was sent.
        headers: By lowercase name.
        body: Of a POST.
    """

    method: str
    host: Host
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def token(self) -> str | None:
        """What it brings as a bearer token."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else None

    def parameter(self, name: str) -> str | None:
        """Return a parameter of the query."""
        return parse_qs(self.query, keep_blank_values=True).get(name, [None])[-1]

    def flag(self, name: str) -> bool:
        """Return whether a parameter of the query says yes, in any client's spelling."""
        return (self.parameter(name) or "").lower() in {"true", "1"}


def send_whole(body: bytes = b"") -> Body:
    """Return a body in one piece."""
    yield body


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server says.

    Attributes:
        status: Of HTTP.
        headers: As they are sent.
        pieces: The body, left out in answers to HEAD.
        offset: Which byte of a file the body begins with.
    """

    status: int
    headers: Mapping[str, str]
    pieces: Pieces = send_whole
    offset: int = 0


def answer_bytes(
    status: int, body: bytes, *, content_type: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """Return an answer with a short body."""
    own = {"Content-Type": content_type, "Content-Length": str(len(body))}
    return Answer(status, {**own, **(headers or {})}, lambda: send_whole(body))


def answer_json(
    value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Return a JSON document."""
    body = json.dumps(value).encode()
    return answer_bytes(
        status, body, content_type="application/json; charset=utf-8", headers=headers
    )


def answer_redirect(status: int, location: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a redirect, with the sentence the Hub puts in its body."""
    body = f"Temporary Redirect. Redirecting to {location}".encode()
    return answer_bytes(
        status,
        body,
        content_type="text/plain; charset=utf-8",
        headers={"Location": location, **(headers or {})},
    )


def answer_content(request: Request, content: FileContent, headers: Mapping[str, str]) -> Answer:
    """Return a file, or the range of it that was asked for."""
    size = content.size_bytes
    common = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream", **headers}
    span = _span(request, size, etag=headers.get("ETag"))
    if span is None:
        return Answer(200, {**common, "Content-Length": str(size)}, content.pieces)
    start, stop = span
    if start >= size:
        return answer_bytes(
            416, b"", content_type="text/plain", headers={"Content-Range": f"bytes */{size}"}
        )
    partial = {
        "Content-Range": f"bytes {start}-{stop - 1}/{size}",
        "Content-Length": str(stop - start),
    }
    return Answer(206, {**common, **partial}, lambda: content.pieces(start, stop), start)


def _span(request: Request, size: int, etag: str | None) -> tuple[int, int] | None:
    """Return ``start, stop`` of the one range asked for; None for the whole file."""
    unit, _, spans = request.headers.get("range", "").partition("=")
    if unit.strip() != "bytes" or "," in spans:
        return None
    if request.headers.get("if-range", etag) != etag:
        return None
    first, dash, last = spans.strip().partition("-")
    if not dash or not (first or last) or not (first + last).isdigit():
        return None
    if not first:
        # A suffix of no bytes cannot be satisfied, and neither can any of an empty file.
        return (max(size - int(last), 0), size) if int(last) else (size, size)
    stop = int(last) + 1 if last else size
    return None if stop <= int(first) < size else (int(first), min(stop, size))
