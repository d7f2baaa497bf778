"""Keys by their ids, from memory for a moment, from the store after it.

Theory of operation
===================
What the store said counts for ``cache_seconds`` after it was asked, so that a revoked key
ends that soon on every server. After that one question is asked for all who wait.

While the store does not answer, a key that it knew within ``grace_seconds`` is still
taken. Nobody waits longer for it than ``patience_seconds`` altogether: whoever comes later
finds the question under way, and goes on at once with what is remembered.

Ids that the store does not have are remembered as well, a bounded number of them. They
are looked for in a line of their own: a flood of made-up keys can neither fill the store's
line nor keep known keys from being asked for, and beyond its bound it is refused.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from services.bounded_executor import BoundedExecutor, WorkObserver
from services.errors import OverloadedError, StoreUnavailableError
from services.keys.key import Key
from services.keys.store import KeyStore
from services.single_flight import SingleFlight

_THREADS = 2
_MOST_KNOWN = 10_000
_MOST_UNKNOWN = 4096
_MOST_REFRESHED = 1024
_MOST_LOOKED_FOR = 32


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """For how long what is known of a key counts.

    Attributes:
        cache_seconds: Without asking.
        grace_seconds: While the store does not answer.
        patience_seconds: How long the store is waited for, if there is grace.
    """

    cache_seconds: float = 0.5
    grace_seconds: float = 300.0
    patience_seconds: float = 1.0


@dataclass(slots=True)
class _Known:
    """A key in memory.

    Attributes:
        key: As the store had it.
        seen_at: When the store was asked for that.
        asked_at: When the store was asked last, whether it answered or not.
        is_asked: Whether it is being asked now.
    """

    key: Key
    seen_at: float
    asked_at: float
    is_asked: bool = False


class KnownKeys:
    """Finds keys. For one event loop; has to be closed."""

    def __init__(
        self,
        store: KeyStore,
        *,
        times: KeyTimes,
        clock: Callable[[], float] = time.monotonic,
        observer: WorkObserver | None = None,
    ) -> None:
        """Know nothing yet.

        Args:
            store: Whom to ask.
            times: For how long answers count.
            clock: Says the time in seconds; it never goes back.
            observer: Hears of calls of the store.
        """
        self._store = store
        self._times = times
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._flights: SingleFlight[str, Key | None] = SingleFlight()
        self._refreshing = BoundedExecutor(
            "keys", threads=_THREADS, limit=_MOST_REFRESHED, observer=observer
        )
        self._looking = BoundedExecutor(
            "unknown keys", threads=_THREADS, limit=_MOST_LOOKED_FOR, observer=observer
        )

    async def find(self, key_id: str) -> Key | None:
        """Return a key; None if there is none of this id.

        Raises:
            StoreUnavailableError: If the store does not answer, and there is no grace.
            OverloadedError: If too many unknown ids are being looked for.
        """
        now = self._clock()
        known = self._known.get(key_id)
        if known is not None:
            self._known.move_to_end(key_id)
            if now - known.seen_at < self._times.cache_seconds:
                return known.key
            return await self._refresh(known, now)
        unknown_at = self._unknown.get(key_id)
        if unknown_at is not None and now - unknown_at < self._times.cache_seconds:
            return None
        return await self._flights.run(key_id, lambda: self._ask(key_id, self._looking))

    def close(self) -> None:
        """End the threads. Blocks until they are done."""
        self._refreshing.close()
        self._looking.close()

    async def _refresh(self, known: _Known, now: float) -> Key | None:
        try:
            return await self._ask_again(known, now)
        except (StoreUnavailableError, OverloadedError, TimeoutError):
            if now - known.seen_at < self._times.grace_seconds:
                return known.key
            raise StoreUnavailableError from None

    async def _ask_again(self, known: _Known, now: float) -> Key | None:
        """Ask, or join those who do; raise if that would be to wait once more in vain."""
        since_seconds = now - known.asked_at
        if known.is_asked:
            patience_seconds = self._times.patience_seconds - since_seconds
        elif known.asked_at > known.seen_at and since_seconds < self._times.cache_seconds:
            raise StoreUnavailableError  # as it was a moment ago
        else:
            known.asked_at, known.is_asked = now, True
            patience_seconds = self._times.patience_seconds
        if patience_seconds <= 0:
            raise TimeoutError

        async def ask() -> Key | None:
            try:
                return await self._ask(known.key.id, self._refreshing)
            finally:
                known.is_asked = False

        return await asyncio.wait_for(self._flights.run(known.key.id, ask), patience_seconds)

    async def _ask(self, key_id: str, executor: BoundedExecutor) -> Key | None:
        asked_at = self._clock()
        key = await executor.run(lambda: self._store.find(key_id))
        if key is None:
            self._known.pop(key_id, None)
            self._unknown[key_id] = asked_at
            self._unknown.move_to_end(key_id)
            _shorten(self._unknown, _MOST_UNKNOWN)
        else:
            self._unknown.pop(key_id, None)
            self._known[key_id] = _Known(key, asked_at, asked_at)
            self._known.move_to_end(key_id)
            _shorten(self._known, _MOST_KNOWN)
        return key


def _shorten(memory: "OrderedDict[str, _Known] | OrderedDict[str, float]", most: int) -> None:
    """Forget what was used longest ago."""
    while len(memory) > most:
        memory.popitem(last=False)
