"""A cache in which a missing value is loaded once, however many ask for it."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from services.single_flight import SingleFlight

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class SingleFlightCache(Generic[Key, Value]):
    """Keeps the values used last, up to a total weight. For one event loop.

    A failed load is not kept: the next caller tries again.

    Examples:
        >>> import asyncio
        >>> async def main() -> list[str]:
        ...     loaded = []
        ...     async def load() -> str:
        ...         loaded.append("once")
        ...         return "value"
        ...     cache = SingleFlightCache(capacity=10, weigh=len)
        ...     await asyncio.gather(cache.get("key", load), cache.get("key", load))
        ...     return loaded
        >>> asyncio.run(main())
        ['once']
    """

    def __init__(self, *, capacity: int, weigh: Callable[[Value], int]) -> None:
        """Begin empty.

        Args:
            capacity: Most total weight. The newest value is kept even if it
                alone weighs more.
            weigh: Weight of a value, in the unit of ``capacity``.
        """
        self._capacity = capacity
        self._weigh = weigh
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._weight = 0
        self._loads: SingleFlight[Key, Value] = SingleFlight()

    def peek(self, key: Key) -> Value | None:
        """Return the value if it is here, and count this as a use."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    async def get(self, key: Key, load: Callable[[], Awaitable[Value]]) -> Value:
        """Return the value, loaded by ``load`` if it is not here.

        Raises:
            Exception: Whatever ``load`` raises, for everybody who waited for it.
        """
        value = self.peek(key)
        if value is not None:
            return value
        return await self._loads.run(key, lambda: self._load(key, load))

    async def _load(self, key: Key, load: Callable[[], Awaitable[Value]]) -> Value:
        value = await load()
        self.put(key, value)
        return value

    def put(self, key: Key, value: Value) -> None:
        """Keep a value, and drop those used longest ago if it is too much."""
        if key in self._values:
            self._weight -= self._weigh(self._values.pop(key))
        self._values[key] = value
        self._weight += self._weigh(value)
        while self._weight > self._capacity and len(self._values) > 1:
            _, dropped = self._values.popitem(last=False)
            self._weight -= self._weigh(dropped)

    def drop(self, key: Key) -> None:
        """Forget a value, if it is here."""
        if key in self._values:
            self._weight -= self._weigh(self._values.pop(key))
