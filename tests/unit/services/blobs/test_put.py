"""Files that are made here."""

import shutil
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest

from services.errors import ShuttingDownError
from services.hub.errors import InsufficientStorageError
from tests.blobs import Witness, content_of, fill, key_of, read_all, store_in
from weightbank.errors import LimitExceededError

CONTENT = content_of(10_000)


def files(directory: Path) -> list[Path]:
    """All but the lock."""
    return [path for path in directory.rglob("*") if path.is_file() and path.name != "lock"]


def test_a_file_gets_the_name_of_its_hash(tmp_path: Path) -> None:
    """And is there as any other."""
    with store_in(tmp_path) as store:
        key = store.put(
            lambda out: shutil.copyfileobj(BytesIO(CONTENT), out, 999), size_limit_bytes=10_000
        )
        assert key == key_of(CONTENT)
        blob = store.open(key)
        assert blob is not None
        with blob:
            assert read_all(blob) == CONTENT
        assert len(files(tmp_path)) == 1


def test_it_appears_when_it_is_whole(tmp_path: Path) -> None:
    """And not before."""
    with store_in(tmp_path) as store:

        def produce(out: BinaryIO) -> None:
            out.write(CONTENT)
            assert out.tell() == len(CONTENT)
            assert store.blobs() == []
            assert not store.has(key_of(CONTENT))

        assert store.has(store.put(produce, size_limit_bytes=10_000))


def test_the_same_file_twice_is_one_file(tmp_path: Path) -> None:
    """What was there stays."""
    with store_in(tmp_path) as store:
        key = fill(store, CONTENT)
        inode = files(tmp_path)[0].stat().st_ino
        assert fill(store, CONTENT) == key
        assert [path.stat().st_ino for path in files(tmp_path)] == [inode]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    """Whoever's it is."""

    def fail(out: BinaryIO) -> None:
        out.write(CONTENT)
        raise ValueError("mine")

    with store_in(tmp_path) as store:
        with pytest.raises(ValueError, match="mine"):
            store.put(fail, size_limit_bytes=10_000)
        with pytest.raises(LimitExceededError, match=r"file 10000 bytes are too many; accepted: "):
            store.put(lambda out: _write(out, CONTENT), size_limit_bytes=9_999)
        assert files(tmp_path) == []


def test_it_makes_room_as_it_grows(tmp_path: Path) -> None:
    """And asks for no more than it needs where there is no more."""
    witness = Witness()
    with store_in(tmp_path, quota_bytes=12_000, observer=witness) as store:
        first = fill(store, content_of(3_000, seed=1))
        key = store.put(
            lambda out: shutil.copyfileobj(BytesIO(CONTENT), out, 999), size_limit_bytes=2**40
        )
        assert witness.evicted_hashes == [first.hash]
        with pytest.raises(InsufficientStorageError):
            fill(store, content_of(12_001, seed=2))
        assert store.has(key)


def test_a_store_that_closes_takes_no_more(tmp_path: Path) -> None:
    """In the middle of a file."""
    with store_in(tmp_path) as store:

        def produce(out: BinaryIO) -> None:
            out.write(b"a")
            store.close()
            out.write(b"b")

        with pytest.raises(ShuttingDownError):
            store.put(produce, size_limit_bytes=10)
        assert files(tmp_path) == []


def test_what_was_being_made_is_removed_at_the_next_start(tmp_path: Path) -> None:
    """Unless another process is making it."""
    with store_in(tmp_path) as store:
        (tmp_path / "unnamed" / "abandoned.100").write_bytes(b"abc")

        def produce(out: BinaryIO) -> None:
            out.write(CONTENT)
            with store_in(tmp_path):
                assert len(files(tmp_path)) == 1
            out.write(CONTENT)

        assert store.put(produce, size_limit_bytes=20_000) == key_of(CONTENT + CONTENT)


def _write(out: BinaryIO, content: bytes) -> None:
    out.write(content)
