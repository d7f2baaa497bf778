"""How far a blob is: told by one, heard by many."""

import os
import threading
import traceback

import pytest

from services.blobs.arrival import Arrival
from services.hub.errors import CorruptFileError
from tests.blobs import PATIENCE_SECONDS


def test_the_last_byte_waits_for_the_hash() -> None:
    """Whatever is said to have come."""
    arrival = Arrival(10)
    arrival.advance(4)
    assert arrival.available_bytes == 4
    arrival.advance(10)
    assert (arrival.available_bytes, arrival.is_verified) == (9, False)
    arrival.complete()
    assert (arrival.available_bytes, arrival.is_verified) == (10, True)


def test_what_was_available_stays_so() -> None:
    """Who takes a fetch over counts from the beginning again."""
    arrival = Arrival(10)
    arrival.advance(6)
    arrival.advance(2)
    assert arrival.available_bytes == 6


def test_nothing_is_available_of_nothing() -> None:
    """An empty blob has no last byte to hold back."""
    arrival = Arrival(0)
    arrival.advance(0)
    assert arrival.available_bytes == 0
    arrival.complete()
    assert arrival.wait_beyond(0, None) == 0


def test_who_waits_hears_of_bytes() -> None:
    """And is told how many there are."""
    arrival = Arrival(10)
    heard: list[int] = []
    thread = threading.Thread(target=lambda: heard.append(arrival.wait_beyond(3, PATIENCE_SECONDS)))
    thread.start()
    arrival.advance(3)
    arrival.advance(7)
    thread.join(PATIENCE_SECONDS)
    assert heard == [7]


def test_waiting_ends_after_a_while() -> None:
    """With what is there."""
    arrival = Arrival(10)
    arrival.advance(2)
    assert arrival.wait_beyond(5, timeout_seconds=0.001) == 2


def test_what_is_there_is_handed_out_though_the_rest_failed() -> None:
    """The error is for those who need the rest."""
    arrival = Arrival(10)
    arrival.advance(5)
    arrival.fail(CorruptFileError("file", "a", "is wrong"))
    assert arrival.wait_beyond(4, None) == 5
    with pytest.raises(CorruptFileError, match="file 'a' is wrong"):
        arrival.wait_beyond(5, None)


def test_an_error_keeps_no_frames() -> None:
    """Neither those of who failed nor those of who heard of it."""
    arrival = Arrival(10)
    try:
        try:
            os.close(-1)
        except OSError as cause:
            raise CorruptFileError("file", "a", "is wrong") from cause
    except CorruptFileError as error:
        arrival.fail(error)
    for _ in range(3):
        with pytest.raises(CorruptFileError) as caught:
            arrival.wait_beyond(5, None)
        assert len(traceback.extract_tb(caught.value.__traceback__)) == 2
    kept = arrival.error
    assert kept is not None
    assert kept.__traceback__ is kept.__cause__ is kept.__context__ is None


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_the_first_end_is_the_end(end: str) -> None:
    """A blob that was found right cannot fail, nor the other way round."""
    arrival = Arrival(10)
    if end == "complete":
        arrival.complete()
    else:
        arrival.fail(ValueError("first"))
    arrival.fail(ValueError("second"))
    arrival.complete()
    arrival.advance(10)
    assert arrival.is_verified == (end == "complete")
    assert (str(arrival.error) == "first") == (end == "fail")


def test_watchers_are_called_at_every_change_until_they_are_forgotten() -> None:
    """Bytes, the end, and nothing after they left."""
    arrival = Arrival(10)
    calls: list[int] = []
    token = arrival.watch(lambda: calls.append(arrival.available_bytes))
    arrival.advance(3)
    arrival.advance(5)
    arrival.forget(token)
    arrival.forget(token)
    arrival.complete()
    assert calls == [3, 5]


def test_a_watcher_that_raises_disturbs_nobody() -> None:
    """Its event loop may be closed."""
    arrival = Arrival(10)
    calls: list[int] = []

    def fail() -> None:
        raise RuntimeError("Event loop is closed")

    arrival.watch(fail)
    arrival.watch(lambda: calls.append(1))
    arrival.advance(3)
    assert calls == [1]


def test_a_watcher_may_ask_and_leave_while_it_is_called() -> None:
    """No lock is held then."""
    arrival = Arrival(10)
    tokens: list[object] = []

    def leave() -> None:
        assert arrival.wait_beyond(2, None) == 3
        arrival.forget(tokens[0])

    tokens.append(arrival.watch(leave))
    arrival.advance(3)
    arrival.advance(4)
