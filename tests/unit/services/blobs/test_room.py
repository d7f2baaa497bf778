"""Who has to go when there is too little room."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.blobs.partial import DiskFullError, Partial
from services.blobs.room import Room
from services.blobs.shelf import Shelf
from services.hub.errors import InsufficientStorageError
from tests.blobs import Witness, content_of, key_of

CONTENTS = [content_of(100, seed=seed) for seed in range(4)]
HASHES = [key_of(content).hash for content in CONTENTS]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Four blobs of 100 bytes; the first was used longest ago."""
    shelf = Shelf(tmp_path)
    for age, content in enumerate(CONTENTS):
        path = shelf.kept_path(key_of(content).hash)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (1000 + age, 1000 + age))
    return shelf


@pytest.fixture
def begin(shelf: Shelf) -> Iterator[Callable[[int], Partial]]:
    """Begin to write a file that may become so large."""
    partials: list[Partial] = []

    def begin(size_bytes: int) -> Partial:
        partials.append(Partial(shelf.unnamed_path(size_bytes)))
        assert partials[-1].try_write_lock()
        return partials[-1]

    yield begin
    for partial in partials:
        partial.leave()


def room(shelf: Shelf, *, quota_bytes: int, reserve_bytes: int = 0) -> tuple[Room, Witness]:
    """Room within a quota, and who hears of evictions."""
    witness = Witness()
    return (
        Room(shelf, quota_bytes=quota_bytes, reserve_bytes=reserve_bytes, observer=witness),
        witness,
    )


def kept(shelf: Shelf) -> set[str]:
    """Hashes of what is there."""
    return {file.hash for file in shelf.kept()}


def stale(shelf: Shelf, size_bytes: int, *, seed: int, changed_seconds: float) -> Path:
    """A file that was left unfinished."""
    content = content_of(size_bytes, seed=seed)
    path = shelf.partial_path(key_of(content).hash, 2 * size_bytes)
    path.write_bytes(content)
    os.utime(path, (changed_seconds, changed_seconds))
    return path


def test_nothing_goes_while_there_is_room(shelf: Shelf, begin: Callable[[int], Partial]) -> None:
    """To the last byte of the quota."""
    begin(100)
    rooms, witness = room(shelf, quota_bytes=500)
    rooms.make(100)
    assert witness.evicted_hashes == []


@pytest.mark.parametrize(("needed", "evicted"), [(1, 1), (100, 1), (101, 2), (400, 4)])
def test_what_was_used_longest_ago_goes_first(
    shelf: Shelf, begin: Callable[[int], Partial], needed: int, evicted: int
) -> None:
    """And no more than must."""
    begin(needed)
    rooms, witness = room(shelf, quota_bytes=400)
    rooms.make(needed)
    assert witness.evicted_hashes == HASHES[:evicted]
    assert kept(shelf) == set(HASHES[evicted:])


def test_what_is_pinned_or_read_stays(shelf: Shelf, begin: Callable[[int], Partial]) -> None:
    """Though it was used longest ago."""
    shelf.pin(HASHES[0], pinned=True)
    reader = shelf.open_kept(key_of(CONTENTS[1]))
    assert reader is not None
    begin(200)
    rooms, witness = room(shelf, quota_bytes=400)
    rooms.make(200)
    os.close(reader)
    assert witness.evicted_hashes == HASHES[2:]


def test_stale_files_go_before_complete_ones(shelf: Shelf, begin: Callable[[int], Partial]) -> None:
    """The oldest first, unless they are pinned."""
    new = stale(shelf, 50, seed=10, changed_seconds=9000)
    old = stale(shelf, 50, seed=11, changed_seconds=8000)
    pinned = stale(shelf, 50, seed=12, changed_seconds=7000)
    shelf.pin(key_of(content_of(50, seed=12)).hash, pinned=True)
    begin(40)
    rooms, _ = room(shelf, quota_bytes=550)
    rooms.make(40)
    assert (old.exists(), new.exists(), pinned.exists()) == (False, True, True)
    begin(160)
    rooms.make(160)
    assert (new.exists(), pinned.exists()) == (False, True)
    assert kept(shelf) == set(HASHES[1:])


