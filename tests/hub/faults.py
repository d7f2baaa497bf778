"""What can go wrong with an answer, on demand.

A fault changes requests before they are answered, and answers before they are sent.
Those that make a test wait, ``Gate`` and ``Slow``, end when their server stops.

>>> Status(503, retry_after_seconds=2).of_answer(Answer(200, {}), None).status
503
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf

from tests.hub.content import FileContent
from tests.hub.messages import Answer, Body, Pieces, Request, answer_bytes, answer_content

WAIT_SECONDS = 30


class ConnectionCutError(Exception):
    """The server cuts the connection here, on purpose."""


class Fault:
    """Something that goes wrong. Nothing does here."""

    def of_request(self, request: Request) -> Request:
        """Return the request as the server takes it."""
        return request

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Return the answer as the server gives it."""
        del request
        return answer

    def release(self) -> None:
        """Hold nothing back any more."""


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """Another status, such as 500, 502, 503 or 429.

    Attributes:
        status: It.
        retry_after_seconds: When to ask again; None says nothing.
        headers: More of them.
    """

    status: int
    retry_after_seconds: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Say it in place of the answer."""
        del answer, request
        headers = dict(self.headers)
        if self.retry_after_seconds is not None:
            headers["Retry-After"] = str(self.retry_after_seconds)
        return answer_bytes(self.status, b"on demand", content_type="text/plain", headers=headers)


@dataclass(frozen=True, slots=True)
class Cut(Fault):
    """The connection ends after some bytes of the body; None: before the status line.

    Attributes:
        after_bytes: How many.
    """

    after_bytes: int | None = None

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Cut it."""
        del request
        if self.after_bytes is None:
            raise ConnectionCutError
        return replace(answer, pieces=lambda: self._pieces(answer.pieces, self.after_bytes or 0))

    def _pieces(self, pieces: Pieces, left_bytes: int) -> Body:
        for piece in pieces():
            if len(piece) >= left_bytes:
                yield piece[:left_bytes]
                raise ConnectionCutError
            yield piece
            left_bytes -= len(piece)


class Gate(Fault):
    """Answers stand still after some bytes of the body until they are released.

    Examples:
        >>> gate = Gate(after_bytes=3)
        >>> answer = answer_bytes(200, b"hello", content_type="text/plain")
        >>> pieces = gate.of_answer(answer, None).pieces()
        >>> next(pieces)
        b'hel'
        >>> gate.release()
        >>> next(pieces)
        b'lo'
    """

    def __init__(self, after_bytes: int | None = None) -> None:
        """Be closed.

        Args:
            after_bytes: How many; None: before the status line.
        """
        self._after_bytes = after_bytes
        self._opened = threading.Event()
        self._arrived = threading.Semaphore(0)

    def release(self) -> None:
        """Let all pass, now and later."""
        self._opened.set()

    def wait_for_arrival(self) -> None:
        """Wait until one more answer has come as far as the gate."""
        assert self._arrived.acquire(timeout=WAIT_SECONDS), "no answer came to the gate"

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Hold it up."""
        del request
        if self._after_bytes is None:
            self._hold()
            return answer
        after_bytes = self._after_bytes
        return replace(answer, pieces=lambda: self._pieces(answer.pieces, after_bytes))

    def _hold(self) -> None:
        self._arrived.release()
        self._opened.wait()

    def _pieces(self, pieces: Pieces, left_bytes: int) -> Body:
        for piece in pieces():
            if 0 <= left_bytes < len(piece):
                if left_bytes:
                    yield piece[:left_bytes]
                self._hold()
                yield piece[left_bytes:]
                left_bytes = -1
            else:
                yield piece
                left_bytes -= len(piece) if left_bytes >= 0 else 0


class Slow(Fault):
    """Bodies come in small pieces, each of which a test has to allow."""

    def __init__(self, piece_bytes: int) -> None:
        """Allow none yet.

        Args:
            piece_bytes: Size of a piece.
        """
        self._piece_bytes = piece_bytes
        self._allowed: float = 0
        self._changed = threading.Condition()

    def allow(self, pieces: float = 1) -> None:
        """Let some more pieces pass."""
        with self._changed:
            self._allowed += pieces
            self._changed.notify_all()

    def release(self) -> None:
        """Let all pass, now and later."""
        self.allow(inf)

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Slow it down."""
        del request
        return replace(answer, pieces=lambda: self._pieces(answer.pieces))

    def _pieces(self, pieces: Pieces) -> Body:
        for piece in pieces():
            for start in range(0, len(piece), self._piece_bytes):
                self._take()
                yield piece[start : start + self._piece_bytes]

    def _take(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._allowed >= 1)
            self._allowed -= 1


@dataclass(frozen=True, slots=True)
class CorruptByte(Fault):
    """One byte of the file is another.

    Attributes:
        offset: Its place in the file, whatever range is asked for.
    """

    offset: int

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Change it."""
        del request
        return replace(answer, pieces=lambda: self._pieces(answer.pieces, answer.offset))

    def _pieces(self, pieces: Pieces, position: int) -> Body:
        for piece in pieces():
            place = self.offset - position
            position += len(piece)
            if 0 <= place < len(piece):
                changed = bytearray(piece)
                changed[place] ^= 0xFF
                yield bytes(changed)
            else:
                yield piece


@dataclass(frozen=True, slots=True)
class OtherContent(Fault):
    """Another file altogether, in an answer that is right in itself.

    Attributes:
        content: Of it: shorter, longer, or just different.
    """

    content: bytes

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Replace the body."""
        kept = {
            name: value
            for name, value in answer.headers.items()
            if name not in {"Content-Length", "Content-Range"}
        }
        return answer_content(request, FileContent(self.content), kept)


@dataclass(frozen=True, slots=True)
class Headers(Fault):
    """Other headers: a false length, a false hash, an opaque ETag, none at all.

    Attributes:
        values: By name, as the server spells it; None leaves a header out.
    """

    values: Mapping[str, str | None]

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Change them."""
        del request
        changed = {**answer.headers, **self.values}
        return replace(
            answer, headers={name: value for name, value in changed.items() if value is not None}
        )


@dataclass(frozen=True, slots=True)
class Redirect(Fault):
    """The Location is another, wherever the answer leads; other headers stay.

    Attributes:
        location: ``file:///etc/passwd``, say.
        status: Of the answer.
    """

    location: str
    status: int = 302

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Lead elsewhere."""
        del request
        headers = {**answer.headers, "Location": self.location, "Content-Length": "0"}
        return Answer(self.status, headers)


class IgnoreRange(Fault):
    """The whole file is sent, whatever range was asked for."""

    def of_request(self, request: Request) -> Request:
        """Forget the range."""
        headers = {name: value for name, value in request.headers.items() if name != "range"}
        return replace(request, headers=headers)
