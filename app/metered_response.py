"""Answers whose bytes are taken from what a key may have."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from app.connection import abort_connection
from app.record import record_of
from app.request_body import DisconnectedError
from services.errors import RetryError
from services.keys.quotas import Reservation

Reserve = Callable[[int], Awaitable[Reservation]]
"""Takes bytes, or raises."""


class MeteredResponse(Response):
    """Another response, whose bytes are reserved before its first one.

    What does not fit is raised out of ``send``, where the other one's own clean-up runs,
    and before anything is sent, so that a problem is answered in its place. A body of
    unknown length is reserved piece by piece, and cut off where it does not fit.
    """

    def __init__(self, inner: Response, reserve: Reserve) -> None:
        """Reserve nothing yet.

        Args:
            inner: What is sent.
            reserve: Takes its bytes.
        """
        self.status_code = inner.status_code
        self.raw_headers = inner.raw_headers
        self.background = None
        self.body = b""
        self._inner = inner
        self._reserve = reserve
        self._reservation: Reservation | None = None
        self._sent_before_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and give back what was not sent.

        Raises:
            RetryError: If it does not fit, or nobody can say; nothing was sent then.
        """
        length = self._inner.headers.get("content-length")

        async def send_metered(message: Message) -> None:
            if message["type"] == "http.response.start":
                if length is not None:
                    await self._take(int(length))
            elif length is None and (size_bytes := len(message.get("body", b""))):
                await self._take_more(size_bytes, scope)
            await send(message)

        try:
            await self._inner(scope, receive, send_metered)
        finally:
            self._give_back(scope)

    async def _take(self, size_bytes: int) -> None:
        if size_bytes:
            self._reservation = await self._reserve(size_bytes)

    def _give_back(self, scope: Scope) -> None:
        """Give back what was not sent of what was taken last."""
        sent_bytes = record_of(scope).sent_bytes
        if self._reservation is not None:
            self._reservation.release(sent_bytes=sent_bytes - self._sent_before_bytes)
            self._reservation = None
        self._sent_before_bytes = sent_bytes

    async def _take_more(self, size_bytes: int, scope: Scope) -> None:
        """Take bytes of an answer that has begun, or end it.

        Raises:
            DisconnectedError: If it was ended.
        """
        self._give_back(scope)
        try:
            await self._take(size_bytes)
        except RetryError as error:
            record_of(scope).code = error.code
            abort_connection(scope)
            raise DisconnectedError from None


def is_metered(response: Response, *, method: str) -> bool:
    """Return whether an answer counts: neither one without a body nor a refusal.

    Examples:
        >>> is_metered(Response(b"x"), method="GET"), is_metered(Response(b"x"), method="HEAD")
        (True, False)
    """
    return method != "HEAD" and response.status_code < HTTPStatus.MULTIPLE_CHOICES