def test_what_others_may_still_write_is_spoken_for(
    shelf: Shelf, begin: Callable[[int], Partial]
) -> None:
    """An empty file of a running fetch takes its whole size."""
    other = begin(150)
    other.append(b"abc")
    begin(50)
    rooms, witness = room(shelf, quota_bytes=600)
    rooms.make(50)
    assert witness.evicted_hashes == []
    begin(1)
    rooms.make(1)
    assert witness.evicted_hashes == HASHES[:1]


def test_nothing_goes_in_vain(shelf: Shelf, begin: Callable[[int], Partial]) -> None:
    """It is first seen whether all that may go is enough; the error says what may not."""
    shelf.pin(HASHES[0], pinned=True)
    reader = shelf.open_kept(key_of(CONTENTS[1]))
    assert reader is not None
    begin(70)
    begin(301)
    left = stale(shelf, 50, seed=10, changed_seconds=9000)
    rooms, witness = room(shelf, quota_bytes=570)
    words = (
        r"file 301 bytes find no room: the quota is 570 bytes, the disk has [\d,]+ free, "
        r"100 bytes are pinned, and 170 are being read or fetched; "
    )
    with pytest.raises(InsufficientStorageError, match=f"^{words}"):
        rooms.make(301)
    os.close(reader)
    assert left.exists()
    assert witness.evicted_hashes == []
    assert kept(shelf) == set(HASHES)


def test_the_disk_keeps_a_reserve(shelf: Shelf, begin: Callable[[int], Partial]) -> None:
    """No eviction of ours could free that much."""
    begin(1)
    rooms, witness = room(shelf, quota_bytes=2**60, reserve_bytes=2**60)
    with pytest.raises(InsufficientStorageError, match=re.escape("the disk has")):
        rooms.make(1)
    assert witness.evicted_hashes == []


class _FullPartial(Partial):
    """A file on a disk that is full until others have gone; nobody can see how full it is."""

    def __init__(self, path: Path, witness: Witness, *, blobs_in_the_way: int) -> None:
        super().__init__(path)
        assert self.try_write_lock()
        self._witness = witness
        self._blobs_in_the_way = blobs_in_the_way

    def append(self, piece: bytes | memoryview) -> int:
        """Write half of it, once there is place."""
        if len(self._witness.evicted_hashes) < self._blobs_in_the_way:
            raise DiskFullError
        return super().append(piece[: len(piece) // 2 + 1])


@pytest.mark.parametrize(("size_bytes", "in_the_way", "evicted"), [(150, 1, 2), (50, 3, 3)])
def test_what_finds_the_disk_full_makes_place_for_all_that_is_to_come(
    shelf: Shelf, size_bytes: int, in_the_way: int, evicted: int
) -> None:
    """And for more, if that did not help."""
    rooms, witness = room(shelf, quota_bytes=2**60)
    path = shelf.unnamed_path(size_bytes)
    partial = _FullPartial(path, witness, blobs_in_the_way=in_the_way)
    rooms.append(partial, b"some words", size_bytes=size_bytes)
    assert b"".join(partial.pieces()) == b"some words"
    partial.leave()
    assert witness.evicted_hashes == HASHES[:evicted]


def test_what_can_never_have_all_its_place_makes_nobody_go(shelf: Shelf) -> None:
    """Though there would be enough for the next piece."""
    rooms, witness = room(shelf, quota_bytes=2**60)
    partial = _FullPartial(shelf.unnamed_path(401), witness, blobs_in_the_way=1)
    with pytest.raises(InsufficientStorageError):
        rooms.append(partial, b"some words", size_bytes=401)
    partial.leave()
    assert witness.evicted_hashes == []


def test_a_disk_that_is_full_makes_others_go(shelf: Shelf, begin: Callable[[int], Partial]) -> None:
    """Though by quota and numbers there is room: others may have theirs."""
    begin(250)
    rooms, witness = room(shelf, quota_bytes=2**60)
    rooms.make(250, at_least_bytes=150)
    assert witness.evicted_hashes == HASHES[:2]
    with pytest.raises(InsufficientStorageError):
        rooms.make(250, at_least_bytes=201)
    assert kept(shelf) == set(HASHES[2:])
