"""What has to be made whole before any part of a tensor: kept, bounded, made once.

An orthogonal matrix has no element that can be made without the others' reflectors.
All ranges asked of it share one copy. Whoever needs it joins its flight: that of the
one making there is, in steps that all who joined may take. The last one to leave an
unfinished flight ends it; while one stays in a finished flight its array is there for
all, and in use. What is kept beyond that are the arrays used last.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from weightbank.flight import Flight
from weightbank.making import Making, Prepared

__all__ = ["Flight", "Prepared", "PreparedTensors"]

_DEFAULT_CAPACITY_BYTES = 2**30

Begin = Callable[[], Making]


class PreparedTensors:
    """A thread-safe cache of arrays by key, bounded in bytes.

    An array larger than the whole capacity is handed out and not kept.

    Args:
        capacity_bytes: Of all arrays kept together.

    Examples:
        >>> import numpy as np
        >>> prepared = PreparedTensors(capacity_bytes=1000)
        >>> prepared.get("a", lambda: Making.once(lambda: np.zeros(10))).size
        10
        >>> prepared.size_bytes
        80
        >>> with prepared.join("b", lambda: Making.once(lambda: np.ones(3))) as flight:
        ...     while flight.step():
        ...         pass
        ...     flight.result().tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(self, capacity_bytes: int = _DEFAULT_CAPACITY_BYTES) -> None:
        self._capacity_bytes = capacity_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Prepared] = OrderedDict()
        self._flights: dict[Hashable, _Shared] = {}
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Bytes of all arrays kept now."""
        return self._size_bytes

    def find(self, key: Hashable) -> Prepared | None:
        """Return the array of a key if it is there; that counts as a use."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            shared = self._flights.get(key)
        if shared is None or not shared.making.done or shared.making.failed:
            return None
        return shared.making.result()

    def join(self, key: Hashable, begin: Begin) -> Flight:
        """Return a place in the flight of a key, which has to be left again.

        Args:
            key: What the array is a pure function of.
            begin: Begins to make it, if nobody does; quick, as the work is in steps.
        """
        with self._lock:
            shared = self._flights.get(key)
            if shared is None or shared.making.failed:
                shared = self._flights[key] = self._begin(key, begin)
            place = Flight(shared.making, lambda: self._leave(key, shared, place))
            shared.places.append(place)
            return place

    def get(self, key: Hashable, begin: Begin) -> Prepared:
        """Return the array of a key, and help to make it if it is not there.

        Args:
            key: What the array is a pure function of.
            begin: As for ``join``.

        Raises:
            BaseException: Whatever a step raised, for all who are in the flight; who
                comes later begins anew.
        """
        array = self.find(key)
        if array is not None:
            return array
        with self.join(key, begin) as flight:
            return flight.complete()

    def _begin(self, key: Hashable, begin: Begin) -> "_Shared":
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return _Shared(Making.made(kept))
        shared = _Shared(begin())
        shared.making.watch(lambda: self._on_step(key, shared))
        return shared

    def _on_step(self, key: Hashable, shared: "_Shared") -> None:
        with self._lock:
            self._land(key, shared)
            places = shared.places.copy()
        for place in places:
            place.tell()

    def _leave(self, key: Hashable, shared: "_Shared", place: Flight) -> None:
        with self._lock:
            shared.places.remove(place)
            if shared.places:
                return
            # It was in use until now; or its end has not been told of yet.
            self._land(key, shared)
            if self._flights.get(key) is shared:
                del self._flights[key]
        shared.making.cancel()

    def _land(self, key: Hashable, shared: "_Shared") -> None:
        """Keep what came of a making that is over; have nobody join one that failed."""
        if not shared.making.done:
            return
        if not shared.making.failed:
            self._keep(key, shared.making.result())
        elif self._flights.get(key) is shared:
            del self._flights[key]

    def _keep(self, key: Hashable, array: Prepared) -> None:
        if array.nbytes > self._capacity_bytes:
            return
        if key not in self._kept:
            self._kept[key] = array
            self._size_bytes += array.nbytes
        self._kept.move_to_end(key)
        while self._size_bytes > self._capacity_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._size_bytes -= oldest.nbytes


@dataclass(eq=False, slots=True)
class _Shared:
    """A making, and who is in its flight."""

    making: Making
    places: list[Flight] = field(default_factory=list)
