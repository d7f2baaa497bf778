"""One thread that looks after the blobs that other processes bring."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from services.blobs.flight import Flight
from services.errors import RetryError, ShuttingDownError

_INTERVAL_SECONDS = 0.05


@dataclass(slots=True)
class _Followed:
    """A flight, and when it was last seen to grow."""

    flight: Flight
    size_bytes: int = -1
    grown_at: float = field(default_factory=time.monotonic)


class Follower:
    """Looks at the files of flights, time and again: other processes tell nothing.

    Its thread lives as long as there are any.
    """

    def __init__(
        self,
        *,
        settle: Callable[[Flight], bool],
        give_up: Callable[[Flight, Exception], None],
        stalled_seconds: float,
        interval_seconds: float = _INTERVAL_SECONDS,
    ) -> None:
        """Start no thread yet.

        Args:
            settle: Called when nobody writes a file any more, and it is locked for
                reading; returns whether to follow it further.
            give_up: Ends a flight with an error.
            stalled_seconds: How long a file may be locked and not grow.
            interval_seconds: Between two looks.
        """
        self._settle = settle
        self._give_up = give_up
        self._stalled_seconds = stalled_seconds
        self._interval_seconds = interval_seconds
        self._lock = threading.Lock()
        self._followed: list[_Followed] = []
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def follow(self, flight: Flight) -> None:
        """Look after one more."""
        with self._lock:
            self._followed.append(_Followed(flight))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="blobs", daemon=True)
                self._thread.start()

    def close(self, timeout_seconds: float) -> None:
        """Follow nothing any more; have the flights end."""
        self._closing.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(timeout_seconds)

    def _run(self) -> None:
        while True:
            with self._lock:
                followed = tuple(self._followed)
                if not followed:
                    self._thread = None
                    return
            for one in followed:
                if not self._look(one):
                    with self._lock:
                        self._followed.remove(one)
            self._closing.wait(self._interval_seconds)

    def _look(self, one: _Followed) -> bool:
        """Tell of what has come; return whether to look again."""
        try:
            if self._closing.is_set():
                raise ShuttingDownError  # noqa: TRY301 - one way for all that ends a flight
            self._advance(one)
            if one.flight.partial.try_read_lock():
                return self._settle(one.flight)
        except Exception as error:  # noqa: BLE001 - readers must hear of any end
            self._give_up(one.flight, error)
            return False
        return True

    def _advance(self, one: _Followed) -> None:
        size_bytes, now = one.flight.partial.size_bytes, time.monotonic()
        if size_bytes > one.size_bytes:
            one.size_bytes, one.grown_at = size_bytes, now
            one.flight.arrival.advance(size_bytes)
        elif now - one.grown_at > self._stalled_seconds:
            raise RetryError(
                f"file {one.flight.key.hash}",
                "does not arrive: another process holds it",
                retry_after_seconds=10,
            )
