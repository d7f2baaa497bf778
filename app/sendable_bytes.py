"""What of a blob may be sent now, awaited while the blob arrives."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from services.blobs.blob import OpenBlob


class SendableBytes:
    """Waits for bytes of a blob, for one answer, without a thread or a clock.

    Raises nothing of its own: what ended the arrival is raised as it is.
    """

    def __init__(self, blob: OpenBlob) -> None:
        self._blob = blob
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        """Watch the blob."""
        self._end = self._blob.watch(self._notify)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Watch it no more."""
        self._end()

    async def wait(self, position: int, stop: int, *, is_last: bool) -> int:
        """Wait for bytes from a position on, and return where those that are there end.

        Args:
            position: Of the first byte.
            stop: Where what is asked for ends; equal to ``position`` if it is empty.
            is_last: Whether the answer ends there. Its last byte, or its end if it has
                none, waits until all bytes have been found right.

        Raises:
            WeightbankError: What ended the arrival.
        """
        while True:
            # Before asking, so that no news in between goes unnoticed.
            self._news = news = self._loop.create_future()
            error = self._blob.error
            if error is not None:
                # It is everybody's: what earlier ones were doing must not hang on it.
                raise error.with_traceback(None)
            limit = min(stop, self._blob.available_bytes)
            if is_last and not self._blob.is_verified:
                limit = min(limit, stop - 1)
            if limit == stop or limit > position:
                self._news = None
                return limit
            await news

    def _notify(self) -> None:
        """Wake up whoever waits, from any thread."""
        news = self._news
        if news is not None:
            # A loop that is closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_arrive, news)


def _arrive(news: "asyncio.Future[None]") -> None:
    if not news.done():
        news.set_result(None)
