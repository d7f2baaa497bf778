"""What is made whole: once for all who ask, bounded, and made again after a failure."""

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from weightbank import PreparedTensors
from weightbank.making import Making, Stages, Task

TIMEOUT_SECONDS = 60


class Maker:
    """Begins arrays of 8 bytes an element, made in some steps, and counts what it did."""

    def __init__(
        self, elements: int = 10, *, steps: int = 2, error: Exception | None = None
    ) -> None:
        self.begun = 0
        self.steps = 0
        self.made: weakref.ref[Any] | None = None
        self._elements = elements
        self._steps = steps
        self._error = error

    def __call__(self) -> Making:
        """Begin one."""
        self.begun += 1
        return Making(self._stages())

    def _stages(self) -> Stages:
        out = np.zeros(self._elements)
        self.made = weakref.ref(out)
        yield [self._task() for _ in range(self._steps)]
        return out

    def _task(self) -> Task:
        self.steps += 1
        if self._error is not None:
            raise self._error
        yield from ()


def test_everyone_in_a_flight_has_the_same_array() -> None:
    """Whoever comes while an array is being made joins, and may help."""
    prepared, maker = PreparedTensors(), Maker()
    one, other = prepared.join("a", maker), prepared.join("a", maker)
    assert one.step()
    assert not other.done
    assert other.step()
    assert one.done
    assert other.done
    assert one.result() is other.result() is prepared.find("a")
    assert (maker.begun, maker.steps) == (1, 2)


def test_callers_at_once_help_each_other() -> None:
    """``get`` takes the steps that are left, whoever took the others."""
    prepared, maker = PreparedTensors(), Maker()
    with prepared.join("a", maker) as flight:
        assert flight.step()
        assert prepared.get("a", maker) is flight.result()
    assert (maker.begun, maker.steps) == (1, 2)


@pytest.mark.parametrize("capacity_bytes", [0, 2**20])
def test_an_array_is_there_while_one_stays_in_its_flight(capacity_bytes: int) -> None:
    """Even if it is too large to be kept, and until the last one leaves."""
    prepared, maker = PreparedTensors(capacity_bytes), Maker()
    first, second = prepared.join("a", maker), prepared.join("a", maker)
    array = first.complete()
    first.leave()
    third = prepared.join("a", maker)
    second.leave()
    assert prepared.find("a") is prepared.get("a", maker) is third.result() is array
    third.leave()
    assert (prepared.find("a") is array) == (capacity_bytes > 0)
    assert maker.begun == 1


def test_joining_what_is_kept_is_done_at_once() -> None:
    """It is there, whatever is driven out meanwhile, and in use until it is left."""
    prepared = PreparedTensors(capacity_bytes=80)
    array = prepared.get("a", Maker())
    with prepared.join("a", Maker(error=AssertionError())) as flight:
        prepared.get("b", Maker())
        assert flight.done
        assert not flight.step()
        assert prepared.find("a") is flight.result() is array
        assert prepared.find("b") is not None
    assert prepared.find("a") is array
    assert prepared.find("b") is None


def test_the_last_one_to_leave_cancels() -> None:
    """No further step begins, the memory goes, and who comes later begins anew."""
    prepared, maker = PreparedTensors(), Maker(steps=3)
    one, other = prepared.join("a", maker), prepared.join("a", maker)
    assert one.step()
    one.leave()
    one.leave()
    assert not one.step()
    assert other.step()
    assert maker.made is not None
    assert maker.made() is not None
    other.leave()
    assert maker.made() is None
    assert (other.done, other.ready, other.step()) == (True, False, False)
    assert prepared.find("a") is None
    assert prepared.get("a", maker).size == 10
    assert (maker.begun, maker.steps) == (2, 2 + 3)


def test_leaving_lets_go_of_the_array() -> None:
    """A place that was left holds nothing, though somebody forgot to forget it."""
    prepared, maker = PreparedTensors(capacity_bytes=0), Maker()
    flight = prepared.join("a", maker)
    flight.complete()
    assert maker.made is not None
    assert maker.made() is not None
    flight.leave()
    assert maker.made() is None


def test_everyone_in_a_flight_hears_of_its_error() -> None:
    """All get the same one; the next who comes tries again, though they have not left."""
    prepared = PreparedTensors()
    failing = Maker(error=MemoryError("no room"))
    one, other = prepared.join("a", failing), prepared.join("a", failing)
    assert one.step()
    for flight in (one, other):
        assert flight.done
        with pytest.raises(MemoryError, match="no room"):
            flight.result()
    assert prepared.find("a") is None
    assert prepared.get("a", Maker(3)).size == 3
    one.leave()
    other.leave()
    assert prepared.get("a", failing).size == 3
    assert failing.begun == 1


