"""Places in the arrival of bytes, as the engine waits for them.

The engine waits for what has to be there before a chunk without a thread, by flights
that tell when they are done. Nobody can help bytes to arrive, so these are never ready
for a step, and have nothing to hand over but what went wrong.
"""

import threading

import numpy as np

from services.blobs.blob import OpenBlob
from weightbank.making import Prepared
from weightbank.prepared import Flight

_NOTHING: Prepared = np.empty(0, np.uint8)


class Arrival:
    """Whether a blob has arrived so far: what a ``Flight`` can be of."""

    def __init__(self, blob: OpenBlob, stop: int | None) -> None:
        """Wait for the bytes before ``stop``; for all of them and their hash if it is None."""
        self._blob = blob
        self._stop = stop

    @property
    def done(self) -> bool:
        """Whether it is there, or will not come."""
        return self._is_there or self._blob.error is not None

    @property
    def failed(self) -> bool:
        """Whether it will not come."""
        return self._blob.error is not None and not self._is_there

    @property
    def ready(self) -> bool:
        """Whether a step can be begun: never."""
        return False

    def step(self) -> bool:
        """Begin none."""
        return False

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until it is done; return whether that is so."""
        news = threading.Event()

        def tell() -> None:
            if self.done:
                news.set()

        end = self._blob.watch(tell)
        try:
            tell()
            return news.wait(timeout_seconds)
        finally:
            end()

    def complete(self) -> Prepared:
        """Wait until it is done, and return as ``result`` does."""
        self.wait()
        return self.result()

    def result(self) -> Prepared:
        """Return nothing of interest.

        Raises:
            Exception: What ended the arrival.
        """
        error = self._blob.error
        if error is not None and not self._is_there:
            raise error
        return _NOTHING

    @property
    def _is_there(self) -> bool:
        if self._blob.is_verified:
            return True
        return self._stop is not None and self._blob.available_bytes >= self._stop


def join_arrival(blob: OpenBlob, stop: int | None) -> Flight:
    """Return a place in the arrival of a blob, which has to be left again.

    Args:
        blob: What arrives.
        stop: One beyond the last byte wanted; None for all, and the hash.
    """
    arrival = Arrival(blob, stop)
    if arrival.done:
        return Flight(arrival, _do_nothing)
    # Who watches tells the flight, and who leaves the flight ends the watching.
    watching: list[Flight] = []

    def tell() -> None:
        for flight in watching:
            flight.tell()

    flight = Flight(arrival, blob.watch(tell))
    watching.append(flight)
    return flight


def _do_nothing() -> None:
    """Stand in for leaving what nobody watches."""
