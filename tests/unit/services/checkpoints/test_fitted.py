"""Checkpoints fitted to a model, and what is remembered of that."""

import asyncio
import gc
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from services.checkpoints.fitted import FittedFile
from services.hub.errors import InvalidFileError
from services.hub.located import LocatedFile
from tests.engines import eventually
from tests.unit.services.checkpoints.fakes import (
    NAME,
    Bench,
    bench_in,
    header_bytes_of,
    run_thread,
    safetensors_of,
)
from weightbank.errors import WeightbankError
from weightbank.fitting import Wishes

CONTENT = safetensors_of({"fc.weight": (10, 4), "fc.bias": (10,)}, fill=0)
PREFIXED = Wishes(add_prefix="model")
NEW_HEAD = Wishes(num_classes=3, head="fc")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench."""
    with bench_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def located(bench: Bench) -> LocatedFile:
    """A checkpoint of one file."""
    return bench.hub.add("model.safetensors", CONTENT)


async def fitted(
    bench: Bench,
    wishes: Wishes = PREFIXED,
    *,
    seed: int | None = None,
    is_read: bool = True,
    file: str | None = None,
) -> FittedFile:
    """Return the checkpoint as it is wished for."""
    name = replace(NAME, file=file)
    chosen = await bench.catalogue.choose(name, token=None)
    return await bench.fitting.open(
        name, wishes, seed=seed, token=None, chosen=chosen, is_read=is_read
    )


async def left(bench: Bench) -> None:
    """Wait until all is here and nobody reads."""
    await eventually(
        lambda: bench.witness.is_idle and all(blob.readers == 0 for blob in bench.blobs.blobs())
    )


def layouts(bench: Bench) -> int:
    """How many layouts are kept."""
    return len(bench.fitting._layouts._values)


def test_a_fitted_file_is_made_from_its_checkpoint(bench: Bench, located: LocatedFile) -> None:
    """And let go of with its reader."""

    async def main() -> None:
        found = await fitted(bench)
        content = await run_thread(partial(found.file.read, 0, found.file.size_bytes))
        assert b'"model.fc.weight"' in content
        assert content.endswith(CONTENT[header_bytes_of(CONTENT) :])
        assert not found.is_seeded
        assert found.reader is not None
        del found
        await left(bench)

    bench.run(main)
    assert bench.hub.origin_of(located).offsets == [0]


def test_a_new_head_is_drawn_from_a_seed(bench: Bench, located: LocatedFile) -> None:
    """Which is no part of what identifies the file."""

    async def main() -> None:
        first, second = [await fitted(bench, NEW_HEAD, seed=seed) for seed in (1, 2)]
        assert first.is_seeded
        assert first.id == second.id
        assert first.id != (await fitted(bench)).id

    bench.run(main)
    assert located


def test_nothing_is_fetched_where_no_bytes_are_wanted(bench: Bench, located: LocatedFile) -> None:
    """Headers say all there is to say; it is what the bytes will be."""

    async def main() -> None:
        glanced = await fitted(bench, is_read=False)
        assert glanced.reader is None
        assert bench.hub.origin_of(located).offsets == []
        read = await fitted(bench)
        assert (read.id, read.file.size_bytes) == (glanced.id, glanced.file.size_bytes)
        assert read.file.header == glanced.file.header

    bench.run(main)


def test_a_layout_is_kept_once_its_files_are_verified(bench: Bench, located: LocatedFile) -> None:
    """Not before: what headers said might be a lie."""
    bench.hub.origin_of(located).hold(header_bytes_of(CONTENT))

    async def main() -> None:
        await fitted(bench, is_read=False)
        early = await fitted(bench)
        assert layouts(bench) == 0
        bench.hub.origin_of(located).let_go()
        assert early.reader is not None
        await early.reader.wait_verified()
        late = await fitted(bench)
        assert layouts(bench) == 1
        again = await fitted(bench)
        assert again.file.layout is late.file.layout
        assert again.file.layout is not early.file.layout
        bench.hub.reads.clear()
        glanced = await fitted(bench, is_read=False)
        assert glanced.file.layout is late.file.layout
        assert bench.hub.reads == []

    bench.run(main)


def test_a_crowd_has_it_fitted_once(tmp_path: Path) -> None:
    """While the file arrives: nobody is turned away."""
    with bench_in(tmp_path, most_parses=2) as bench:
        located = bench.hub.add("model.safetensors", CONTENT)
        bench.hub.add("config.json", b"{}")
        bench.hub.origin_of(located).hold(header_bytes_of(CONTENT))

        async def main() -> None:
            crowd = await asyncio.gather(*(fitted(bench) for _ in range(20)))
            assert {one.id for one in crowd} == {crowd[0].id}
            bench.hub.origin_of(located).let_go()
            crowd.clear()
            await left(bench)

        bench.run(main)
        assert bench.hub.origin_of(located).offsets == [0]


def test_what_cannot_be_fitted_is_let_go_of(bench: Bench, located: LocatedFile) -> None:
    """At once: nobody waits for a garbage collection."""
    bench.hub.origin_of(located).hold(header_bytes_of(CONTENT))

    async def main() -> None:
        for wishes in (Wishes(strip_prefix="none"), Wishes(include="none")):
            with pytest.raises(WeightbankError):
                await fitted(bench, wishes)
        await eventually(lambda: all(blob.readers == 0 for blob in bench.blobs.blobs()))
        bench.hub.origin_of(located).let_go()
        await left(bench)

    gc.disable()
    try:
        bench.run(main)
    finally:
        gc.enable()


def test_a_document_cannot_be_fitted(bench: Bench, located: LocatedFile) -> None:
    """It has no tensors."""
    bench.hub.add("config.json", b"{}")

    async def main() -> None:
        with pytest.raises(InvalidFileError, match=r"file 'config\.json' has no tensors"):
            await fitted(bench, file="config.json")

    bench.run(main)
    assert bench.hub.origin_of(located).offsets == []


def test_what_the_configuration_says_is_known(bench: Bench, located: LocatedFile) -> None:
    """Of its head, here: nobody has to name it."""
    config = b'{"num_classes": 10, "pretrained_cfg": {"classifier": "fc"}}'
    bench.hub.add("config.json", config)

    async def main() -> None:
        found = await fitted(bench, Wishes(num_classes=3), seed=1)
        assert found.is_seeded
        del found
        description = await bench.descriptions.describe(NAME, token=None)
        assert description.model.classifier == "fc"
        assert list(description.checkpoint.tensors) == ["fc.weight", "fc.bias"]
        await left(bench)
        again = await bench.descriptions.describe(NAME, token=None)
        assert again.kept == {located.file.path}

    bench.run(main)
