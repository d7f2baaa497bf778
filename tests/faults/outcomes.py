"""What a client sees of an answer that may break off."""

import json
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, as far as it came.

    Attributes:
        status: Of it.
        headers: Of it.
        content: What came of its body.
        is_complete: Whether it came to its end; else the connection broke.
    """

    status: int
    headers: httpx.Headers
    content: bytes
    is_complete: bool

    @property
    def is_whole(self) -> bool:
        """Whether a client takes this for the file, or for the part it asked for."""
        return self.is_complete and self.status in {200, 206}

    @property
    def code(self) -> str:
        """The code of a problem; empty for what is none."""
        if self.headers.get("content-type") != "application/problem+json":
            return ""
        problem: dict[str, Any] = json.loads(self.content)
        assert problem["status"] == self.status
        return str(problem["code"])


def outcome(client: httpx.Client, path: str, **options: Any) -> Outcome:
    """Return what becomes of a GET."""
    with client.stream("GET", path, **options) as answer:
        return rest_of(answer)


def rest_of(answer: httpx.Response) -> Outcome:
    """Return what becomes of the rest of an answer, of which nothing was read."""
    content = bytearray()
    try:
        for piece in answer.iter_bytes():
            content += piece
    except (httpx.RemoteProtocolError, httpx.ReadError):
        is_complete = False
    else:
        is_complete = True
    return Outcome(answer.status_code, answer.headers, bytes(content), is_complete)
