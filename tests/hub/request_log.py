"""What was asked of a server, in order."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.hub.messages import Body, Host, Pieces, Request

_WAIT_SECONDS = 30


@dataclass(slots=True)
class LoggedRequest:
    """A request, and how it was answered.

    Attributes:
        method: GET, HEAD or POST.
        path: As it was sent, still quoted, without the query.
        query: As it was sent.
        host: Which of the two servers was asked.
        token: That it brought.
        range: The header's value.
        status: Of the answer, logged before the first byte of it is sent; 0 if the
            connection was cut instead.
        headers: By lowercase name.
        sent_bytes: Of the body, so far: what the socket was given, whether or not
            the client has read it.
    """

    method: str
    path: str
    query: str
    host: Host
    token: str | None
    range: str | None
    status: int
    headers: dict[str, str]
    sent_bytes: int = 0

    @classmethod
    def of(cls, request: Request, *, status: int) -> "LoggedRequest":
        """Return what to log of a request."""
        return cls(
            method=request.method,
            path=request.path,
            query=request.query,
            host=request.host,
            token=request.token,
            range=request.headers.get("range"),
            status=status,
            headers=dict(request.headers),
        )


class RequestLog:
    """Requests in the order of their answers. May be read from any thread."""

    def __init__(self) -> None:
        self._requests: list[LoggedRequest] = []
        self._changed = threading.Condition()

    def count_sent(self, request: LoggedRequest, pieces: Pieces) -> Body:
        """Return the pieces of a body, and count each as it is handed out."""
        for piece in pieces():
            with self._changed:
                request.sent_bytes += len(piece)
                self._changed.notify_all()
            yield piece

    def append(self, request: LoggedRequest) -> None:
        """Log a request."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget what was asked so far."""
        with self._changed:
            self._requests.clear()

    def __iter__(self) -> Iterator[LoggedRequest]:
        with self._changed:
            return iter(list(self._requests))

    def __len__(self) -> int:
        with self._changed:
            return len(self._requests)

    def matching(self, *, path_contains: str = "", **fields: Any) -> list[LoggedRequest]:
        """Return those whose path contains something and whose fields are these."""
        return [
            request
            for request in self
            if path_contains in request.path
            and all(getattr(request, name) == value for name, value in fields.items())
        ]

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; it is looked at after each request."""
        with self._changed:
            assert self._changed.wait_for(holds, _WAIT_SECONDS), "it never came true"
