"""Pickled checkpoints: refused, or converted once."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from services.blobs import BlobKey, BlobStore
from services.conversion.converter import VERSION
from services.hub.errors import (
    ConversionError,
    InsufficientStorageError,
    NotCachedError,
    PickleRefusedError,
)
from services.hub.located import LocatedFile
from tests.blobs import content_of, key_of, read_all
from tests.unit.services.checkpoints.fakes import Bench, bench_in, run_thread
from weightbank.errors import LimitExceededError

TENSORS = content_of(1000)
PICKLE = b"pickle" + TENSORS
PATH = "pytorch_model.bin"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench that converts pickles."""
    with bench_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def located(bench: Bench) -> LocatedFile:
    """A pickle that the Hub has."""
    return bench.hub.add(PATH, PICKLE)


def record_of(directory: Path, located: LocatedFile) -> Path:
    """Where it says what a pickle was converted to."""
    return directory / "converted" / f"{located.file.hash.replace(':', '-')}-{VERSION}.json"


async def opened(bench: Bench, located: LocatedFile) -> bytes:
    """Return what a pickle is converted to, and close it."""
    with await bench.store.open_tensors(located, token=None) as blob:
        return await run_thread(lambda: read_all(blob))


def remove(bench: Bench, content: bytes) -> None:
    """Have a file here no more."""
    assert bench.blobs.remove(key_of(content).hash) == len(content)


def test_pickles_are_refused_where_that_is_set(tmp_path: Path) -> None:
    """Before a byte is fetched, and also what was converted before."""
    with bench_in(tmp_path) as bench:
        located = bench.hub.add(PATH, PICKLE)
        bench.run(lambda: opened(bench, located))
    with bench_in(tmp_path, policy="refuse") as bench:
        located = bench.hub.add(PATH, PICKLE)

        async def main() -> None:
            with pytest.raises(
                PickleRefusedError, match="WEIGHTBANK_ALLOW_PICKLE=convert"
            ) as caught:
                await opened(bench, located)
            assert str(caught.value).startswith(f"file '{PATH}' is a pickle")

        bench.run(main)
        assert bench.hub.tokens == []
        assert bench.converter.sources == []


def test_a_pickle_is_fetched_whole_then_converted(bench: Bench, located: LocatedFile) -> None:
    """And only once: afterwards it is here."""

    async def main() -> None:
        for _ in range(3):
            assert await opened(bench, located) == TENSORS

    bench.run(main)
    assert bench.converter.sources == [PICKLE]
    assert bench.hub.origin_of(located).offsets == [0]


def test_what_was_converted_outlasts_its_pickle(
    bench: Bench, located: LocatedFile, tmp_path: Path
) -> None:
    """Also in another process: a record says where it is."""

    async def main() -> None:
        await opened(bench, located)
        remove(bench, PICKLE)
        assert await opened(bench, located) == TENSORS

    bench.run(main)
    assert bench.hub.origin_of(located).offsets == [0]
    assert json.loads(record_of(tmp_path, located).read_bytes()) == {
        "hash": key_of(TENSORS).hash,
        "size_bytes": len(TENSORS),
    }
    assert [path.suffix for path in (tmp_path / "converted").iterdir()] == [".json"]
    with bench_in(tmp_path) as again:
        located = again.hub.add(PATH, PICKLE)
        again.run(lambda: opened(again, located))
        assert again.converter.sources == []


def test_many_who_ask_at_once_have_it_converted_once(bench: Bench, located: LocatedFile) -> None:
    """Each gets a blob of its own."""

    async def main() -> None:
        bench.converter.hold()
        tasks = [asyncio.ensure_future(opened(bench, located)) for _ in range(5)]
        await run_thread(bench.converter.wait_begun)
        bench.converter.let_go()
        assert await asyncio.gather(*tasks) == [TENSORS] * 5

    bench.run(main)
    assert bench.converter.sources == [PICKLE]


def test_who_leaves_takes_nothing_from_the_others(bench: Bench, located: LocatedFile) -> None:
    """Not even who asked first, and whose open pickle it was."""

    async def main() -> None:
        bench.converter.hold()
        tasks = [asyncio.ensure_future(opened(bench, located)) for _ in range(2)]
        await run_thread(bench.converter.wait_begun)
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
        bench.converter.let_go()
        assert await tasks[1] == TENSORS

    bench.run(main)


