"""One call for all who ask for the same at the same time; nothing is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class SingleFlight(Generic[Key, Value]):
    """Shares calls that are under way. For one event loop.

    Examples:
        >>> async def main() -> list[int]:
        ...     calls = []
        ...     async def call() -> int:
        ...         calls.append(1)
        ...         return len(calls)
        ...     flights = SingleFlight()
        ...     both = await asyncio.gather(flights.run("key", call), flights.run("key", call))
        ...     return [*both, await flights.run("key", call)]
        >>> asyncio.run(main())
        [1, 1, 2]
    """

    def __init__(self) -> None:
        self._calls: dict[Key, asyncio.Task[Value]] = {}

    async def run(self, key: Key, call: Callable[[], Awaitable[Value]]) -> Value:
        """Return what ``call`` returns, or what a call of this key that runs already does.

        Raises:
            Exception: Whatever the call raises, for everybody who waited for it.
        """
        task = self._calls.get(key)
        if task is None:
            task = asyncio.ensure_future(self._call(key, call))
            self._calls[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        try:
            # Shielded: one caller who leaves must not take the value from the others.
            return await asyncio.shield(task)
        finally:
            del task  # an error knows this frame, and would hold itself and all its frames

    async def _call(self, key: Key, call: Callable[[], Awaitable[Value]]) -> Value:
        try:
            return await call()
        finally:
            # In its very last step: who asks after it has ended asks for something newer.
            self._calls.pop(key, None)

    def _ended(self, key: Key, task: "asyncio.Task[Value]") -> None:
        if self._calls.get(key) is task:
            del self._calls[key]  # it was cancelled before its first step
        if not task.cancelled():
            task.exception()  # seen here too, in case every caller has gone away