def test_get_raises_the_error_and_leaves() -> None:
    """A failure is not kept."""
    prepared = PreparedTensors()
    with pytest.raises(MemoryError):
        prepared.get("a", Maker(error=MemoryError()))
    assert prepared.get("a", Maker(3)).size == 3


def test_what_cannot_be_begun_is_not_joined() -> None:
    """An error of ``begin`` is that of the caller alone."""

    def begin() -> Making:
        raise ValueError("wrong")

    prepared = PreparedTensors()
    with pytest.raises(ValueError, match="wrong"):
        prepared.join("a", begin)
    assert prepared.get("a", Maker(3)).size == 3


def test_callbacks() -> None:
    """Of each step, and once at the end: at once where that has come already."""
    prepared, maker, heard = PreparedTensors(), Maker(steps=2), []
    flight, left = prepared.join("a", maker), prepared.join("a", maker)
    flight.add_progress_callback(lambda: heard.append("step"))
    flight.add_done_callback(lambda: heard.append("done"))
    left.add_progress_callback(lambda: heard.append("a step after leaving"))
    left.add_done_callback(lambda: heard.append("done after leaving"))
    left.leave()
    flight.complete()
    assert heard == ["step", "step", "done"]
    flight.add_done_callback(lambda: heard.append("at once"))
    assert heard.pop() == "at once"


def test_waiting_ends_when_a_step_can_be_begun() -> None:
    """And when it is done, or was left."""
    flight = PreparedTensors().join("a", Maker())
    assert flight.wait(timeout_seconds=0)
    flight.complete()
    assert flight.wait(timeout_seconds=0)
    flight.leave()
    assert flight.wait(timeout_seconds=0)


def test_what_is_kept_is_not_made_again() -> None:
    """A second call gets the same array."""
    prepared, maker = PreparedTensors(), Maker()
    assert prepared.get("a", maker) is prepared.get("a", maker)
    assert maker.begun == 1


def test_keys_do_not_meet() -> None:
    """Two keys have two arrays."""
    prepared = PreparedTensors()
    assert prepared.get("a", Maker()) is not prepared.get("b", Maker())


def test_what_is_kept_cannot_be_changed() -> None:
    """All callers share one array, so none may write to it."""
    kept = PreparedTensors().get("a", Maker())
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1


@pytest.mark.parametrize("use", ["get", "find", "join"])
def test_the_least_recently_used_go_first(use: str) -> None:
    """Room is made from what was asked for the longest ago, in whatever way."""
    prepared, again = PreparedTensors(capacity_bytes=160), Maker()
    prepared.get("a", Maker())
    prepared.get("b", Maker())
    if use == "find":
        prepared.find("a")
    elif use == "join":
        prepared.join("a", again).leave()
    else:
        prepared.get("a", again)
    prepared.get("c", Maker())
    prepared.get("a", again)
    assert again.begun == 0
    prepared.get("b", again)
    assert again.begun == 1


def test_the_capacity_is_never_exceeded() -> None:
    """Bytes of all arrays kept stay within the capacity."""
    prepared = PreparedTensors(capacity_bytes=200)
    for key, elements in enumerate((10, 20, 5, 25, 1, 24)):
        prepared.get(key, Maker(elements))
        assert prepared.size_bytes <= 200
    assert prepared.size_bytes == 8 * (1 + 24)


def test_what_is_larger_than_the_capacity_drives_nothing_out() -> None:
    """It is handed out and not kept."""
    prepared, large, small = PreparedTensors(capacity_bytes=100), Maker(1000), Maker()
    prepared.get("small", small)
    assert prepared.get("large", large).size == prepared.get("large", large).size == 1000
    prepared.get("small", small)
    assert (large.begun, small.begun, prepared.size_bytes) == (2, 1, 80)


def test_many_threads_make_each_array_once() -> None:
    """Whatever the order in which threads come, each key is made once, step by step."""
    prepared = PreparedTensors()
    makers = [Maker(steps=20) for _ in range(8)]
    barrier = threading.Barrier(8)

    def ask(thread: int) -> list[int]:
        barrier.wait(TIMEOUT_SECONDS)
        order = [(thread + step) % 8 for step in range(8)]
        return [id(prepared.get(key, makers[key])) for key in order]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert [(maker.begun, maker.steps) for maker in makers] == [(1, 20)] * 8
    assert len({identity for answer in answers for identity in answer}) == 8
