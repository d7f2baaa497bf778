"""How much of a blob is there: told by the one who brings it, heard by all who read."""

import contextlib
import threading
from collections.abc import Callable

from services.blobs.errors import twin_of, without_frames

Callback = Callable[[], None]


class Arrival:
    """How far a blob has come. Thread-safe.

    The last byte is held back until the hash has been found right: whoever counts
    bytes can then not take a wrong blob for a whole one.

    Examples:
        >>> arrival = Arrival(10)
        >>> arrival.advance(10)
        >>> arrival.available_bytes
        9
        >>> arrival.complete()
        >>> arrival.available_bytes, arrival.is_verified
        (10, True)
    """

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._changed = threading.Condition()
        self._available_bytes = 0
        self._is_verified = False
        self._error: Exception | None = None
        # Setting, removing and copying are atomic: a finalizer, which may run in the
        # middle of any call, must not wait for a lock.
        self._watchers: dict[object, Callback] = {}

    @classmethod
    def completed(cls, size_bytes: int) -> "Arrival":
        """Return that of a blob that is there."""
        arrival = cls(size_bytes)
        arrival.complete()
        return arrival

    @property
    def available_bytes(self) -> int:
        """How many bytes may be handed out."""
        return self._available_bytes

    @property
    def is_verified(self) -> bool:
        """Whether all is there and its hash is right."""
        return self._is_verified

    @property
    def error(self) -> Exception | None:
        """What ended it, if it cannot be completed; each time another, to be raised."""
        return None if self._error is None else twin_of(self._error)

    @property
    def is_over(self) -> bool:
        """Whether no more will come."""
        return self._is_verified or self._error is not None

    def advance(self, arrived_bytes: int) -> None:
        """Let bytes be handed out; what was once available stays so."""
        with self._changed:
            if self.is_over:
                return
            available = min(arrived_bytes, self._size_bytes - 1)
            self._available_bytes = max(self._available_bytes, available)
            self._changed.notify_all()
        self._tell()

    def complete(self) -> None:
        """Let the last byte be handed out."""
        with self._changed:
            if self.is_over:
                return
            self._available_bytes, self._is_verified = self._size_bytes, True
            self._changed.notify_all()
        self._tell()

    def fail(self, error: Exception) -> None:
        """End it, unless it is over. The error is kept without its traceback."""
        with self._changed:
            if self.is_over:
                return
            self._error = without_frames(error)
            self._changed.notify_all()
        self._tell()

    def wait_beyond(
        self,
        offset: int,
        timeout_seconds: float | None,
        *,
        is_closed: Callable[[], bool] = lambda: False,
    ) -> int:
        """Wait for the byte at ``offset``, as ``OpenBlob.wait_beyond`` does."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._available_bytes > offset or self.is_over or is_closed(),
                timeout_seconds,
            )
            if self._error is not None and self._available_bytes <= offset:
                raise twin_of(self._error)
            return self._available_bytes

    def wake(self) -> None:
        """Have those who wait look whether they were closed."""
        with self._changed:
            self._changed.notify_all()

    def watch(self, callback: Callback) -> object:
        """Have a function called at every change; return what ``forget`` takes."""
        token = object()
        self._watchers[token] = callback
        return token

    def forget(self, token: object) -> None:
        """Call a function no more, but for a call that is under way."""
        self._watchers.pop(token, None)

    def _tell(self) -> None:
        """Call who watches, without a lock: they may ask what has come."""
        for callback in self._watchers.copy().values():
            # A reader whose event loop is gone must not end the transfer of the others.
            with contextlib.suppress(Exception):
                callback()
