"""A disk that fills up in the middle of a fetch: only what must be lost is lost."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.blobs import OpenBlob
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

MEBIBYTE = 2**20
CONTENT = content_of(3 * MEBIBYTE)
KEY = key_of(CONTENT)
OTHERS = [content_of(MEBIBYTE, seed=seed) for seed in (1, 2, 3)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("mounting a tmpfs is not permitted")
    yield path
    subprocess.run(["umount", str(path)], check=True)  # noqa: S603, S607


def fill_up(disk: Path, *, but_bytes: int) -> None:
    """Let others take the disk's space."""
    status = os.statvfs(disk)
    free_bytes = status.f_bavail * status.f_frsize
    (disk / "others").write_bytes(bytes(free_bytes - but_bytes))


def refused(blob: OpenBlob) -> InsufficientStorageError:
    """What a blob's readers hear."""
    with pytest.raises(InsufficientStorageError) as caught:
        blob.wait_beyond(len(CONTENT) - 1, PATIENCE_SECONDS)
    return caught.value


def test_a_fetch_that_finds_the_disk_full_makes_others_go(disk: Path) -> None:
    """Those used longest ago, and no more than it needs; then it goes on."""
    origin, witness = FakeOrigin(CONTENT, piece_bytes=2**18), Witness()
    origin.hold(MEBIBYTE)
    with store_in(disk, observer=witness) as store:
        keys = [fill(store, content) for content in OTHERS]
        for age, key in enumerate(keys):
            name = key.hash.replace(":", "-")
            os.utime(disk / "blobs" / name[7:9] / name, (1000 + age, 1000 + age))
        with store.fetch(KEY, origin) as blob:
            blob.wait_beyond(MEBIBYTE - 1, PATIENCE_SECONDS)
            fill_up(disk, but_bytes=2**19)
            origin.let_go()
            assert read_all(blob) == CONTENT
        assert witness.evicted_hashes == [key.hash for key in keys[:2]]
        assert store.has(keys[2])


def test_a_fetch_for_which_nothing_may_go_is_given_up(disk: Path) -> None:
    """Its file goes, and all others stay, to the byte."""
    origin, witness = FakeOrigin(CONTENT, piece_bytes=2**18), Witness()
    origin.hold(MEBIBYTE)
    with store_in(disk, observer=witness) as store:
        keys = [fill(store, content) for content in OTHERS]
        store.pin(keys[0].hash, pinned=True)
        reader = store.open(keys[1])
        assert reader is not None
        with reader, store.fetch(KEY, origin) as blob:
            blob.wait_beyond(MEBIBYTE - 1, PATIENCE_SECONDS)
            fill_up(disk, but_bytes=2**19)
            origin.let_go()
            assert "1,048,576 bytes are pinned, and 1,048,576" in str(refused(blob))
            assert list((disk / "partial").iterdir()) == []
            assert witness.evicted_hashes == []
            for key, content in zip(keys, OTHERS, strict=True):
                opened = store.open(key)
                assert opened is not None
                with opened:
                    assert read_all(opened) == content
    assert witness.outcomes == ["no_storage"]


def test_a_fetch_that_cannot_fit_the_disk_does_not_begin(disk: Path) -> None:
    """Nor one that would leave less than the reserve."""
    large = content_of(9 * MEBIBYTE)
    origin = FakeOrigin(large)
    with store_in(disk) as store, pytest.raises(InsufficientStorageError, match="the disk has"):
        store.fetch(key_of(large), origin)
    with store_in(disk, reserve_bytes=6 * MEBIBYTE) as store:
        fill(store, OTHERS[0])
        with pytest.raises(InsufficientStorageError):
            store.fetch(KEY, origin)
        assert store.has(key_of(OTHERS[0]))
    assert origin.offsets == []


def test_two_fetches_do_not_promise_themselves_the_same_space(disk: Path) -> None:
    """What a running one still needs is not free."""
    first, second = content_of(5 * MEBIBYTE, seed=4), content_of(5 * MEBIBYTE, seed=5)
    origin = FakeOrigin(first, piece_bytes=2**18)
    origin.hold(0)
    with store_in(disk) as store, store.fetch(key_of(first), origin) as blob:
        with pytest.raises(InsufficientStorageError):
            store.fetch(key_of(second), FakeOrigin(second))
        origin.let_go()
        assert read_all(blob) == first


def test_a_file_that_is_made_when_the_disk_is_full_makes_others_go(disk: Path) -> None:
    """As a fetch does."""
    witness = Witness()
    with store_in(disk, observer=witness) as store:
        fill(store, OTHERS[0])
        fill_up(disk, but_bytes=2**18)
        key = fill(store, OTHERS[1])
        assert store.has(key)
        assert witness.evicted_hashes == [key_of(OTHERS[0]).hash]
