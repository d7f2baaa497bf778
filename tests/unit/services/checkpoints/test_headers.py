"""Headers of files: of those that are here, that arrive, and that stay at the Hub."""

import asyncio
from collections.abc import Awaitable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.bounded_executor import BoundedExecutor
from services.checkpoints.headers import Headers
from services.hub.errors import CorruptFileError
from tests.arriving_file import ArrivingBlob, ArrivingFile
from tests.blobs import PATIENCE_SECONDS
from tests.engines import eventually
from tests.unit.services.checkpoints.fakes import LIMITS, header_bytes_of, safetensors_of
from weightbank.errors import InvalidCheckpointError
from weightbank.stored_header import StoredHeader

CONTENT = safetensors_of({"a": (2, 3), "b": (5,)})
HEADER_BYTES = header_bytes_of(CONTENT)
HASH = "sha256:" + "0" * 64
OTHER_HASH = "sha256:" + "1" * 64


class Bench:
    """Headers, and files that they are of.

    Attributes:
        headers: What is tested.
        doubted: Hashes of files that contradict what was said of them.
        reads: What was glanced at: start and stop.
        told: What a glance sees.
    """

    def __init__(self, parsing: BoundedExecutor, **options: Any) -> None:
        options = {"cached_tensors": 1000, "limits": LIMITS} | options
        self.headers = Headers(parsing=parsing, doubt=self._doubt, **options)
        self.doubted: list[str] = []
        self.reads: list[tuple[int, int]] = []
        self.told = CONTENT

    async def read(self, start: int, stop: int) -> bytes:
        """See the Hub's file."""
        self.reads.append((start, stop))
        return self.told[start:stop]

    async def glance(self, hash_: str = HASH) -> StoredHeader:
        """Return the header of the Hub's file."""
        return await self.headers.glance(hash_, len(self.told), self.read)

    async def _doubt(self, hash_: str) -> None:
        self.doubted.append(hash_)


@pytest.fixture
def parsing() -> Iterator[BoundedExecutor]:
    """Threads to parse in."""
    executor = BoundedExecutor("headers", threads=1, limit=4)
    yield executor
    executor.close()


@pytest.fixture
def bench(parsing: BoundedExecutor) -> Bench:
    """Headers with the usual bounds."""
    return Bench(parsing)


@pytest.fixture
def file(tmp_path: Path) -> ArrivingFile:
    """A file of which nothing has arrived."""
    return ArrivingFile(tmp_path / "file", CONTENT)


@pytest.fixture
def blob(file: ArrivingFile) -> Iterator[ArrivingBlob]:
    """The same, open."""
    with file.open() as opened:
        yield opened


def run(work: Awaitable[Any]) -> Any:
    """Await something, not for ever."""

    async def main() -> Any:
        return await asyncio.wait_for(work, PATIENCE_SECONDS)

    return asyncio.run(main())


def lie(length: int) -> bytes:
    """A file that says how long its header would be."""
    return length.to_bytes(8, "little") + b"{}"


