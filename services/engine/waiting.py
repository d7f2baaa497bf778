"""A chunk that waits for tensors which have to be made whole before it."""

from collections import deque
from collections.abc import Sequence

from weightbank.prepared import Flight


class Waiting:
    """Places in the making of some tensors, held until the chunk is made.

    There may be thousands of small ones: each is looked at a bounded number of times.
    """

    def __init__(self, flights: Sequence[Flight]) -> None:
        """Wait for all of them; whoever makes this tells when one is done.

        Args:
            flights: At least one.
        """
        self._flights = flights
        self._unfinished = deque(flights)
        self.pending = len(flights)

    def ready(self) -> Flight | None:
        """Return a flight of which a step can be begun now."""
        others = []
        found = None
        while found is None and self._unfinished:
            flight = self._unfinished.popleft()
            if flight.done:
                continue
            # No more of these than there are lanes: others take their last steps.
            others.append(flight)
            if flight.ready:
                found = flight
        self._unfinished.extendleft(reversed(others))
        return found

    def error(self) -> Exception | None:
        """Return what ended one of the flights, if an error did; all are done."""
        for flight in self._flights:
            try:
                flight.result()
            except Exception as error:  # noqa: BLE001 - of whatever kind
                # It is kept, and its frames would keep their callers' buffers.
                error.__traceback__ = None
                return error
        return None

    def leave(self) -> None:
        """Give up all places."""
        for flight in self._flights:
            flight.leave()
