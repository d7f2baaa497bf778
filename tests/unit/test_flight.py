"""Places in what is awaited: anything that can be done, and tells its places."""

import numpy as np
import pytest

from weightbank.flight import Flight
from weightbank.making import Prepared


class Delivery:
    """Something that nobody can help with."""

    def __init__(self) -> None:
        self.is_over = False
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self.is_over

    @property
    def failed(self) -> bool:
        """Whether it is over, and ended with an error."""
        return self.is_over and self.error is not None

    @property
    def ready(self) -> bool:
        """Whether a step could be begun."""
        return False

    def step(self) -> bool:
        """Begin none."""
        return False

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait for nothing."""
        del timeout_seconds
        return self.is_over

    def complete(self) -> Prepared:
        """Return what there is."""
        return self.result()

    def result(self) -> Prepared:
        """Return nothing, or raise."""
        if self.error is not None:
            raise self.error
        return np.empty(0)


def test_who_waits_is_told_once() -> None:
    """However often the place is told, and at once if it is done."""
    delivery, told = Delivery(), []
    flight = Flight(delivery, lambda: None)
    flight.add_done_callback(lambda: told.append("done"))
    flight.add_progress_callback(lambda: told.append("progress"))
    flight.tell()
    assert (told, flight.done) == (["progress"], False)
    delivery.is_over = True
    flight.tell()
    flight.tell()
    assert told == ["progress", "progress", "done", "progress"]
    flight.add_done_callback(lambda: told.append("at once"))
    assert told[-1] == "at once"


def test_who_left_is_not_told() -> None:
    """And leaves once."""
    delivery, told = Delivery(), []
    with Flight(delivery, lambda: told.append("left")) as flight:
        flight.add_done_callback(lambda: told.append("done"))
    flight.leave()
    delivery.is_over = True
    flight.tell()
    assert told == ["left"]
    assert flight.done
    assert not flight.failed


def test_failure_is_told_apart() -> None:
    """By a property, and by the error itself."""
    delivery = Delivery()
    flight = Flight(delivery, lambda: None)
    assert not flight.failed
    assert not flight.wait(0)
    delivery.is_over, delivery.error = True, OSError("gone")
    assert (flight.done, flight.failed, flight.ready, flight.step()) == (True, True, False, False)
    for end in (flight.result, flight.complete):
        with pytest.raises(OSError, match="gone"):
            end()
