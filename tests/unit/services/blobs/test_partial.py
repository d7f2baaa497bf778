"""Files that are being written, and what others may do with them meanwhile."""

import os
from pathlib import Path

import pytest

from services.blobs.partial import Partial


def test_there_is_one_writer(tmp_path: Path) -> None:
    """Until it leaves; then another goes on at the end."""
    first, second = Partial(tmp_path / "a"), Partial(tmp_path / "a")
    assert first.try_write_lock()
    assert not second.try_write_lock()
    assert not second.try_read_lock()
    first.append(b"abc")
    first.leave()
    assert second.try_write_lock()
    second.append(b"def")
    assert b"".join(second.pieces()) == b"abcdef"
    second.leave()


def test_a_published_file_is_locked_as_long_as_somebody_reads_it(tmp_path: Path) -> None:
    """Its reader's duplicate bears the lock after the writer has gone."""
    partial = Partial(tmp_path / "a")
    assert partial.try_write_lock()
    partial.append(b"abc")
    reader = partial.duplicate()
    partial.publish(tmp_path / "b" / "c")
    partial.close()
    other = Partial(tmp_path / "b" / "c")
    assert not other.try_write_lock()
    assert other.try_read_lock()
    other.unlock()
    assert os.pread(reader, 10, 0) == b"abc"
    os.close(reader)
    assert other.try_write_lock()
    other.leave()


def test_a_file_that_was_left_is_locked_by_no_reader(tmp_path: Path) -> None:
    """Or nobody could go on with it before they all close it."""
    partial = Partial(tmp_path / "a")
    assert partial.try_write_lock()
    reader = partial.duplicate()
    partial.leave()
    other = Partial(tmp_path / "a")
    assert other.try_write_lock()
    other.leave()
    os.close(reader)


def test_who_follows_knows_a_published_file_even_when_it_is_gone(tmp_path: Path) -> None:
    """Its mode says so, not its name."""
    writer, follower = Partial(tmp_path / "a"), Partial(tmp_path / "a")
    assert follower.is_named
    assert not follower.is_published(tmp_path / "b")
    writer.publish(tmp_path / "b")
    (tmp_path / "b").unlink()
    assert not follower.is_named
    assert follower.is_published(tmp_path / "b")
    writer.close()
    follower.close()


def test_unlinking_spares_a_newer_file_of_the_name(tmp_path: Path) -> None:
    """It is another writer's."""
    old = Partial(tmp_path / "a")
    old.append(b"old")
    assert old.unlink() == 3
    new = Partial(tmp_path / "a")
    assert old.unlink() == 0
    assert new.is_named
    old.leave()
    old.leave()
    new.leave()


def test_no_child_inherits_a_descriptor(tmp_path: Path) -> None:
    """It would hold the lock when we are gone."""
    partial = Partial(tmp_path / "a")
    reader = partial.duplicate()
    assert not os.get_inheritable(partial.descriptor)
    assert not os.get_inheritable(reader)
    os.close(reader)
    partial.close()


def test_errors_of_the_disk_are_told(tmp_path: Path) -> None:
    """Only a full one is something to do about."""
    partial = Partial(tmp_path / "a")
    os.close(partial.descriptor)
    partial.descriptor = os.open(tmp_path / "a", os.O_RDONLY)
    with pytest.raises(OSError, match="Bad file descriptor"):
        partial.append(b"abc")
    partial.close()
