"""What has to be made whole before any part of a tensor: kept, bounded, made once.

An orthogonal matrix has no element that can be made without the others' reflectors.
All ranges asked of it share one copy; callers that come while it is being made
wait for it, and the least recently used ones go when room is needed.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any

from numpy.typing import NDArray

Prepared = NDArray[Any]

_DEFAULT_CAPACITY_BYTES = 2**30


class PreparedTensors:
    """A thread-safe cache of arrays by key, bounded in bytes.

    An array larger than the whole capacity is handed out and not kept.

    Args:
        capacity_bytes: Of all arrays kept together.

    Examples:
        >>> import numpy as np
        >>> prepared = PreparedTensors(capacity_bytes=1000)
        >>> prepared.get("a", lambda: np.zeros(10)).size, prepared.size_bytes
        (10, 80)
    """

    def __init__(self, capacity_bytes: int = _DEFAULT_CAPACITY_BYTES) -> None:
        self._capacity_bytes = capacity_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Prepared] = OrderedDict()
        self._flights: dict[Hashable, Future[Prepared]] = {}
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Bytes of all arrays kept now."""
        return self._size_bytes

    def get(self, key: Hashable, make: Callable[[], Prepared]) -> Prepared:
        """Return the array of a key, making it if nobody has.

        Args:
            key: What the array is a pure function of.
            make: Makes it; called by one caller at a time for one key. If it
                fails, everyone who waits for it gets the same error, and the next
                call tries again.
        """
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            flight = self._flights.get(key)
            is_first = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if is_first:
            self._make(key, make, flight)
        return flight.result()

    def _make(self, key: Hashable, make: Callable[[], Prepared], flight: Future[Prepared]) -> None:
        try:
            array = make()
            array.setflags(write=False)
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of any end
            with self._lock:
                del self._flights[key]
            flight.set_exception(error)
            return
        with self._lock:
            del self._flights[key]
            self._keep(key, array)
        flight.set_result(array)

    def _keep(self, key: Hashable, array: Prepared) -> None:
        if array.nbytes > self._capacity_bytes:
            return
        self._kept[key] = array
        self._size_bytes += array.nbytes
        while self._size_bytes > self._capacity_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._size_bytes -= oldest.nbytes
