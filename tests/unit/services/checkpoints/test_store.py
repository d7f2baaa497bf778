"""The bytes of files, fetched for callers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.hub.errors import CorruptFileError, InsufficientStorageError
from tests.blobs import FakeOrigin, content_of, key_of, read_all
from tests.engines import eventually
from tests.unit.services.checkpoints.fakes import MEMBER, Bench, bench_in, run_thread

CONTENT = content_of(1000)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench with room for 5 kB, and files of up to 2 kB."""
    with bench_in(tmp_path, quota_bytes=5000, file_bytes=2000) as opened:
        yield opened


def test_a_file_is_fetched_by_the_callers_right(bench: Bench) -> None:
    """Once; from then on it is here."""
    located = bench.hub.add("model.safetensors", CONTENT)

    async def main() -> None:
        assert await bench.store.find(located) is None
        assert not bench.store.has(located)
        for _ in range(2):
            with await bench.store.open(located, token=MEMBER) as blob:
                assert blob.key == key_of(CONTENT)
                assert await run_thread(lambda: read_all(blob)) == CONTENT
        await eventually(lambda: bench.witness.is_idle)
        assert bench.store.has(located)
        found = await bench.store.find(located)
        assert found is not None
        found.close()

    bench.run(main)
    assert bench.hub.origin_of(located).offsets == [0]
    assert set(bench.hub.tokens) == {MEMBER}


def test_tensors_that_need_no_conversion_are_the_file_itself(bench: Bench) -> None:
    """Also if it is far from whole."""
    located = bench.hub.add("model.safetensors", CONTENT)
    bench.hub.origin_of(located).hold(10)

    async def main() -> None:
        with await bench.store.open_tensors(located, token=None) as blob:
            assert blob.key == key_of(CONTENT)
            assert not blob.is_verified
            bench.hub.origin_of(located).let_go()
            await run_thread(lambda: read_all(blob))

    bench.run(main)


@pytest.mark.parametrize(
    ("size_bytes", "message"),
    [(2001, "2001 bytes are more than one file may have here; accepted: 2000 bytes or fewer")],
)
def test_a_file_that_is_too_large_is_not_begun(bench: Bench, size_bytes: int, message: str) -> None:
    """The message says how large one may be."""
    located = bench.hub.add("model.safetensors", bytes(size_bytes))

    async def main() -> None:
        with pytest.raises(InsufficientStorageError, match=message):
            await bench.store.open(located, token=None)

    bench.run(main)
    assert bench.hub.origin_of(located).offsets == []


def test_what_can_never_have_room_is_refused_at_once(tmp_path: Path) -> None:
    """Nobody waits for a place that there cannot be."""
    with bench_in(tmp_path, quota_bytes=999) as bench:
        located = bench.hub.add("model.safetensors", CONTENT)

        async def main() -> None:
            with pytest.raises(InsufficientStorageError, match="the quota is 999 bytes"):
                await bench.store.open(located, token=None)

        bench.run(main)


def test_the_content_of_a_small_file_is_held_to_its_hash(bench: Bench) -> None:
    """It is whole and right, or it is an error; nothing stays open."""
    good = bench.hub.add("config.json", CONTENT)
    bad = bench.hub.add("bad.json", b"what is promised", sent=b"what really came")
    empty = bench.hub.add("empty.json", b"")

    async def main() -> None:
        assert await bench.store.content(good, token=None) == CONTENT
        assert await bench.store.content(empty, token=None) == b""
        with pytest.raises(CorruptFileError):
            await bench.store.content(bad, token=None)
        await eventually(lambda: bench.witness.is_idle)
        assert all(blob.readers == 0 for blob in bench.blobs.blobs())

    bench.run(main)


def test_many_who_ask_share_one_transfer(bench: Bench) -> None:
    """Of a document as of tensors."""
    origin = FakeOrigin(CONTENT)
    origin.hold(10)
    located = bench.hub.add("config.json", CONTENT, origin=origin)

    async def main() -> None:
        reads = [asyncio.ensure_future(bench.store.content(located, token=None)) for _ in range(10)]
        await run_thread(lambda: origin.wait_opened(1))
        origin.let_go()
        assert await asyncio.gather(*reads) == [CONTENT] * 10

    bench.run(main)
    assert origin.offsets == [0]


def test_a_converted_file_needs_its_pickle_no_more(bench: Bench) -> None:
    """Whoever has it open reads safetensors."""
    located = bench.hub.add("weights.PTH", b"pickle" + CONTENT)

    async def main() -> None:
        with await bench.store.open_tensors(located, token=MEMBER) as blob:
            assert blob.key == key_of(CONTENT)
            assert [kept.readers for kept in bench.blobs.blobs() if kept.hash == blob.key.hash] == [
                1
            ]
            assert bench.blobs.remove(located.file.hash) == len(CONTENT) + len(b"pickle")

    bench.run(main)
