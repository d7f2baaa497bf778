"""Where blobs are on the disk."""

import os
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from services.blobs import BlobKey
from services.blobs.partial import try_lock
from services.blobs.shelf import Shelf
from services.hub.errors import NotCachedError
from tests.blobs import content_of, key_of

CONTENT = content_of(100)
KEY = key_of(CONTENT)


def shelved(shelf: Shelf, content: bytes = CONTENT) -> Path:
    """Put content onto a shelf, behind its back."""
    path = shelf.kept_path(key_of(content).hash)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("bad", ["", "sha256:", "../../etc/passwd", "sha256:" + 64 * "G"])
def test_what_is_no_hash_names_no_file(tmp_path: Path, bad: str) -> None:
    """Whoever asks."""
    shelf = Shelf(tmp_path)
    for ask in (
        lambda: shelf.kept_path(bad),
        lambda: shelf.partial_path(bad, 1),
        lambda: shelf.is_pinned(bad),
        lambda: shelf.pin(bad, pinned=True),
    ):
        with pytest.raises(NotCachedError, match="is no hash"):
            ask()


def test_a_blob_of_another_size_than_asked_for_is_not_there(tmp_path: Path) -> None:
    """Either the file is damaged, or the key is wrong; the next fetch will tell."""
    shelf = Shelf(tmp_path)
    shelved(shelf)
    assert shelf.has(KEY)
    assert not shelf.has(BlobKey(KEY.hash, 101))
    assert shelf.open_kept(BlobKey(KEY.hash, 101)) is None


def test_a_use_is_noted_once_a_minute(tmp_path: Path) -> None:
    """Or every read would be a write."""
    shelf = Shelf(tmp_path)
    path = shelved(shelf)
    now = time.time()
    for used, is_noted in ((now - 3600, True), (now - 5, False)):
        os.utime(path, (used, used))
        descriptor = shelf.open_kept(KEY)
        assert descriptor is not None
        os.close(descriptor)
        assert (path.stat().st_mtime != pytest.approx(used, abs=0.01)) == is_noted


class _Probed(Shelf):
    """A shelf of whose blob another process sees whether it is in use; it holds the lock."""

    def __init__(self, directory: Path, path: Path) -> None:
        super().__init__(directory)
        self._probe = os.open(path, os.O_RDONLY)
        assert try_lock(self._probe, is_exclusive=True)

    def locked(self) -> AbstractContextManager[None]:
        """Have the other process be done once its lock is to be had."""
        os.close(self._probe)
        return super().locked()


def test_a_use_ends_a_time_that_is_still_to_come(tmp_path: Path) -> None:
    """A clock that was ahead keeps no blob for good."""
    shelf = Shelf(tmp_path)
    path = shelved(shelf)
    os.utime(path, (0, time.time() + 10_000))
    descriptor = shelf.open_kept(KEY)
    assert descriptor is not None
    os.close(descriptor)
    assert path.stat().st_mtime < time.time() + 1000


def test_a_blob_that_is_looked_at_is_still_opened(tmp_path: Path) -> None:
    """It would be fetched again, though it is there."""
    shelf = _Probed(tmp_path, shelved(Shelf(tmp_path)))
    descriptor = shelf.open_kept(KEY)
    assert descriptor is not None
    os.close(descriptor)


def test_an_open_blob_is_not_removed(tmp_path: Path) -> None:
    """Until its last reader has closed it."""
    shelf = Shelf(tmp_path)
    path = shelved(shelf)
    first, second = shelf.open_kept(KEY), shelf.open_kept(KEY)
    assert first is not None
    assert second is not None
    for descriptor in (first, second):
        assert shelf.is_in_use(path)
        assert not shelf.remove(path)
        os.close(descriptor)
    assert not shelf.is_in_use(path)
    assert shelf.remove(path)
    assert shelf.open_kept(KEY) is None


def test_files_of_others_are_neither_listed_nor_harmed(tmp_path: Path) -> None:
    """A stray file is nobody's blob."""
    shelf = Shelf(tmp_path)
    path = shelved(shelf)
    strays = [tmp_path / "blobs" / "note", path.parent / "note", tmp_path / "partial" / "note.txt"]
    for stray in strays:
        stray.write_bytes(b"stray")
    assert [file.hash for file in shelf.kept()] == [KEY.hash]
    assert list(shelf.unfinished()) == []
    assert all(stray.exists() for stray in strays)


def test_what_is_not_complete_is_listed_with_what_it_may_become(tmp_path: Path) -> None:
    """Its name says so."""
    shelf = Shelf(tmp_path)
    shelf.partial_path(KEY.hash, 100).write_bytes(b"abc")
    shelf.unnamed_path(50).write_bytes(b"d")
    shelf.pin(KEY.hash, pinned=True)
    listed = [(f.hash, f.size_bytes, f.reserved_bytes, f.is_pinned) for f in shelf.unfinished()]
    assert listed == [(KEY.hash, 3, 100, True), (None, 1, 50, False)]


def test_pins_outlast_the_process(tmp_path: Path) -> None:
    """They are files."""
    Shelf(tmp_path).pin(KEY.hash, pinned=True)
    Shelf(tmp_path).pin(KEY.hash, pinned=True)
    assert Shelf(tmp_path).is_pinned(KEY.hash)
    Shelf(tmp_path).pin(KEY.hash, pinned=False)
    Shelf(tmp_path).pin(KEY.hash, pinned=False)
    assert not Shelf(tmp_path).is_pinned(KEY.hash)
