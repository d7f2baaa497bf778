"""What checkpoints there are, and their tensors."""

import asyncio
from collections.abc import Awaitable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.hub.errors import (
    CorruptFileError,
    InvalidFileError,
    UnknownFileError,
    UnknownRepositoryError,
)
from services.hub.located import LocatedFile
from tests.engines import eventually
from tests.unit.services.checkpoints.fakes import (
    COMMIT,
    LIMITS,
    MEMBER,
    NAME,
    REPOSITORY,
    Bench,
    bench_in,
    index_of,
    safetensors_of,
)
from weightbank.errors import InvalidCheckpointError, LimitExceededError
from weightbank.stored import CheckpointName

CONTENT = safetensors_of({"a": (2, 3), "b": (5,)})
INDEX = "model.safetensors.index.json"
SHARDS = {"model-1.safetensors": {"a": (2, 3)}, "model-2.safetensors": {"b": (5,)}}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench."""
    with bench_in(tmp_path) as opened:
        yield opened


def add_shards(bench: Bench) -> list[LocatedFile]:
    """Have a checkpoint in two files, and return those."""
    bench.hub.add(INDEX, index_of(SHARDS))
    return [bench.hub.add(path, safetensors_of(shapes)) for path, shapes in SHARDS.items()]


def test_a_checkpoint_of_one_file_is_that_file(bench: Bench) -> None:
    """Nothing of it is fetched."""
    located = bench.hub.add("model.safetensors", CONTENT)

    async def main() -> None:
        chosen = await bench.catalogue.choose(NAME, token=MEMBER)
        assert chosen.files == (located,)
        assert chosen.weight_map is None
        assert chosen.size_bytes == len(CONTENT)
        assert chosen.snapshot.commit == COMMIT

    bench.run(main)
    assert bench.hub.origin_of(located).offsets == []
    assert set(bench.hub.tokens) == {MEMBER}


def test_a_checkpoint_of_several_is_what_its_index_lists(bench: Bench) -> None:
    """The index alone is fetched; a file besides those is none of it."""
    files = add_shards(bench)
    bench.hub.add("other.safetensors", CONTENT)

    async def main() -> None:
        chosen = await bench.catalogue.choose(NAME, token=None)
        assert chosen.files == tuple(files)
        assert chosen.weight_map is not None
        assert dict(chosen.weight_map.file_of) == {
            "a": "model-1.safetensors",
            "b": "model-2.safetensors",
        }

    bench.run(main)
    assert all(bench.hub.origin_of(located).offsets == [] for located in files)


def test_a_file_that_an_index_lists_has_to_be_there(bench: Bench) -> None:
    """It is named."""
    bench.hub.add(INDEX, index_of(SHARDS))
    bench.hub.add("model-1.safetensors", CONTENT)

    async def main() -> None:
        with pytest.raises(UnknownFileError, match=r"model-2\.safetensors"):
            await bench.catalogue.choose(NAME, token=None)

    bench.run(main)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"weight_map": {"a": "../x.safetensors"}}'])
def test_an_index_is_not_believed(bench: Bench, content: bytes) -> None:
    """It has to be one."""
    bench.hub.add(INDEX, content)

    async def main() -> None:
        with pytest.raises(InvalidCheckpointError):
            await bench.catalogue.choose(NAME, token=None)

    bench.run(main)


def test_an_index_is_held_to_the_limits_that_are_set(tmp_path: Path) -> None:
    """Of tensors, as every header."""
    with bench_in(tmp_path, limits=replace(LIMITS, tensors=1)) as bench:
        add_shards(bench)

        async def main() -> None:
            with pytest.raises(InvalidCheckpointError, match="tensors are too many"):
                await bench.catalogue.choose(NAME, token=None)

        bench.run(main)


@pytest.mark.parametrize(("path", "limit_bytes"), [(INDEX, 2**26), ("config.json", 2**22)])
def test_a_document_that_is_too_long_is_not_fetched(
    bench: Bench, path: str, limit_bytes: int
) -> None:
    """What it says of its length is enough."""
    located = bench.hub.add(path, b"{}")
    bench.hub.files[REPOSITORY][path] = replace(located, size_bytes=limit_bytes + 1)

    async def main() -> None:
        snapshot = bench.hub.snapshot(REPOSITORY)
        asked: Awaitable[object] = (
            bench.catalogue.choose(NAME, token=None)
            if path == INDEX
            else bench.catalogue.document(snapshot, path, token=None)
        )
        with pytest.raises(InvalidCheckpointError, match="bytes are too many for such a document"):
            await asked

    bench.run(main)
    assert bench.hub.origin_of(located).offsets == []


def test_what_is_not_there_is_told_as_the_hub_tells_it(bench: Bench) -> None:
    """Repositories and files."""
    bench.hub.add("model.safetensors", CONTENT)

    async def main() -> None:
        with pytest.raises(UnknownRepositoryError):
            await bench.catalogue.choose(CheckpointName("owner/none"), token=None)
        with pytest.raises(UnknownFileError):
            await bench.catalogue.choose(replace(NAME, file="none.safetensors"), token=None)

    bench.run(main)


def test_tensors_are_those_of_all_files(bench: Bench) -> None:
    """By name, each in its file; headers are glanced at, and nothing is fetched."""
    files = add_shards(bench)

    async def main() -> None:
        _, checkpoint = await bench.catalogue.checkpoint(NAME, token=MEMBER)
        assert (checkpoint.name, checkpoint.commit) == (NAME, COMMIT)
        a, b = (checkpoint.tensors[name] for name in "ab")
        assert (a.file, a.shape, a.dtype.name) == (files[0].file, (2, 3), "float32")
        assert (b.file, b.shape) == (files[1].file, (5,))

    bench.run(main)
    assert sorted(path for path, _, _ in bench.hub.reads) == sorted(SHARDS)
    assert set(bench.hub.tokens) == {MEMBER}


def test_the_header_of_what_is_here_is_read_from_there(bench: Bench) -> None:
    """Nobody is asked for it; the file is closed again."""
    located = bench.hub.add("model.safetensors", CONTENT)
    bench.fill(located, CONTENT)

    async def main() -> None:
        header = await bench.catalogue.header(located, token=None)
        assert list(header.tensors) == ["a", "b"]
        assert [blob.readers for blob in bench.blobs.blobs()] == [0]

    bench.run(main)
    assert bench.hub.reads == []


def test_a_pickle_is_converted_for_its_header(bench: Bench) -> None:
    """Its own bytes have none."""
    located = bench.hub.add("pytorch_model.bin", b"pickle" + CONTENT)

    async def main() -> None:
        _, checkpoint = await bench.catalogue.checkpoint(NAME, token=None)
        assert list(checkpoint.tensors) == ["a", "b"]
        assert {tensor.file for tensor in checkpoint.tensors.values()} == {located.file}

    bench.run(main)
    assert bench.hub.reads == []


@pytest.mark.parametrize(
    ("shards", "message"),
    [
        ({"a": (2, 3)}, "model-2.safetensors 'b' is not in this file, and the index says"),
        ({"b": (5,), "a": (2, 3)}, "model-2.safetensors 'a' is in model-1.safetensors as well"),
    ],
)
def test_index_and_files_have_to_agree(
    bench: Bench, shards: dict[str, tuple[int, ...]], message: str
) -> None:
    """A tensor is where it is said to be, and nowhere else."""
    add_shards(bench)
    bench.hub.add("model-2.safetensors", safetensors_of(shards))

    async def main() -> None:
        with pytest.raises(InvalidCheckpointError) as caught:
            await bench.catalogue.checkpoint(NAME, token=None)
        assert message in str(caught.value)

    bench.run(main)


def test_a_document_has_no_tensors(bench: Bench) -> None:
    """Though it may be asked for."""
    bench.hub.add("config.json", b"{}")

    async def main() -> None:
        with pytest.raises(InvalidFileError, match=r"file 'config\.json' has no tensors"):
            await bench.catalogue.checkpoint(replace(NAME, file="config.json"), token=None)

    bench.run(main)


def test_a_checkpoint_has_a_tensor_or_more(bench: Bench) -> None:
    """Of a dtype whose elements can be told apart."""
    bench.hub.add("empty.safetensors", safetensors_of({}))
    text = b'{"q":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}'
    small = len(text).to_bytes(8, "little") + text + b"!"
    bench.hub.add("small.safetensors", small)

    async def main() -> None:
        for path, message in [
            ("empty.safetensors", r"empty\.safetensors has no tensors"),
            ("small.safetensors", r"small\.safetensors 'q' has dtype F4, whose elements are less"),
        ]:
            with pytest.raises(InvalidCheckpointError, match=message):
                await bench.catalogue.checkpoint(replace(NAME, file=path), token=None)

    bench.run(main)


def test_all_checkpoints_of_a_spec_are_found(bench: Bench) -> None:
    """By the names that it has for them; not more than may be."""
    bench.hub.add("model.safetensors", CONTENT)
    bench.hub.add("other.safetensors", safetensors_of({"c": (1,)}))
    names = [NAME, replace(NAME, file="other.safetensors")]

    async def main() -> None:
        found = await bench.catalogue.checkpoints(names, token=None)
        assert list(found) == names
        assert [list(checkpoint.tensors) for checkpoint in found.values()] == [["a", "b"], ["c"]]
        assert await bench.catalogue.checkpoints([], token=None) == {}
        many = [CheckpointName(f"owner/model{number}") for number in range(65)]
        asked = len(bench.hub.tokens)
        with pytest.raises(LimitExceededError, match="checkpoints 65 are more than a spec may"):
            await bench.catalogue.checkpoints(many, token=None)
        assert len(bench.hub.tokens) == asked

    bench.run(main)


def test_a_pinned_file_is_named_as_it_was_pinned(bench: Bench) -> None:
    """Though its repository has another name today."""
    located = bench.hub.add("model.safetensors", CONTENT)
    bench.hub.files["owner/old"] = bench.hub.files[REPOSITORY]
    pinned = replace(located.file, repository="owner/old")

    async def main() -> None:
        found = await bench.catalogue.locate_stored(pinned, token=None)
        assert found == LocatedFile(pinned, len(CONTENT))

    bench.run(main)


def test_a_pinned_file_that_is_another_now_is_refused(bench: Bench) -> None:
    """And what is remembered of the Hub is not believed any longer."""
    located = bench.hub.add("model.safetensors", CONTENT)
    pinned = replace(located.file, hash="sha256:" + "0" * 64)

    async def main() -> None:
        with pytest.raises(CorruptFileError, match="is its hash at the Hub now") as caught:
            await bench.catalogue.locate_stored(pinned, token=None)
        assert caught.value.accepted == pinned.hash
        with pytest.raises(CorruptFileError):
            await bench.catalogue.is_restricted(pinned, token=None)

    bench.run(main)
    assert bench.hub.distrusted == [located.file.hash] * 2


@pytest.mark.parametrize("is_restricted", [True, False])
def test_it_is_known_what_is_not_for_everybody(
    bench: Bench,
    is_restricted: bool,  # noqa: FBT001 - a case
) -> None:
    """Of each file that a spec pins."""
    located = bench.hub.add("model.safetensors", CONTENT)
    if is_restricted:
        bench.hub.restricted.add(REPOSITORY)

    async def main() -> None:
        assert await bench.catalogue.is_restricted(located.file, token=MEMBER) is is_restricted

    bench.run(main)


def test_documents_are_parsed(bench: Bench) -> None:
    """None where there is none; what is no JSON is refused by its path."""
    bench.hub.add("config.json", b'{"num_classes": 10}')
    bad = {"cut.json": b"{", "deep.json": b"[" * 10_000, "latin.json": b'"\xe9"'}
    for path, content in bad.items():
        bench.hub.add(path, content)

    async def main() -> None:
        snapshot = bench.hub.snapshot(REPOSITORY)
        document = bench.catalogue.document
        assert await document(snapshot, "config.json", token=None) == {"num_classes": 10}
        assert await document(snapshot, "none.json", token=None) is None
        for path in bad:
            with pytest.raises(InvalidCheckpointError, match=f"^{path} is not JSON"):
                await document(snapshot, path, token=None)

    bench.run(main)


def test_a_crowd_has_what_it_asks_for_parsed_once(tmp_path: Path) -> None:
    """However few may be parsed at one time: nobody is turned away."""
    with bench_in(tmp_path, most_parses=2) as bench:
        files = add_shards(bench)
        bench.hub.add("config.json", b"{}")

        async def ask() -> None:
            chosen = await bench.catalogue.choose(NAME, token=None)
            assert chosen.files == tuple(files)

        async def ask_document() -> None:
            snapshot = bench.hub.snapshot(REPOSITORY)
            assert await bench.catalogue.document(snapshot, "config.json", token=None) == {}

        async def main() -> None:
            await asyncio.gather(*(ask() for _ in range(30)))
            await asyncio.gather(*(ask_document() for _ in range(30)))
            await eventually(lambda: bench.witness.is_idle)

        bench.run(main)
