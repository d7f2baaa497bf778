"""Where the bytes of one blob come from: any of the origins of those who wait for it."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from services.blobs.blob import Origin
from services.errors import RetryError
from weightbank.errors import WeightbankError

_MOST_ORIGINS = 16


class Origins:
    """Asks one origin after another: a refusal to one who waits is none to the others.

    The same bytes may be asked for in many names, of repositories that know nothing of
    each other. A refusal is told in its own words only where all who wait had the same
    origin: it may name what others must not hear of.
    """

    def __init__(self, first: Origin) -> None:
        """Know one."""
        self._lock = threading.Lock()
        self._known = [first]
        self._refused = 0
        self._is_shared = False
        self._last_refusal: WeightbankError | None = None

    def add(self, origin: Origin) -> None:
        """Ask one more, should those before it refuse; a bounded number, each once."""
        with self._lock:
            if origin in self._known:
                return
            self._is_shared = True
            if len(self._known) < _MOST_ORIGINS:
                self._known.append(origin)

    @contextmanager
    def open(self, offset: int) -> Iterator[Iterator[bytes]]:
        """Begin a transfer from an offset on, as ``Origin.open`` does."""
        with ExitStack() as stack:
            yield self._enter(stack, offset)

    def told(self, error: Exception) -> Exception:
        """Return what all who wait may be told of an error that ended the transfer."""
        with self._lock:
            last, self._last_refusal = self._last_refusal, None
        if error is not last or not self._is_shared:
            return error
        return RetryError("file", "cannot be had from where it was begun", retry_after_seconds=1)

    def _enter(self, stack: ExitStack, offset: int) -> Iterator[bytes]:
        while True:
            origin = self._known[self._refused]
            try:
                return stack.enter_context(origin.open(offset))
            except WeightbankError as error:
                with self._lock:
                    self._refused += 1
                    if self._refused == len(self._known):
                        self._last_refusal = error
                        raise
