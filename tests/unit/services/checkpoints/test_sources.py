"""Readers of stored tensors, for callers who may read them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.checkpoints.reader import BlobReader
from services.hub.errors import CorruptFileError, UnknownRepositoryError
from services.hub.located import LocatedFile
from tests.engines import eventually
from tests.unit.services.checkpoints.fakes import (
    MEMBER,
    NAME,
    REPOSITORY,
    Bench,
    bench_in,
    index_of,
    run_thread,
    safetensors_of,
)
from weightbank.errors import InvalidCheckpointError
from weightbank.stored import StoredTensor

SHARDS = {"model-1.safetensors": {"a": (4,)}, "model-2.safetensors": {"b": (5,)}}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench."""
    with bench_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def files(bench: Bench) -> list[LocatedFile]:
    """A checkpoint in two files, whose tensors are all ones and all twos."""
    bench.hub.add("model.safetensors.index.json", index_of(SHARDS))
    return [
        bench.hub.add(path, safetensors_of(shapes, fill=fill))
        for fill, (path, shapes) in enumerate(SHARDS.items(), 1)
    ]


async def tensors(bench: Bench) -> list[StoredTensor]:
    """Those that the checkpoint has."""
    _, checkpoint = await bench.catalogue.checkpoint(NAME, token=None)
    return list(checkpoint.tensors.values())


async def read(reader: BlobReader, tensor: StoredTensor) -> bytes:
    """All of a tensor, once it is here."""
    buffer = bytearray(tensor.size_bytes)
    await run_thread(lambda: reader.read_into(tensor, 0, memoryview(buffer)))
    return bytes(buffer)


async def left(bench: Bench) -> None:
    """Wait until all is here and nobody reads."""
    await eventually(
        lambda: bench.witness.is_idle and all(blob.readers == 0 for blob in bench.blobs.blobs())
    )


def test_a_checkpoint_is_read_from_all_of_its_files(bench: Bench, files: list[LocatedFile]) -> None:
    """And let go of with its reader: nobody waits for a garbage collection."""

    async def main() -> None:
        chosen = await bench.catalogue.choose(NAME, token=MEMBER)
        checkpoint, reader = await bench.sources.open_checkpoint(NAME, chosen, token=MEMBER)
        assert [await read(reader, tensor) for tensor in checkpoint.tensors.values()] == [
            b"\x01" * 16,
            b"\x02" * 20,
        ]
        await reader.wait_verified()
        del reader
        await left(bench)

    bench.run(main)
    assert set(bench.hub.tokens) == {MEMBER}
    assert [bench.hub.origin_of(located).offsets for located in files] == [[0], [0]]


def test_pinned_files_are_read_as_they_were_resolved(
    bench: Bench, files: list[LocatedFile]
) -> None:
    """Those alone that are pinned."""

    async def main() -> None:
        _, b = await tensors(bench)
        reader = await bench.sources.open_files([b.file], [b], token=None)
        assert await read(reader, b) == b"\x02" * 20

    bench.run(main)
    assert bench.hub.origin_of(files[0]).offsets == []


@pytest.mark.parametrize("change", [{"name": "c"}, {"shape": (5, 1)}])
def test_pinned_tensors_that_are_others_are_refused(
    bench: Bench, files: list[LocatedFile], change: dict[str, object]
) -> None:
    """Before anything is made of them; nothing stays open."""

    async def main() -> None:
        _, b = await tensors(bench)
        other = replace(b, **change)  # type: ignore[arg-type]
        with pytest.raises(CorruptFileError, match="not in this file as its header said"):
            await bench.sources.open_files([b.file], [b, other], token=None)
        await left(bench)

    bench.run(main)
    assert files


def test_a_pinned_file_that_is_another_now_is_not_opened(
    bench: Bench, files: list[LocatedFile]
) -> None:
    """Its hash is what was resolved, or nothing is."""

    async def main() -> None:
        pinned = replace(files[0].file, hash="sha256:" + "0" * 64)
        with pytest.raises(CorruptFileError, match="is its hash at the Hub now"):
            await bench.sources.open_files([pinned], [], token=None)

    bench.run(main)
    assert bench.hub.origin_of(files[0]).offsets == []


def test_files_that_do_not_agree_are_let_go_of(bench: Bench, files: list[LocatedFile]) -> None:
    """The index says what is in them."""
    shapes = {"b": (5,), "a": (4,)}
    bench.hub.add("model-2.safetensors", safetensors_of(shapes))

    async def main() -> None:
        chosen = await bench.catalogue.choose(NAME, token=None)
        with pytest.raises(InvalidCheckpointError, match="as well"):
            await bench.sources.open_checkpoint(NAME, chosen, token=None)
        await left(bench)

    bench.run(main)
    assert files


def test_rights_are_the_callers(bench: Bench, files: list[LocatedFile]) -> None:
    """To every file; one that is not for everybody makes all of them so."""
    other = bench.hub.add("model.safetensors", b"other", repository="owner/other")
    pinned = [other.file, *(located.file for located in files)]

    async def main() -> None:
        assert not await bench.sources.check_rights(pinned, token=MEMBER)
        assert not await bench.sources.check_rights([], token=MEMBER)
        bench.hub.restricted.add(REPOSITORY)
        assert await bench.sources.check_rights(pinned, token=MEMBER)
        gone = replace(other.file, repository="owner/gone")
        with pytest.raises(UnknownRepositoryError):
            await bench.sources.check_rights([*pinned, gone], token=MEMBER)

    bench.run(main)
    assert set(bench.hub.tokens) == {MEMBER}
