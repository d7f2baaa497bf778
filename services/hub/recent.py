"""The values used last, up to a total weight. For all threads of a process."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_ENTRY_BYTES = 500
"""What an entry takes beside its value, about."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """A cache, bounded in bytes.

    Examples:
        >>> recent = Recent(capacity_bytes=1200)
        >>> for name in ("a", "b", "c"):
        ...     recent.put(name, name.upper(), 1)
        >>> recent.get("a"), recent.get("c")
        (None, 'C')
    """

    def __init__(self, *, capacity_bytes: int) -> None:
        self._capacity_bytes = capacity_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._size_bytes = 0

    def get(self, key: Key) -> Value | None:
        """Return the value of a key; that counts as a use."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: Key, value: Value, size_bytes: int) -> None:
        """Keep a value, and drop those used longest ago if it is too much."""
        with self._lock:
            self._drop(key)
            self._entries[key] = (value, size_bytes + _ENTRY_BYTES)
            self._size_bytes += size_bytes + _ENTRY_BYTES
            while self._size_bytes > self._capacity_bytes:
                self._drop(next(iter(self._entries)))

    def drop(self, key: Key) -> None:
        """Keep no value of a key."""
        with self._lock:
            self._drop(key)

    def drop_where(self, holds: Callable[[Key], bool]) -> None:
        """Keep no value of the keys that something holds of."""
        with self._lock:
            for key in [key for key in self._entries if holds(key)]:
                self._drop(key)

    def values(self) -> list[Value]:
        """Return all values; that counts as no use."""
        with self._lock:
            return [value for value, _ in self._entries.values()]

    def _drop(self, key: Key) -> None:
        if key in self._entries:
            self._size_bytes -= self._entries.pop(key)[1]
