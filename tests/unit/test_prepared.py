"""What is made whole: once for all who ask, bounded, and made again after a failure."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from weightbank import PreparedTensors

TIMEOUT_SECONDS = 60


def array(elements: int = 10) -> Callable[[], Any]:
    """Return a maker of an array of 8 bytes an element."""
    return lambda: np.zeros(elements)


class Counted:
    """A maker that counts its calls."""

    def __init__(self, elements: int = 10) -> None:
        self.calls = 0
        self._elements = elements

    def __call__(self) -> Any:
        """Make one."""
        self.calls += 1
        return np.zeros(self._elements)


class MeetingKey:
    """A key that says when somebody looks it up while an equal one is there."""

    def __init__(self, met: threading.Event) -> None:
        self._met = met

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        self._met.set()
        return isinstance(other, MeetingKey)


def while_waiting(prepared: PreparedTensors, make: Callable[[], Any]) -> tuple[Any, Any]:
    """Run two callers of one key, the second of whom comes while the first one makes it.

    Returns:
        The futures of both.
    """
    met = threading.Event()

    def slow() -> Any:
        # The lock is held from the second caller's look-up until it has its flight.
        assert met.wait(TIMEOUT_SECONDS)
        return make()

    def never() -> Any:
        raise AssertionError("made twice")

    entered = threading.Event()

    def first() -> Any:
        def make_slowly() -> Any:
            entered.set()
            return slow()

        return prepared.get(MeetingKey(met), make_slowly)

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        assert entered.wait(TIMEOUT_SECONDS)
        other = pool.submit(prepared.get, MeetingKey(met), never)
        return one, other


def test_callers_at_once_share_one_making() -> None:
    """Whoever comes while an array is being made waits, and gets the same one."""
    one, other = while_waiting(PreparedTensors(), array())
    assert one.result() is other.result()


def test_callers_at_once_share_what_is_too_large_to_keep() -> None:
    """Waiting does not depend on the array's being kept."""
    one, other = while_waiting(PreparedTensors(capacity_bytes=1), array())
    assert one.result() is other.result()


def test_callers_at_once_share_an_error() -> None:
    """Everyone who waits for it hears of a failure."""

    def fail() -> Any:
        raise MemoryError("no room")

    for future in while_waiting(PreparedTensors(), fail):
        with pytest.raises(MemoryError, match="no room"):
            future.result()


def test_a_failure_is_not_kept() -> None:
    """The next caller tries again."""
    prepared = PreparedTensors()

    def fail() -> Any:
        raise MemoryError("no room")

    with pytest.raises(MemoryError):
        prepared.get("a", fail)
    assert prepared.get("a", array(3)).size == 3


def test_what_is_kept_is_not_made_again() -> None:
    """A second call gets the same array."""
    prepared, make = PreparedTensors(), Counted()
    assert prepared.get("a", make) is prepared.get("a", make)
    assert make.calls == 1


def test_keys_do_not_meet() -> None:
    """Two keys have two arrays."""
    prepared = PreparedTensors()
    assert prepared.get("a", array()) is not prepared.get("b", array())


def test_what_is_kept_cannot_be_changed() -> None:
    """All callers share one array, so none may write to it."""
    kept = PreparedTensors().get("a", array())
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1


def test_the_least_recently_used_go_first() -> None:
    """Room is made from what was asked for the longest ago."""
    prepared, again = PreparedTensors(capacity_bytes=160), Counted()
    prepared.get("a", array())
    prepared.get("b", array())
    prepared.get("a", array())
    prepared.get("c", array())
    prepared.get("a", again)
    assert again.calls == 0
    prepared.get("b", again)
    assert again.calls == 1


def test_the_capacity_is_never_exceeded() -> None:
    """Bytes of all arrays kept stay within the capacity."""
    prepared = PreparedTensors(capacity_bytes=200)
    for key, elements in enumerate((10, 20, 5, 25, 1, 24)):
        prepared.get(key, array(elements))
        assert prepared.size_bytes <= 200
    assert prepared.size_bytes == 8 * (1 + 24)


def test_what_is_larger_than_the_capacity_drives_nothing_out() -> None:
    """It is handed out and not kept."""
    prepared, make, other = PreparedTensors(capacity_bytes=100), Counted(1000), Counted()
    prepared.get("small", other)
    assert prepared.get("large", make).size == prepared.get("large", make).size == 1000
    prepared.get("small", other)
    assert (make.calls, other.calls, prepared.size_bytes) == (2, 1, 80)


def test_many_threads_make_each_array_once() -> None:
    """Whatever the order in which threads come, each key is made once."""
    prepared = PreparedTensors()
    makers = [Counted() for _ in range(8)]
    barrier = threading.Barrier(8)

    def ask(thread: int) -> list[int]:
        barrier.wait(TIMEOUT_SECONDS)
        order = [(thread + step) % 8 for step in range(8)]
        return [id(prepared.get(key, makers[key])) for key in order]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert [make.calls for make in makers] == [1] * 8
    assert len({identity for answer in answers for identity in answer}) == 8
