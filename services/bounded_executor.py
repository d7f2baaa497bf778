"""Blocking work off the event loop, bounded in number."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from services.errors import OverloadedError

Result = TypeVar("Result")


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

    def __init__(self, name: str, *, threads: int, limit: int) -> None:
        """Start no thread yet.

        Args:
            name: What is run, in the plural; it is shown when work is refused.
            threads: Most that run at once.
            limit: Most that run or wait for a thread.
        """
        self._name = name
        self._limit = limit
        self._taken = 0
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, function: Callable[[], Result]) -> Result:
        """Return what ``function`` returns.

        Raises:
            OverloadedError: If too many run and wait already.
        """
        if self._taken >= self._limit:
            raise OverloadedError(self._name, limit=self._limit)
        self._taken += 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, function)
        # Counted until the thread is done, even when the caller has gone away.
        future.add_done_callback(self._done)
        try:
            return await asyncio.shield(future)
        finally:
            del future  # an error knows this frame, and would hold itself and all its frames

    def close(self) -> None:
        """Drop what waits, and wait for what runs."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _done(self, future: "asyncio.Future[Result]") -> None:
        self._taken -= 1
        if not future.cancelled():
            future.exception()  # seen here too, in case the caller has gone away
