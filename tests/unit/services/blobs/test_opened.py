"""Open blobs: whatever becomes of their readers, nothing of them stays."""

import gc
import os
import threading
from pathlib import Path

import pytest

from services.blobs.arrival import Arrival
from services.blobs.opened import OpenedBlob, Readers
from tests.blobs import PATIENCE_SECONDS, key_of, open_descriptors

KEY = key_of(b"content")


def opened(path: Path, arrival: Arrival, readers: Readers) -> OpenedBlob:
    """A blob of a file."""
    path.write_bytes(b"content")
    return OpenedBlob(KEY, os.open(path, os.O_RDONLY), arrival, readers)


def test_closing_closes_the_descriptor_once(tmp_path: Path) -> None:
    """Twice would close another file that got its number."""
    readers, before = Readers(), open_descriptors()
    with opened(tmp_path / "a", Arrival.completed(7), readers) as blob:
        assert readers.count(KEY.hash) == 1
        number = blob.fileno()
    other = os.open(tmp_path / "a", os.O_RDONLY)
    assert other == number
    blob.close()
    os.fstat(other)
    os.close(other)
    assert readers.count(KEY.hash) == 0
    assert open_descriptors() == before
    with pytest.raises(ValueError, match="closed"):
        blob.fileno()


def test_a_blob_that_nobody_has_any_more_is_closed(tmp_path: Path) -> None:
    """Also in a cycle, by the collector; its watchers are not called again."""
    readers, before = Readers(), open_descriptors()
    arrival = Arrival(7)
    calls: list[int] = []
    blob = opened(tmp_path / "a", arrival, readers)
    cycle: list[object] = [blob]
    cycle.append(cycle)
    blob.watch(lambda: calls.append(1))
    del blob, cycle
    gc.collect()
    arrival.complete()
    assert calls == []
    assert readers.count(KEY.hash) == 0
    assert open_descriptors() == before


def test_closing_ends_the_watching(tmp_path: Path) -> None:
    """All of it, and what was ended before stays so."""
    arrival = Arrival(7)
    blob = opened(tmp_path / "a", arrival, Readers())
    calls: list[str] = []
    end = blob.watch(lambda: calls.append("first"))
    blob.watch(lambda: calls.append("second"))
    arrival.advance(1)
    end()
    end()
    arrival.advance(2)
    blob.close()
    blob.watch(lambda: calls.append("late"))
    arrival.complete()
    assert calls == ["first", "second", "second"]


def test_closing_wakes_who_waits(tmp_path: Path) -> None:
    """With what is there, as after a time-out."""
    arrival = Arrival(7)
    blob = opened(tmp_path / "a", arrival, Readers())
    heard: list[int] = []
    thread = threading.Thread(target=lambda: heard.append(blob.wait_beyond(6)), daemon=True)
    thread.start()
    arrival.advance(3)
    while not arrival._changed._waiters:  # type: ignore[attr-defined]
        os.sched_yield()
    blob.close()
    thread.join(PATIENCE_SECONDS)
    assert heard == [3]
