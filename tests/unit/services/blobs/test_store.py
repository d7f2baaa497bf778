"""What there is: listed, pinned, removed, and kept within the quota."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.blobs import BlobInUseError, BlobKey, BlobStore
from services.errors import ShuttingDownError
from services.hub.errors import InsufficientStorageError, NotCachedError
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

CONTENTS = [content_of(1000, seed=seed) for seed in range(5)]
KEYS = [key_of(content) for content in CONTENTS]


def age(directory: Path, key: BlobKey, hours: int) -> None:
    """Have a blob last used so long ago."""
    name = key.hash.replace(":", "-")
    then = (datetime.now(UTC) - timedelta(hours=hours)).timestamp()
    os.utime(directory / "blobs" / name[7:9] / name, (then, then))


def fill_three(directory: Path, store: BlobStore) -> None:
    """Keep the first three; the first was used longest ago."""
    for hours, content in zip((3, 2, 1), CONTENTS, strict=False):
        age(directory, fill(store, content), hours)


def test_blobs_are_listed_as_they_are(tmp_path: Path) -> None:
    """What was used last ahead."""
    origin = FakeOrigin(CONTENTS[3], piece_bytes=100)
    origin.hold(400)
    with store_in(tmp_path) as store:
        fill_three(tmp_path, store)
        store.pin(KEYS[1].hash, pinned=True)
        with store.fetch(KEYS[3], origin) as blob:
            blob.wait_beyond(399, PATIENCE_SECONDS)
            listed = store.blobs()
            origin.let_go()
            assert read_all(blob) == CONTENTS[3]
    assert [blob.hash for blob in listed] == [KEYS[index].hash for index in (3, 2, 1, 0)]
    assert [blob.size_bytes for blob in listed] == [1000] * 4
    assert [blob.arrived_bytes for blob in listed] == [400, 1000, 1000, 1000]
    assert [blob.is_complete for blob in listed] == [False, True, True, True]
    assert [blob.is_pinned for blob in listed] == [False, False, True, False]
    assert [blob.readers for blob in listed] == [1, 0, 0, 0]
    assert timedelta(hours=3) <= datetime.now(UTC) - listed[3].last_used < timedelta(hours=4)


def test_opening_is_a_use(tmp_path: Path) -> None:
    """What was opened goes after others."""
    witness = Witness()
    with store_in(tmp_path, quota_bytes=3000, observer=witness) as store:
        fill_three(tmp_path, store)
        blob = store.open(KEYS[0])
        assert blob is not None
        blob.close()
        with store.fetch(KEYS[3], FakeOrigin(CONTENTS[3])) as blob:
            assert read_all(blob) == CONTENTS[3]
        assert store.has(KEYS[0])
    assert witness.evicted_hashes == [KEYS[1].hash]


def test_what_is_read_or_pinned_is_not_evicted(tmp_path: Path) -> None:
    """Also when it is read in a store of another process, as it were."""
    witness = Witness()
    with (
        store_in(tmp_path, quota_bytes=4000, observer=witness) as store,
        store_in(tmp_path) as other,
    ):
        fill_three(tmp_path, store)
        store.pin(KEYS[1].hash, pinned=True)
        reader = other.open(KEYS[0])
        assert reader is not None
        with reader, store.fetch(KEYS[3], FakeOrigin(CONTENTS[3])) as blob:
            assert read_all(blob) == CONTENTS[3]
            with store.fetch(KEYS[4], FakeOrigin(CONTENTS[4])) as last:
                assert read_all(last) == CONTENTS[4]
            assert read_all(reader) == CONTENTS[0]
    assert witness.evicted_hashes == [KEYS[2].hash]


def test_a_refusal_loses_nothing(tmp_path: Path) -> None:
    """Neither blobs nor what was left of a fetch; nothing begins."""
    large = content_of(2001, seed=9)
    left = tmp_path / "partial" / f"{key_of(large).hash.replace(':', '-')}.2001"
    origin = FakeOrigin(large)
    with store_in(tmp_path, quota_bytes=3000) as store:
        fill_three(tmp_path, store)
        store.pin(KEYS[1].hash, pinned=True)
        for kept in (b"", large[:500]):
            left.write_bytes(kept)
            with pytest.raises(InsufficientStorageError, match="the quota is 3,000 bytes"):
                store.fetch(key_of(large), origin)
            assert (left.exists() and left.read_bytes()) == (kept or False)
        assert all(store.has(key) for key in KEYS[:3])
        with store.fetch(KEYS[3], FakeOrigin(CONTENTS[3])) as blob:
            assert read_all(blob) == CONTENTS[3]
    assert origin.offsets == []


def test_running_fetches_have_their_room(tmp_path: Path) -> None:
    """Before their bytes are there."""
    origin = FakeOrigin(CONTENTS[0])
    origin.hold(0)
    with store_in(tmp_path, quota_bytes=1999) as store, store.fetch(KEYS[0], origin) as blob:
        with pytest.raises(InsufficientStorageError, match="1,000 are being read or fetched"):
            store.fetch(KEYS[1], FakeOrigin(CONTENTS[1]))
        origin.let_go()
        assert read_all(blob) == CONTENTS[0]


def test_what_is_needed_is_not_removed(tmp_path: Path) -> None:
    """Pinned, read here, or read in another process; then it is."""
    with store_in(tmp_path) as store, store_in(tmp_path) as other:
        fill_three(tmp_path, store)
        store.pin(KEYS[0].hash, pinned=True)
        with pytest.raises(BlobInUseError, match="is pinned"):
            store.remove(KEYS[0].hash)
        store.pin(KEYS[0].hash, pinned=False)
        for reading in (store, other):
            reader = reading.open(KEYS[0])
            assert reader is not None
            with reader, pytest.raises(BlobInUseError, match="is being read"):
                store.remove(KEYS[0].hash)
        assert store.remove(KEYS[0].hash) == 1000
        assert store.remove(KEYS[0].hash) == 0
        assert [store.has(key) for key in KEYS[:3]] == [False, True, True]


def test_a_fetch_of_another_process_is_not_removed(tmp_path: Path) -> None:
    """Nor one that somebody here reads."""
    origin = FakeOrigin(CONTENTS[0])
    origin.hold(500)
    with store_in(tmp_path) as store, store_in(tmp_path) as other:
        blob = store.fetch(KEYS[0], origin)
        with pytest.raises(BlobInUseError, match="is being fetched by another process"):
            other.remove(KEYS[0].hash)
        with pytest.raises(BlobInUseError, match="is being read"):
            store.remove(KEYS[0].hash)
        origin.let_go()
        with blob:
            assert read_all(blob) == CONTENTS[0]


def test_what_is_left_of_a_fetch_is_removed(tmp_path: Path) -> None:
    """Nobody is bringing it."""
    left = tmp_path / "partial" / f"{KEYS[0].hash.replace(':', '-')}.1000"
    with store_in(tmp_path) as store:
        left.write_bytes(CONTENTS[0][:300])
        assert store.remove(KEYS[0].hash) == 300
        assert not left.exists()


def test_what_is_no_hash_is_nothing(tmp_path: Path) -> None:
    """It is refused before it names a file."""
    with store_in(tmp_path) as store:
        for ask in (
            lambda: store.remove("../lock"),
            lambda: store.pin("../lock", pinned=True),
            lambda: store.has(BlobKey("../lock", 1)),
            lambda: store.open(BlobKey("../lock", 1)),
        ):
            with pytest.raises(NotCachedError):
                ask()


def test_a_closed_store_still_opens_what_is_there(tmp_path: Path) -> None:
    """It only fetches no more; closing twice is closing once."""
    with store_in(tmp_path) as store:
        fill(store, CONTENTS[0])
        store.close()
        with store.fetch(KEYS[0], FakeOrigin(CONTENTS[0])) as blob:
            assert read_all(blob) == CONTENTS[0]
        with pytest.raises(ShuttingDownError):
            store.fetch(KEYS[1], FakeOrigin(CONTENTS[1]))