def test_a_header_is_there_before_the_rest_of_its_file(
    bench: Bench, file: ArrivingFile, blob: ArrivingBlob
) -> None:
    """Nothing is waited for but the header itself."""

    async def main() -> None:
        task = asyncio.ensure_future(bench.headers.of_blob(blob))
        await eventually(lambda: bool(file.watched))
        file.arrive(8)
        file.arrive(HEADER_BYTES - 1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        file.arrive(HEADER_BYTES)
        header = await task
        assert header.header_bytes == HEADER_BYTES
        assert {name: entry.shape for name, entry in header.tensors.items()} == {
            "a": (2, 3),
            "b": (5,),
        }
        assert file.watched == []

    run(main())
    assert bench.doubted == []


def test_what_ends_an_arrival_ends_the_waiting(
    bench: Bench, file: ArrivingFile, blob: ArrivingBlob
) -> None:
    """With its own error; that throws no doubt on what was said."""
    file.arrive(8)
    file.fail(CorruptFileError("file", "x", "is another"))
    with pytest.raises(CorruptFileError, match="is another"):
        run(bench.headers.of_blob(blob))
    assert bench.doubted == []
    assert file.watched == []


def test_who_leaves_takes_nothing_from_the_others(bench: Bench, file: ArrivingFile) -> None:
    """Each reads the blob that he has opened himself."""

    async def main() -> None:
        with file.open() as first, file.open() as second:
            tasks = [asyncio.ensure_future(bench.headers.of_blob(one)) for one in (first, second)]
            await eventually(lambda: len(file.watched) == 2)
            tasks[0].cancel()
            await asyncio.gather(tasks[0], return_exceptions=True)
            first.close()
            file.arrive(HEADER_BYTES)
            assert (await tasks[1]).header_bytes == HEADER_BYTES

    run(main())


@pytest.mark.parametrize("is_verified", [True, False])
def test_many_who_wait_have_it_parsed_once(
    bench: Bench,
    file: ArrivingFile,
    is_verified: bool,  # noqa: FBT001 - a case
) -> None:
    """However few may be parsed at one time."""
    if is_verified:
        file.verify()
    else:
        file.arrive(HEADER_BYTES)

    async def main() -> None:
        blobs = [file.open() for _ in range(10)]
        found = await asyncio.gather(*map(bench.headers.of_blob, blobs))
        assert all(header is found[0] for header in found)
        for blob in blobs:
            blob.close()

    run(main())


def test_the_header_of_a_verified_file_is_kept(
    bench: Bench, file: ArrivingFile, blob: ArrivingBlob, tmp_path: Path
) -> None:
    """By the hash of the file, which is not read again, nor asked for at the Hub."""
    file.verify()
    header = run(bench.headers.of_blob(blob))
    (tmp_path / "file").write_bytes(bytes(len(CONTENT)))
    assert run(bench.headers.of_blob(blob)) is header
    assert run(bench.glance()) is header
    assert bench.reads == []


def test_the_header_of_a_file_that_arrives_is_not_kept(
    bench: Bench, file: ArrivingFile, blob: ArrivingBlob, tmp_path: Path
) -> None:
    """Its hash may prove to be another: the next transfer may bring other bytes."""
    file.arrive(HEADER_BYTES)
    header = run(bench.headers.of_blob(blob))
    other = ArrivingFile(tmp_path / "other", safetensors_of({"b": (2, 3), "a": (5,)}))
    other.arrive(HEADER_BYTES)
    with other.open() as again:
        assert again.key.hash == blob.key.hash
        assert run(bench.headers.of_blob(again)) != header
    assert run(bench.glance()).tensors.keys() == {"a", "b"}
    assert bench.reads != []


def test_headers_are_kept_up_to_a_bound(
    parsing: BoundedExecutor, file: ArrivingFile, tmp_path: Path
) -> None:
    """Of tensors in all of them together; what was used last stays."""
    bench = Bench(parsing, cached_tensors=3)
    file.verify()
    other = ArrivingFile(tmp_path / "other", safetensors_of({"c": (1,), "d": (1,)}))
    other.verify()
    with file.open() as first, other.open() as second:
        second.key = replace(second.key, hash=OTHER_HASH)
        run(bench.headers.of_blob(first))
        run(bench.headers.of_blob(second))
    run(bench.glance(OTHER_HASH))
    assert bench.reads == []
    run(bench.glance(HASH))
    assert bench.reads == [(0, len(CONTENT))]


def test_a_glance_asks_once_and_is_believed_for_a_while(bench: Bench) -> None:
    """By all who ask, together or one after the other."""

    async def main() -> None:
        first, second = await asyncio.gather(bench.glance(), bench.glance())
        assert first is second
        assert await bench.glance() is first

    run(main())
    assert bench.reads == [(0, len(CONTENT))]


def test_a_long_header_takes_a_second_question(bench: Bench) -> None:
    """For just what is missing of it."""
    bench.told = safetensors_of({f"{number:0500}": (1,) for number in range(300)})
    header = run(bench.glance())
    assert len(header.tensors) == 300
    assert bench.reads == [(0, 100_000), (100_000, header_bytes_of(bench.told))]


def test_what_was_glanced_at_is_asked_for_again_when_it_is_old(bench: Bench) -> None:
    """On the loop's clock."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        loop.time = lambda: now  # type: ignore[method-assign]
        await bench.glance()
        now += 59
        await bench.glance()
        assert len(bench.reads) == 1
        now += 1
        await bench.glance()
        assert len(bench.reads) == 2

    asyncio.run(main())


def test_what_was_glanced_at_is_forgotten_when_the_file_itself_arrives(
    bench: Bench, file: ArrivingFile, blob: ArrivingBlob
) -> None:
    """It may prove what was told to be wrong."""
    run(bench.glance())
    file.arrive(HEADER_BYTES)
    run(bench.headers.of_blob(blob))
    run(bench.glance())
    assert len(bench.reads) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lie(2**31), "header 2147483648 bytes would be its length: too many"),
        (lie(2**63), "too many, or no safetensors file"),
        (lie(1000), "bytes would be its length, and the file has 10 bytes"),
        (b"pickle!", "the file has 7 bytes, of which 7 came"),
        (b"", "the file has 0 bytes"),
    ],
)
def test_a_header_that_cannot_be_believed_is_refused(
    bench: Bench, tmp_path: Path, content: bytes, message: str
) -> None:
    """Before more than its length is read; and what was said of the file is doubted."""
    file = ArrivingFile(tmp_path / "lie", content)
    file.available_bytes = min(8, len(content))
    with file.open() as blob, pytest.raises(InvalidCheckpointError) as arriving:
        run(bench.headers.of_blob(blob))
    assert message in str(arriving.value)
    bench.told = content
    with pytest.raises(InvalidCheckpointError) as glanced:
        run(bench.glance())
    assert message in str(glanced.value)
    assert bench.reads == [(0, len(content))]
    assert bench.doubted == [HASH, HASH]


def test_a_header_of_a_verified_file_casts_no_doubt(bench: Bench, tmp_path: Path) -> None:
    """What was said of it was right: such is the file. It is not kept."""
    file = ArrivingFile(tmp_path / "lie", lie(1000))
    file.verify()
    with file.open() as blob:
        for _ in range(2):
            with pytest.raises(InvalidCheckpointError):
                run(bench.headers.of_blob(blob))
    assert bench.doubted == []


def test_the_bounds_of_headers_are_those_that_are_set(
    parsing: BoundedExecutor, blob: ArrivingBlob, file: ArrivingFile
) -> None:
    """Of bytes, of tensors and of their names."""
    file.verify()
    for limits in (
        replace(LIMITS, header_bytes=HEADER_BYTES - 9),
        replace(LIMITS, tensors=1),
        replace(LIMITS, name_bytes=0),
    ):
        with pytest.raises(InvalidCheckpointError):
            run(Bench(parsing, limits=limits).headers.of_blob(blob))
    limits = replace(LIMITS, header_bytes=HEADER_BYTES - 8, tensors=2, name_bytes=1)
    assert run(Bench(parsing, limits=limits).headers.of_blob(blob)).tensors.keys() == {"a", "b"}
