"""A blob that stands for one whose fetch has not begun."""

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from services.checkpoints.coming import ComingBlob
from services.errors import OverloadedError, ShuttingDownError
from tests.arriving_file import ArrivingBlob, ArrivingFile
from tests.blobs import PATIENCE_SECONDS, FakeOrigin, content_of, key_of, store_in

CONTENT = content_of(1000)
KEY = key_of(CONTENT)


@pytest.fixture
def file(tmp_path: Path) -> ArrivingFile:
    """A file that arrives as a test says."""
    return ArrivingFile(tmp_path / "file", CONTENT)


@pytest.fixture
def coming() -> Iterator[ComingBlob]:
    """A blob that has not come."""
    with ComingBlob(KEY) as blob:
        yield blob


class TimedBlob(ArrivingBlob):
    """A blob that remembers how long it was waited for."""

    def __init__(self, file: ArrivingFile, path: Path) -> None:
        super().__init__(file, os.open(path, os.O_RDONLY))
        self.timeouts: list[float | None] = []

    def wait_beyond(self, offset: int, timeout_seconds: float | None = None) -> int:
        """Wait not at all."""
        self.timeouts.append(timeout_seconds)
        return offset


def in_threads(*works: Callable[[], object]) -> None:
    """Do things at once, each in a thread of its own."""
    together = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        together.wait(PATIENCE_SECONDS)
        work()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_nothing_is_there_before_it_comes(coming: ComingBlob) -> None:
    """And waiting for it ends after a while."""
    assert coming.key == KEY
    assert (coming.available_bytes, coming.is_verified, coming.error) == (0, False, None)
    assert coming.wait_beyond(0, timeout_seconds=0.001) == 0
    with pytest.raises(AssertionError, match="nothing of it is available"):
        coming.fileno()


def test_what_has_come_is_the_real_blob(coming: ComingBlob, file: ArrivingFile) -> None:
    """As far as it is there, and as long as it is open."""
    coming.arrive(file.open())
    file.arrive(10)
    assert (coming.available_bytes, coming.is_verified) == (10, False)
    assert os.pread(coming.fileno(), 10, 0) == CONTENT[:10]
    file.verify()
    assert coming.is_verified
    error = OverloadedError("files", limit=1)
    file.fail(error)
    assert coming.error is error
    coming.close()
    coming.close()
    assert file.opened == 0


def test_watchers_from_before_hear_of_the_arrival_and_of_what_follows(
    coming: ComingBlob, file: ArrivingFile
) -> None:
    """Until they end that, which leaves no watcher behind."""
    heard: list[int] = []
    end = coming.watch(lambda: heard.append(coming.available_bytes))
    coming.arrive(file.open())
    file.arrive(10)
    assert heard == [0, 10]
    end()
    end()
    file.arrive(20)
    assert heard == [0, 10]
    assert file.watched == []


def test_watchers_from_after_hear_of_what_follows(coming: ComingBlob, file: ArrivingFile) -> None:
    """As with any blob."""
    coming.arrive(file.open())
    heard: list[int] = []
    end = coming.watch(lambda: heard.append(coming.available_bytes))
    file.arrive(10)
    end()
    file.arrive(20)
    assert heard == [10]
    assert file.watched == []


def test_who_ends_watching_before_it_comes_hears_nothing(
    coming: ComingBlob, file: ArrivingFile
) -> None:
    """And the real blob has no watcher."""
    end = coming.watch(pytest.fail)
    end()
    coming.arrive(file.open())
    file.arrive(10)
    assert file.watched == []


def test_readers_that_wait_go_on_with_the_real_blob(tmp_path: Path) -> None:
    """All of them, from several threads."""
    origin = FakeOrigin(CONTENT)
    read: list[bytes] = []

    def wait_and_read() -> None:
        assert coming.wait_beyond(len(CONTENT) - 1, PATIENCE_SECONDS) == len(CONTENT)
        read.append(os.pread(coming.fileno(), len(CONTENT), 0))

    with store_in(tmp_path) as store, ComingBlob(KEY) as coming:
        waiting = threading.Thread(target=in_threads, args=[wait_and_read] * 5)
        waiting.start()
        coming.arrive(store.fetch(KEY, origin))
        waiting.join(PATIENCE_SECONDS)
        assert read == [CONTENT] * 5


