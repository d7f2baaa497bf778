"""Blocking work off the event loop, bounded in number."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Protocol, TypeVar

from services.errors import OverloadedError
from weightbank.errors import WeightbankError

Result = TypeVar("Result")


class WorkObserver(Protocol):
    """Hears what becomes of work; must be quick, and not raise."""

    def took(self, change: int) -> None:
        """Hear of one more that runs or waits, or of one less."""

    def refused(self) -> None:
        """Hear of one that found no place."""

    def ran(self, *, waited_seconds: float, seconds: float, failure: str | None) -> None:
        """Hear of one that is over, in its own thread and in the context of who asked.

        Args:
            waited_seconds: For a thread.
            seconds: It took then.
            failure: Code of the error that it ended in, ``internal`` for one of ours.
        """


class Unobserved:
    """Hears, and forgets."""

    def took(self, change: int) -> None:
        """See ``WorkObserver.took``."""

    def refused(self) -> None:
        """See ``WorkObserver.refused``."""

    def ran(self, *, waited_seconds: float, seconds: float, failure: str | None) -> None:
        """See ``WorkObserver.ran``."""


class BoundedExecutor:
    """Runs functions in a few threads, lets a few wait, and refuses the rest at once.

    Examples:
        >>> async def main() -> int:
        ...     executor = BoundedExecutor("sums", threads=1, limit=2)
        ...     try:
        ...         return await executor.run(lambda: 1 + 1)
        ...     finally:
        ...         executor.close()
        >>> asyncio.run(main())
        2
    """

    def __init__(
        self, name: str, *, threads: int, limit: int, observer: WorkObserver | None = None
    ) -> None:
        """Start no thread yet.

        Args:
            name: What is run, in the plural; it is shown when work is refused.
            threads: Most that run at once.
            limit: Most that run or wait for a thread.
            observer: Hears of them.
        """
        self._name = name
        self._observer = observer or Unobserved()
        self._limit = limit
        self._taken = 0
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, function: Callable[[], Result]) -> Result:
        """Return what ``function`` returns.

        It runs in a copy of the caller's context: what is logged there says for whom.

        Raises:
            OverloadedError: If too many run and wait already.
        """
        if self._taken >= self._limit:
            self._observer.refused()
            raise OverloadedError(self._name, limit=self._limit)
        self._taken += 1
        self._observer.took(1)
        asked = time.perf_counter()
        future = asyncio.get_running_loop().run_in_executor(
            self._executor, copy_context().run, self._observed, function, asked
        )
        # Counted until the thread is done, even when the caller has gone away.
        future.add_done_callback(self._done)
        try:
            return await asyncio.shield(future)
        finally:
            del future  # an error knows this frame, and would hold itself and all its frames

    def close(self) -> None:
        """Drop what waits, and wait for what runs."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _observed(self, function: Callable[[], Result], asked: float) -> Result:
        began = time.perf_counter()
        failure: str | None = "internal"
        try:
            result = function()
            failure = None
        except WeightbankError as error:
            failure = error.code
            raise
        finally:
            self._observer.ran(
                waited_seconds=began - asked,
                seconds=time.perf_counter() - began,
                failure=failure,
            )
        return result

    def _done(self, future: "asyncio.Future[Result]") -> None:
        self._taken -= 1
        self._observer.took(-1)
        if not future.cancelled():
            future.exception()  # seen here too, in case the caller has gone away