def test_a_vanished_blob_is_converted_again(bench: Bench, located: LocatedFile) -> None:
    """From the pickle that is still here, to the same bytes."""

    async def main() -> None:
        await opened(bench, located)
        remove(bench, TENSORS)
        assert await opened(bench, located) == TENSORS

    bench.run(main)
    assert bench.converter.sources == [PICKLE] * 2
    assert bench.hub.origin_of(located).offsets == [0]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"3",
        b"null",
        b"{}",
        b'{"hash": "sha256:00"}',
        b'{"hash": "nonsense", "size_bytes": 1000}',
        b'{"hash": "../../etc/passwd", "size_bytes": 1000}',
        b'{"hash": 5, "size_bytes": 1000}',
        b'{"hash": "HASH", "size_bytes": "1000"}',
        b'{"hash": "HASH", "size_bytes": 999}',
    ],
)
def test_a_damaged_record_is_written_anew(
    bench: Bench, located: LocatedFile, tmp_path: Path, damage: bytes
) -> None:
    """It leads nowhere, and keeps nobody from what can be converted again."""
    record = record_of(tmp_path, located)

    async def main() -> None:
        await opened(bench, located)
        good = record.read_bytes()
        record.write_bytes(damage.replace(b"HASH", key_of(TENSORS).hash.encode()))
        assert await opened(bench, located) == TENSORS
        assert record.read_bytes() == good

    bench.run(main)
    assert bench.converter.sources == [PICKLE] * 2


def test_a_conversion_that_fails_is_tried_again_by_the_next(
    bench: Bench, located: LocatedFile, tmp_path: Path
) -> None:
    """All who waited for it hear why; nothing is kept of it."""
    bench.converter.error = ConversionError("file", PATH, "is damaged")

    async def main() -> None:
        bench.converter.hold()
        tasks = [asyncio.ensure_future(opened(bench, located)) for _ in range(3)]
        await run_thread(bench.converter.wait_begun)
        bench.converter.let_go()
        for task in tasks:
            with pytest.raises(ConversionError, match="is damaged"):
                await task
        assert not record_of(tmp_path, located).exists()
        assert [blob.hash for blob in bench.blobs.blobs()] == [located.file.hash]
        bench.converter.error = None
        assert await opened(bench, located) == TENSORS

    bench.run(main)


def test_a_pickle_removed_before_its_turn_is_not_converted(
    bench: Bench, located: LocatedFile
) -> None:
    """Who asked has left by then, and the pickle was not held any more."""

    async def main() -> None:
        with await bench.store.open(located, token=None) as pickled:
            await run_thread(lambda: read_all(pickled))
            bench.witness.wait_ended()
        remove(bench, PICKLE)
        with pytest.raises(NotCachedError, match="was removed before it was converted"):
            await bench.pickles.convert(located, pickled)

    bench.run(main)


class Forgetful:
    """A store in which others need the place of what is made at once."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.open = blobs.open

    def put(self, produce: Callable[[BinaryIO], None], *, size_limit_bytes: int) -> BlobKey:
        """Keep a file for no time at all."""
        key = self._blobs.put(produce, size_limit_bytes=size_limit_bytes)
        self._blobs.remove(key.hash)
        return key


def test_what_finds_no_place_once_converted_is_said(bench: Bench, located: LocatedFile) -> None:
    """With its size, and what its operator can do."""
    blobs: Any = Forgetful(bench.blobs)
    pickles = bench.make_pickles(blobs=blobs)

    async def main() -> None:
        with await bench.store.open(located, token=None) as pickled:
            await run_thread(lambda: read_all(pickled))
            with pytest.raises(InsufficientStorageError, match="1000 bytes once converted"):
                await pickles.convert(located, pickled)

    bench.run(main)


def test_a_converted_file_has_a_largest_size(tmp_path: Path) -> None:
    """As every file has."""
    with bench_in(tmp_path, file_bytes=len(PICKLE)) as bench:
        located = bench.hub.add(PATH, PICKLE)
        bench.converter.copies = 2

        async def main() -> None:
            with pytest.raises(LimitExceededError, match="2000 bytes are too many"):
                await opened(bench, located)

        bench.run(main)
        assert [blob.hash for blob in bench.blobs.blobs()] == [located.file.hash]
