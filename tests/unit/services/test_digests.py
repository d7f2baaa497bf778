"""Digest jobs: one after the other, stopped, failing."""

import threading
import weakref
from typing import Any

import pytest

from services.digest_store import Digests, FileKey
from services.digests import DigestJobs


class MemoryStore:
    """Keeps digests in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[FileKey, Digests] = {}
        self.added = threading.Semaphore(0)

    def add(self, key: FileKey, digests: Digests) -> None:
        """Keep."""
        self.kept[key] = digests
        self.added.release()

    def find(self, key: FileKey) -> Digests | None:
        """Return."""
        return self.kept.get(key)


class Zeros:
    """A file of zeros, which may fail or wait."""

    header = bytes(8)

    def __init__(self, size_bytes: int, *, gate: threading.Event | None = None) -> None:
        self.size_bytes = size_bytes
        self.gate = gate
        self.reads = threading.Semaphore(0)

    def read_into(self, _start: int, buffer: memoryview) -> None:
        """Write them."""
        self.reads.release()
        if self.gate is not None:
            assert self.gate.wait(30)
        buffer[:] = bytes(len(buffer))


class Poison(Zeros):
    """A file that cannot be made."""

    def read_into(self, _start: int, _buffer: memoryview) -> None:
        """Fail."""
        raise RuntimeError("poison")


def key(seed: int) -> FileKey:
    """The key of a file."""
    return FileKey("a" * 64, seed, "float32")


def jobs(store: Any, *, waiting: int = 4) -> tuple[DigestJobs, list[Exception], threading.Event]:
    """Jobs, and the errors that they told of."""
    errors: list[Exception] = []
    told = threading.Event()

    def on_error(_: FileKey, error: Exception) -> None:
        errors.append(error)
        told.set()

    return DigestJobs(store, waiting=waiting, on_error=on_error), errors, told


def test_a_file_that_cannot_be_made_harms_no_other() -> None:
    """Who asks for it is told once, and may try again."""
    store = MemoryStore()
    working, errors, told = jobs(store)
    working.begin(key(1), Poison(10))  # type: ignore[arg-type]
    working.begin(key(2), Zeros(10))  # type: ignore[arg-type]
    assert store.added.acquire(timeout=30)
    assert told.wait(30)
    with pytest.raises(RuntimeError, match="poison"):
        working.progress(key(1))
    assert working.progress(key(1)) is None
    assert [str(error) for error in errors] == ["poison"]
    assert list(store.kept) == [key(2)]
    working.close()


def test_closing_stops_in_the_middle() -> None:
    """Nothing of it is kept."""
    store = MemoryStore()
    working, _, _ = jobs(store)
    gate = threading.Event()
    file = Zeros(2**40, gate=gate)
    begun = working.begin(key(1), file)  # type: ignore[arg-type]
    assert (begun.bytes_done, begun.bytes_total, begun.retry_after_seconds) == (0, 2**40, 60)
    assert file.reads.acquire(timeout=30)
    gate.set()
    working.close()
    assert store.kept == {}
    assert working._thread is not None
    assert not working._thread.is_alive()


def test_progress_grows() -> None:
    """In bytes of the file."""
    store = MemoryStore()
    working, _, _ = jobs(store)
    file = Zeros(3 * 2**22)
    working.begin(key(1), file)  # type: ignore[arg-type]
    assert store.added.acquire(timeout=30)
    assert store.kept[key(1)].size == 3 * 2**22
    working.close()


@pytest.mark.parametrize("kind", [Zeros, Poison])
def test_a_file_is_let_go_of_when_its_digests_are_over(kind: type[Zeros]) -> None:
    """It may hold files of a checkpoint open, which nobody can evict meanwhile."""
    store = MemoryStore()
    running, errors, failed = jobs(store)
    file = kind(100)
    gone = threading.Event()
    weakref.finalize(file, gone.set)
    running.begin(key(1), file)  # type: ignore[arg-type]
    del file
    assert failed.wait(30) if kind is Poison else store.added.acquire(timeout=30)
    errors.clear()
    assert gone.wait(30)
    running.close()