def test_a_time_out_is_of_both_waits_together(
    coming: ComingBlob, file: ArrivingFile, tmp_path: Path
) -> None:
    """What is spent before the blob comes is not to be had again."""
    blob = TimedBlob(file, tmp_path / "file")
    coming.arrive(blob)
    assert coming.wait_beyond(5, PATIENCE_SECONDS) == 5
    assert coming.wait_beyond(5) == 5
    first, second = blob.timeouts
    assert first is not None
    assert 0 <= first < PATIENCE_SECONDS
    assert second is None


def test_all_who_wait_hear_why_it_will_not_come(coming: ComingBlob) -> None:
    """Each by an error of its own, which has no other's frames."""
    errors: list[Exception] = []
    heard = threading.Event()
    end = coming.watch(heard.set)

    def wait() -> None:
        with pytest.raises(OverloadedError) as caught:
            coming.wait_beyond(0, PATIENCE_SECONDS)
        errors.append(caught.value)

    waiting = threading.Thread(target=in_threads, args=[wait] * 3)
    waiting.start()
    coming.fail(OverloadedError("files", limit=2))
    waiting.join(PATIENCE_SECONDS)
    assert [str(error) for error in errors] == [str(OverloadedError("files", limit=2))] * 3
    assert len({id(error) for error in [*errors, coming.error]}) == 4
    assert heard.is_set()
    end()


def test_a_failure_keeps_no_frames(coming: ComingBlob) -> None:
    """They would keep buffers and open files."""
    with pytest.raises(OverloadedError) as caught:
        raise OverloadedError("files", limit=2)
    coming.fail(caught.value)
    assert caught.value.__traceback__ is None


def test_the_first_failure_counts(coming: ComingBlob, file: ArrivingFile) -> None:
    """And none once it has come; what comes after a failure is closed."""
    coming.fail(OverloadedError("first", limit=1))
    coming.fail(OverloadedError("second", limit=1))
    assert "first" in str(coming.error)
    coming.arrive(file.open())
    assert file.opened == 0
    assert coming.available_bytes == 0
    with ComingBlob(KEY) as other:
        other.arrive(file.open())
        other.fail(OverloadedError("third", limit=1))
        assert other.error is None


def test_what_comes_after_the_last_reader_is_closed(file: ArrivingFile) -> None:
    """And whoever waited hears that nothing will come."""
    coming = ComingBlob(KEY)
    coming.close()
    coming.arrive(file.open())
    assert file.opened == 0
    with pytest.raises(ShuttingDownError):
        coming.wait_beyond(0, PATIENCE_SECONDS)


def test_closing_and_arriving_at_once_leaves_nothing_open(file: ArrivingFile) -> None:
    """Whichever is first."""
    for _ in range(20):
        coming, blob = ComingBlob(KEY), file.open()
        in_threads(coming.close, partial(coming.arrive, blob))
        assert file.opened == 0


class Interrupted:
    """A condition that lets another thread's work come in between.

    It stands for the moment at which a thread waits for its turn.
    """

    def __init__(self, condition: threading.Condition, before: Callable[[], None]) -> None:
        self._condition = condition
        self._before: Callable[[], None] | None = before

    def __enter__(self) -> bool:
        before, self._before = self._before, None
        if before is not None:
            before()
        return self._condition.__enter__()

    def __exit__(self, *error: object) -> None:
        self._condition.__exit__(None, None, None)

    def notify_all(self) -> None:
        """See ``Condition``."""
        self._condition.notify_all()


def test_a_blob_that_comes_while_its_reader_closes_is_closed(file: ArrivingFile) -> None:
    """Just before the reader has said that none may come."""
    coming = ComingBlob(KEY)
    blob = file.open()
    between = Interrupted(coming._changed, lambda: coming.arrive(blob))
    coming._changed = between  # type: ignore[assignment]
    coming.close()
    assert file.opened == 0


def test_watching_from_several_threads_leaves_no_watcher(file: ArrivingFile) -> None:
    """Begun before, while and after it comes."""
    coming = ComingBlob(KEY)

    def watch() -> None:
        coming.watch(lambda: None)()

    in_threads(*[watch] * 7, partial(coming.arrive, file.open()))
    assert file.watched == []
    coming.close()
