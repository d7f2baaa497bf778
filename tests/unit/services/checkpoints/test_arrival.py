"""Places in the arrival of bytes, as the engine takes them."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.checkpoints.arrival import join_arrival
from services.hub.errors import CorruptFileError
from tests.arriving_file import ArrivingBlob, ArrivingFile
from tests.blobs import PATIENCE_SECONDS, FakeOrigin, content_of, key_of, store_in

CONTENT = content_of(1000)
ERROR = CorruptFileError("file", "x", "is another")


@pytest.fixture
def file(tmp_path: Path) -> ArrivingFile:
    """A file of which nothing has arrived."""
    return ArrivingFile(tmp_path / "file", CONTENT)


@pytest.fixture
def blob(file: ArrivingFile) -> Iterator[ArrivingBlob]:
    """The same, open."""
    with file.open() as opened:
        yield opened


def test_nobody_can_help(blob: ArrivingBlob) -> None:
    """There is never a step to take."""
    with join_arrival(blob, 10) as flight:
        assert not flight.ready
        assert not flight.step()
        assert not flight.done


def test_a_flight_is_told_once_that_its_bytes_are_there(
    file: ArrivingFile, blob: ArrivingBlob
) -> None:
    """Not before, and not again."""
    told: list[bool] = []
    with join_arrival(blob, 100) as flight:
        flight.add_done_callback(lambda: told.append(flight.done))
        file.arrive(99)
        assert told == []
        file.arrive(100)
        assert told == [True]
        file.arrive(200)
        file.verify()
        assert told == [True]
        assert not flight.failed
        assert len(flight.result()) == 0


def test_all_bytes_are_there_when_the_hash_is_right(file: ArrivingFile, blob: ArrivingBlob) -> None:
    """So it is for who wants the last byte, and for who wants the hash."""
    told: list[str] = []
    with join_arrival(blob, 1000) as last_byte, join_arrival(blob, None) as verified:
        last_byte.add_done_callback(lambda: told.append("last byte"))
        verified.add_done_callback(lambda: told.append("verified"))
        file.arrive(1000)
        assert told == []
        file.verify()
        assert told == ["last byte", "verified"]


def test_a_flight_fails_with_what_ended_the_arrival(file: ArrivingFile, blob: ArrivingBlob) -> None:
    """Its result raises it, and who is told is told once."""
    told: list[bool] = []
    with join_arrival(blob, 100) as flight:
        flight.add_done_callback(lambda: told.append(flight.failed))
        file.fail(ERROR)
        file.fail(ERROR)
        assert told == [True]
        with pytest.raises(CorruptFileError, match="is another"):
            flight.result()
        with pytest.raises(CorruptFileError, match="is another"):
            flight.complete()


def test_bytes_that_came_before_an_error_are_there(file: ArrivingFile, blob: ArrivingBlob) -> None:
    """Only what did not come has failed."""
    file.arrive(100)
    file.fail(ERROR)
    with join_arrival(blob, 100) as early, join_arrival(blob, 101) as late:
        assert (early.done, early.failed) == (True, False)
        assert len(early.result()) == 0
        assert (late.done, late.failed) == (True, True)


@pytest.mark.parametrize("stop", [10, 1000, None])
def test_what_is_there_is_not_watched(
    file: ArrivingFile, blob: ArrivingBlob, stop: int | None
) -> None:
    """Nor what has failed: who asks late is told at once."""
    file.verify()
    told: list[bool] = []
    with join_arrival(blob, stop) as flight:
        assert file.watched == []
        flight.add_done_callback(lambda: told.append(flight.done))
        assert told == [True]


def test_a_flight_that_was_left_is_told_nothing(file: ArrivingFile, blob: ArrivingBlob) -> None:
    """And no watcher is left behind, however often it is left."""
    flight = join_arrival(blob, 100)
    flight.add_done_callback(pytest.fail)
    assert len(file.watched) == 1
    flight.leave()
    flight.leave()
    assert file.watched == []
    file.verify()


def test_waiting_ends_after_a_while(file: ArrivingFile, blob: ArrivingBlob) -> None:
    """And leaves no watcher but the flight's."""
    with join_arrival(blob, 100) as flight:
        file.arrive(50)
        assert not flight.wait(timeout_seconds=0.001)
        assert len(file.watched) == 1
        file.verify()
        assert flight.wait(timeout_seconds=0)


def test_threads_wait_for_what_others_bring(tmp_path: Path) -> None:
    """All of them hear of it; what they get is of no interest."""
    origin = FakeOrigin(CONTENT)
    origin.hold(100)
    results: list[int] = []
    with store_in(tmp_path / "store") as store, store.fetch(key_of(CONTENT), origin) as opened:

        def wait() -> None:
            with join_arrival(opened, 1000) as flight:
                results.append(len(flight.complete()))

        threads = [threading.Thread(target=wait) for _ in range(4)]
        for thread in threads:
            thread.start()
        origin.let_go()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
    assert results == [0] * 4


class HastyBlob(ArrivingBlob):
    """A blob all of which is there by the time that somebody watches it."""

    def __init__(self, file: ArrivingFile, path: Path) -> None:
        super().__init__(file, os.open(path, os.O_RDONLY))

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Let it come first."""
        self._file.verify()
        return super().watch(callback)


def test_what_comes_while_a_flight_is_joined_is_not_missed(
    file: ArrivingFile, tmp_path: Path
) -> None:
    """Between looking and watching: who wants to be told is told at once."""
    told: list[bool] = []
    with HastyBlob(file, tmp_path / "file") as blob:
        with join_arrival(blob, 1000) as flight:
            flight.add_done_callback(lambda: told.append(True))
            assert told == [True]
            assert flight.wait(PATIENCE_SECONDS)
        assert file.watched == []
