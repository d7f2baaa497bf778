"""One call for all threads that ask for the same at the same time; nothing is kept."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from services.blobs.errors import twin_of, without_frames

Value = TypeVar("Value")


class Flights:
    """Shares calls that are under way. Thread-safe.

    The first to ask makes the call, in its own thread; the others wait for it, which
    takes no longer than a call. A call must not ask for its own key.

    Examples:
        >>> flights = Flights()
        >>> flights.run("key", lambda: 6 * 7)
        42
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[Hashable, Future[Any]] = {}

    def run(self, key: Hashable, call: Callable[[], Value]) -> Value:
        """Return what ``call`` returns, or what a call of this key that runs already does.

        Raises:
            Exception: Whatever the call raises, for everybody who waited for it.
        """
        with self._lock:
            future = self._calls.get(key)
            is_first = future is None
            if future is None:
                future = self._calls[key] = Future()
        if is_first:
            return self._make(key, call, future)
        error = future.exception()
        if isinstance(error, Exception):
            raise twin_of(error)
        value: Value = future.result()
        return value

    def _make(self, key: Hashable, call: Callable[[], Value], future: Future[Any]) -> Value:
        try:
            value = call()
        except BaseException as error:
            self._end(key)
            if isinstance(error, Exception):
                future.set_exception(without_frames(twin_of(error)))
            else:
                future.cancel()
            raise
        self._end(key)
        future.set_result(value)
        return value

    def _end(self, key: Hashable) -> None:
        with self._lock:
            del self._calls[key]
