"""Waiting for tensors: thousands of small ones are looked at a few times each."""

from typing import Any

import numpy as np
import pytest

from services.engine.waiting import Waiting
from weightbank.making import Making, Stages
from weightbank.prepared import Flight, PreparedTensors


class Looked(Flight):
    """A place that counts how often somebody asks whether it is done."""

    looks = 0

    @property
    def done(self) -> bool:
        """Count."""
        type(self).looks += 1
        return super().done


def flights(count: int) -> list[Flight]:
    """Places in as many makings, of a step each."""

    def stages() -> Stages:
        yield []
        return np.zeros(1)

    return [Looked(Making(stages()), lambda: None) for _ in range(count)]


def test_looks_are_as_many_as_flights_and_not_their_square() -> None:
    """Whoever is done is not looked at again."""
    waiting = Waiting(flights(2000))
    Looked.looks = 0
    steps = 0
    while (flight := waiting.ready()) is not None:
        flight.step()
        steps += 1
    assert steps >= 2000
    assert Looked.looks < 10 * 2000


def test_one_that_waits_for_others_is_passed_over_and_not_forgotten() -> None:
    """Its last steps are somebody else's, or become ours again."""
    prepared = PreparedTensors()
    blocked = [True]

    def stages() -> Stages:
        yield []
        return np.zeros(1)

    class Blocked(Flight):
        @property
        def ready(self) -> bool:
            return not blocked[0] and super().ready

    first = Blocked(Making(stages()), lambda: None)
    second = prepared.join("b", lambda: Making(stages()))
    waiting = Waiting([first, second])
    assert waiting.ready() is second
    while second.step():
        pass
    assert waiting.ready() is None
    blocked[0] = False
    assert waiting.ready() is first
    waiting.leave()


def test_an_error_is_found_without_what_it_passed_through() -> None:
    """Frames would keep the buffers of whoever was in them."""

    def stages() -> Any:
        yield []
        raise MemoryError("no room")

    flight = PreparedTensors().join("w", lambda: Making(stages()))
    while flight.step():
        pass
    error = Waiting([flight]).error()
    assert isinstance(error, MemoryError)
    assert error.__traceback__ is None
    with pytest.raises(MemoryError):
        flight.result()
