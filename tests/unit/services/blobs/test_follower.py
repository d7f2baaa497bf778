"""Blobs that another process brings; another store of the directory stands for it."""

import threading
from pathlib import Path

import pytest

from services.blobs import BlobStore, OpenBlob, Patience
from services.errors import RetryError, ShuttingDownError
from services.hub.errors import InsufficientStorageError
from tests.blobs import (
    PATIENCE_SECONDS,
    FakeOrigin,
    Witness,
    content_of,
    key_of,
    pread,
    read_all,
    store_in,
)

CONTENT = content_of(10_000)
KEY = key_of(CONTENT)


def begun(store: BlobStore, origin: FakeOrigin, arrived_bytes: int) -> OpenBlob:
    """A blob of which so much is there."""
    origin.hold(arrived_bytes)
    blob = store.fetch(KEY, origin)
    assert blob.wait_beyond(arrived_bytes - 1, PATIENCE_SECONDS) == arrived_bytes
    return blob


def stop(store: BlobStore, origin: FakeOrigin) -> None:
    """Close a store whose origin waits; its transfer breaks as by a time-out."""
    origin.cut()
    store.close()


def test_two_processes_make_one_transfer(tmp_path: Path) -> None:
    """The second reads what the first one writes, and waits for its verdict."""
    origin, unused, witness = FakeOrigin(CONTENT), FakeOrigin(CONTENT), Witness()
    with store_in(tmp_path) as first, store_in(tmp_path, observer=witness) as second:
        with begun(first, origin, 4000) as blob, second.fetch(KEY, unused) as followed:
            assert followed.wait_beyond(3999, PATIENCE_SECONDS) == 4000
            assert pread(followed, 0, 4000) == CONTENT[:4000]
            origin.let_go()
            assert read_all(followed) == CONTENT
            assert read_all(blob) == CONTENT
        with second.fetch(KEY, unused) as hit:
            assert read_all(hit) == CONTENT
    assert (origin.offsets, unused.offsets) == ([0], [])
    assert witness.events[0] == ("followed", KEY)


def test_who_follows_takes_over_what_the_writer_left(tmp_path: Path) -> None:
    """And asks only for what is missing."""
    origin, own, witness = FakeOrigin(CONTENT), FakeOrigin(CONTENT), Witness()
    with store_in(tmp_path, observer=witness) as second:
        with store_in(tmp_path) as first:
            blob = begun(first, origin, 4000)
            followed = second.fetch(KEY, own)
            followed.wait_beyond(3999, PATIENCE_SECONDS)
            blob.close()
            stop(first, origin)
        with followed:
            assert read_all(followed) == CONTENT
        witness.wait_ended()
    assert own.offsets == [4000]
    assert witness.transferred_bytes == [6000]


def test_who_follows_never_takes_over_other_bytes(tmp_path: Path) -> None:
    """When the writer found its bytes wrong, they are not gone on with."""
    origin, own = FakeOrigin(b"x" * 10_000), FakeOrigin(CONTENT)
    with store_in(tmp_path) as first, store_in(tmp_path) as second:
        with begun(first, origin, 4000), second.fetch(KEY, own) as followed:
            followed.wait_beyond(3999, PATIENCE_SECONDS)
            origin.let_go()
            with pytest.raises(RetryError, match="was given up by the process that fetched it"):
                followed.wait_beyond(9999, PATIENCE_SECONDS)
            assert followed.available_bytes < 10_000
        with second.fetch(KEY, own) as blob:
            assert read_all(blob) == CONTENT
    assert own.offsets == [0]


def test_who_follows_a_blob_that_is_evicted_at_once_has_it_all(tmp_path: Path) -> None:
    """It was found right; its name does not matter any more."""
    origin, own = FakeOrigin(CONTENT), FakeOrigin(CONTENT)
    name = KEY.hash.replace(":", "-")
    with store_in(tmp_path) as first, store_in(tmp_path) as second:
        blob = begun(first, origin, 4000)
        followed = second.fetch(KEY, own)

        def evict() -> None:
            (tmp_path / "blobs" / name[7:9] / name).unlink(missing_ok=True)

        blob.watch(evict)
        origin.let_go()
        assert read_all(blob) == CONTENT
        blob.close()
        assert read_all(followed) == CONTENT
        followed.close()


def test_a_writer_that_holds_its_lock_and_writes_nothing_is_not_waited_for(
    tmp_path: Path,
) -> None:
    """Its process may be stopped."""
    origin = FakeOrigin(CONTENT)
    patience = Patience(foreign_seconds=0.1)
    with store_in(tmp_path) as first, store_in(tmp_path, patience=patience) as second:
        blob, followed = begun(first, origin, 4000), second.fetch(KEY, origin)
        with followed, pytest.raises(RetryError, match="another process holds it"):
            followed.wait_beyond(9999, PATIENCE_SECONDS)
        origin.let_go()
        with blob:
            assert read_all(blob) == CONTENT


def test_closing_ends_following(tmp_path: Path) -> None:
    """The other process is not disturbed."""
    origin = FakeOrigin(CONTENT)
    with store_in(tmp_path) as first, begun(first, origin, 4000) as blob:
        with store_in(tmp_path) as second:
            followed = second.fetch(KEY, origin)
            second.close()
            assert "blobs" not in {thread.name for thread in threading.enumerate()}
            with followed, pytest.raises(ShuttingDownError):
                followed.wait_beyond(9999, PATIENCE_SECONDS)
        origin.let_go()
        assert read_all(blob) == CONTENT


def test_taking_over_waits_for_a_thread(tmp_path: Path) -> None:
    """There are no more of them than may be."""
    origin, own, other = FakeOrigin(CONTENT), FakeOrigin(CONTENT), FakeOrigin(b"other")
    other.hold(0)
    with store_in(tmp_path, fetches=1) as second:
        busy = second.fetch(key_of(b"other"), other)
        with store_in(tmp_path) as first:
            begun(first, origin, 4000).close()
            followed = second.fetch(KEY, own)
            stop(first, origin)
        assert followed.wait_beyond(4000, 0.2) == 4000
        assert own.offsets == []
        other.let_go()
        assert read_all(busy) == b"other"
        assert read_all(followed) == CONTENT
        busy.close()
        followed.close()
    assert own.offsets == [4000]


def test_taking_over_needs_room(tmp_path: Path) -> None:
    """The quota may be smaller here."""
    origin = FakeOrigin(CONTENT)
    with store_in(tmp_path, quota_bytes=9_999) as second:
        with store_in(tmp_path) as first:
            begun(first, origin, 4000).close()
            followed = second.fetch(KEY, origin)
            stop(first, origin)
        with followed, pytest.raises(InsufficientStorageError):
            followed.wait_beyond(9999, PATIENCE_SECONDS)
    assert list((tmp_path / "partial").iterdir()) == []
