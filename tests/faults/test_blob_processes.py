"""Several processes on one directory of blobs, some of which are killed."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.hub.errors import InsufficientStorageError
from tests.blobs import (
    PATIENCE_SECONDS,
    FakeOrigin,
    Witness,
    content_of,
    fill,
    key_of,
    read_all,
    store_in,
)
from tests.faults.blob_process import PIECE_BYTES, Plan, main

SIZE = 2**22
CONTENT = content_of(SIZE)
KEY = key_of(CONTENT)
DIGEST = KEY.hash.removeprefix("sha256:")
HALF = SIZE // 2

# A fork of this process would inherit its threads' locks; a new one would import for long.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["pytest", "tests.faults.blob_process"])


class Child:
    """A process of ``blob_process.py``.

    Attributes:
        said: All that was waited for or passed over.
    """

    def __init__(self, plan: Plan) -> None:
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=main, args=(theirs, plan), daemon=True)
        self._process.start()
        theirs.close()
        self.said: list[str] = []
        self.wait_for("ready")

    def do(self, command: str) -> None:
        """Have it do something."""
        self._connection.send(command)

    def wait_for(self, words: str) -> None:
        """Wait until it has said something."""
        while words not in self.said:
            assert self._connection.poll(PATIENCE_SECONDS), (words, self.said)
            self.said.append(self._connection.recv())

    @property
    def offsets(self) -> list[int]:
        """What its origin was asked for."""
        while self._connection.poll():
            self.said.append(self._connection.recv())
        lines = [line.split() for line in self.said]
        return [int(words[1]) for words in lines if words[0] == "offset"]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it without a chance to do anything."""
        self._process.kill()
        self.wait_dead()

    def wait_dead(self) -> None:
        """Wait until it was killed."""
        self._process.join(PATIENCE_SECONDS)
        assert self._process.exitcode == -signal.SIGKILL

    def end(self) -> None:
        """Leave nothing of it."""
        self.kill()
        self._process.close()
        self._connection.close()


Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process on the directory."""
    with ExitStack() as stack:

        def start(**plan: Any) -> Child:
            child = Child(Plan(tmp_path, SIZE, **plan))
            stack.callback(child.end)
            return child

        yield start


def test_a_fetch_of_a_killed_process_is_gone_on_with(tmp_path: Path, start: Start) -> None:
    """Only what is missing is asked for, and the bytes are right."""
    child = start(held_bytes=HALF)
    child.do("fetch")
    child.wait_for(f"available {HALF}")
    child.kill()
    origin = FakeOrigin(CONTENT, piece_bytes=PIECE_BYTES)
    with store_in(tmp_path) as store, store.fetch(KEY, origin) as blob:
        assert read_all(blob) == CONTENT
    assert origin.offsets == [HALF]


def test_two_processes_make_one_transfer(start: Start) -> None:
    """Both have it all."""
    first, second = start(held_bytes=HALF), start()
    first.do("fetch")
    first.wait_for(f"available {HALF}")
    second.do("fetch")
    second.wait_for(f"available {HALF}")
    first.do("go")
    first.wait_for(f"content {DIGEST}")
    second.wait_for(f"content {DIGEST}")
    assert (first.offsets, second.offsets) == ([0], [])


def test_many_processes_that_begin_at_once_make_one_transfer(start: Start) -> None:
    """Whoever is the first."""
    children = [start() for _ in range(3)]
    for child in children:
        child.do("fetch")
    for child in children:
        child.wait_for(f"content {DIGEST}")
    assert sorted(child.offsets for child in children) == [[], [], [0]]


def test_who_follows_a_process_that_is_killed_goes_on_in_its_place(start: Start) -> None:
    """With what is missing; a third one, which follows too, then follows it."""
    first, second, third = start(held_bytes=HALF), start(), start()
    first.do("fetch")
    first.wait_for(f"available {HALF}")
    for child in (second, third):
        child.do("fetch")
        child.wait_for(f"available {HALF}")
    first.kill()
    for child in (second, third):
        child.wait_for(f"content {DIGEST}")
    assert sorted([second.offsets, third.offsets]) == [[], [HALF]]


def test_what_another_process_reads_is_not_evicted(tmp_path: Path, start: Start) -> None:
    """Until it has closed it, or was killed."""
    other = content_of(SIZE, seed=1)
    witness = Witness()
    children = {end: start() for end in ("close", "kill")}
    with store_in(tmp_path, quota_bytes=2 * SIZE - 1, observer=witness) as store:
        fill(store, CONTENT)
        for end, child in children.items():
            child.do("open")
            child.wait_for("opened")
            with pytest.raises(InsufficientStorageError, match="are being read or fetched"):
                store.fetch(key_of(other), FakeOrigin(other))
            if end == "close":
                child.do("close")
                child.wait_for("closed")
            else:
                child.kill()
            assert store.has(KEY)
        with store.fetch(key_of(other), FakeOrigin(other, piece_bytes=PIECE_BYTES)) as blob:
            assert read_all(blob) == other
    assert witness.evicted_hashes == [KEY.hash]


def test_what_another_process_fetches_has_its_room(tmp_path: Path, start: Start) -> None:
    """And what it left when it was killed goes before anything that is complete."""
    other, small = content_of(SIZE, seed=1), content_of(100, seed=2)
    child = start(held_bytes=HALF)
    child.do("fetch")
    child.wait_for(f"available {HALF}")
    witness = Witness()
    with store_in(tmp_path, quota_bytes=SIZE + HALF, observer=witness) as store:
        fill(store, small)
        with pytest.raises(InsufficientStorageError):
            store.fetch(key_of(other), FakeOrigin(other))
        assert store.has(key_of(small))
        child.kill()
        with store.fetch(key_of(other), FakeOrigin(other, piece_bytes=PIECE_BYTES)) as blob:
            assert read_all(blob) == other
        assert store.has(key_of(small))
    assert witness.evicted_hashes == [KEY.hash]


@contextmanager
def _stopped(child: Child) -> Iterator[None]:
    child.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        child.signal(signal.SIGCONT)


def test_a_process_that_is_stopped_holds_up_nobody_else(tmp_path: Path, start: Start) -> None:
    """Other blobs are fetched and opened meanwhile; it goes on when it may."""
    other = content_of(SIZE, seed=1)
    child = start(held_bytes=HALF)
    child.do("fetch")
    child.wait_for(f"available {HALF}")
    with store_in(tmp_path) as store:
        with _stopped(child), store.fetch(key_of(other), FakeOrigin(other)) as blob:
            assert read_all(blob) == other
        child.do("go")
        child.wait_for(f"content {DIGEST}")
        with store.fetch(KEY, FakeOrigin(b"")) as blob:
            assert read_all(blob) == CONTENT


@pytest.mark.parametrize("event", ["os.utime", "os.rename", "os.chmod"])
def test_a_process_killed_while_it_publishes_leaves_a_valid_directory(
    tmp_path: Path, start: Start, event: str
) -> None:
    """Before the disk was told to keep it, before it has its name, and after that."""
    child = start(dies_at=event)
    child.do("fetch")
    child.wait_dead()
    origin = FakeOrigin(CONTENT)
    with store_in(tmp_path) as store:
        (found,) = store.blobs()
        assert (found.is_complete, found.arrived_bytes) == (event == "os.chmod", SIZE)
        with store.fetch(KEY, origin) as blob:
            assert read_all(blob) == CONTENT
        assert origin.offsets == []


@pytest.mark.parametrize("event", ["os.utime", "os.rename", "os.chmod"])
def test_who_follows_a_process_killed_while_it_publishes_has_it_all(
    start: Start, event: str
) -> None:
    """Whoever has to finish that."""
    first, second = start(dies_at=event, held_bytes=HALF), start()
    first.do("fetch")
    first.wait_for("offset 0")
    second.do("fetch")
    second.wait_for(f"available {HALF}")
    first.do("go")
    first.wait_dead()
    second.wait_for(f"content {DIGEST}")
    assert second.offsets == []
