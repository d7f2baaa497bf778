"""One call for all threads that ask for the same at the same time."""

import gc
import threading
import weakref

import pytest

from services.hub.errors import UnknownRepositoryError
from services.hub.flights import Flights

WAIT_SECONDS = 30


class Key:
    """Tells how often it was looked up: once by each who joins a call."""

    def __init__(self) -> None:
        self._looked_up = threading.Semaphore(0)

    def __hash__(self) -> int:
        """Tell of it."""
        self._looked_up.release()
        return 7

    def __eq__(self, other: object) -> bool:
        """Be no other."""
        return self is other

    def wait(self, count: int) -> None:
        """Wait until it was looked up so often."""
        for _ in range(count):
            assert self._looked_up.acquire(timeout=WAIT_SECONDS)


class Caller(threading.Thread):
    """Asks for a key, and keeps what came of it."""

    def __init__(self, flights: Flights, key: Key, call: "Call") -> None:
        super().__init__()
        self._flights, self._key, self._call = flights, key, call
        self.value: int | None = None
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        """Ask."""
        try:
            self.value = self._flights.run(self._key, self._call)
        except UnknownRepositoryError as error:
            self.error = error


class Call:
    """Waits to be released, and counts how often it was made."""

    def __init__(self, error: Exception | None = None) -> None:
        self.count = 0
        self.begun = threading.Event()
        self.released = threading.Event()
        self._error = error

    def __call__(self) -> int:
        """Be made."""
        self.count += 1
        self.begun.set()
        assert self.released.wait(WAIT_SECONDS)
        if self._error is not None:
            raise self._error
        return self.count


def refusal() -> UnknownRepositoryError:
    """Return an error with all that errors have."""
    return UnknownRepositoryError("repository", "a", "is not there", "another")


def test_a_call_that_is_under_way_is_shared() -> None:
    """Whoever comes before its end gets its value."""
    flights, key, call = Flights(), Key(), Call()
    first = Caller(flights, key, call)
    assert call.begun.wait(WAIT_SECONDS)
    others = [Caller(flights, key, call) for _ in range(4)]
    assert flights.run("other", lambda: 7) == 7
    key.wait(2 + len(others))  # the first one put it there, too
    call.released.set()
    for caller in (first, *others):
        caller.join(WAIT_SECONDS)
    assert [caller.value for caller in (first, *others)] == [1] * 5


def test_nothing_is_kept() -> None:
    """The next one makes a call of its own, after an error too."""
    flights = Flights()
    assert [flights.run("key", lambda value=value: value) for value in (1, 2)] == [1, 2]
    error = refusal()

    def fail() -> int:
        raise error

    for _ in range(2):
        with pytest.raises(UnknownRepositoryError):
            flights.run("key", fail)
    assert flights.run("key", lambda: 3) == 3


def test_an_error_is_for_everybody_who_waited() -> None:
    """Each has one of their own: a traceback cannot be shared."""
    flights, key, call = Flights(), Key(), Call(refusal())
    first = Caller(flights, key, call)
    assert call.begun.wait(WAIT_SECONDS)
    others = [Caller(flights, key, call) for _ in range(2)]
    key.wait(4)
    call.released.set()
    for caller in (first, *others):
        caller.join(WAIT_SECONDS)
    errors = [caller.error for caller in (first, *others)]
    assert call.count == 1
    assert len({id(error) for error in errors}) == 3
    for error in errors:
        assert isinstance(error, UnknownRepositoryError)
        assert (str(error), error.accepted) == (str(refusal()), "another")


def test_an_error_keeps_no_frames_alive() -> None:
    """They may hold buffers and tokens."""

    class Held:
        """Something in a frame."""

    flights = Flights()
    held = weakref.ref(Held())

    def fail() -> int:
        nonlocal held
        buffer = Held()
        held = weakref.ref(buffer)
        raise refusal()

    with pytest.raises(UnknownRepositoryError):
        flights.run("key", fail)
    gc.collect()
    assert held() is None
