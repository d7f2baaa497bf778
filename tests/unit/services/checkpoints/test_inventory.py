"""What is kept: listed and removed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.checkpoints.inventory import Removal
from services.hub.errors import NotCachedError
from services.hub.located import LocatedFile
from tests.blobs import content_of, key_of, read_all
from tests.unit.services.checkpoints.fakes import (
    COMMIT,
    MEMBER,
    REPOSITORY,
    Bench,
    bench_in,
    run_thread,
)

FIRST, SECOND = content_of(1000, seed=1), content_of(500, seed=2)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench whose store has room for 10 kB."""
    with bench_in(tmp_path, quota_bytes=10_000) as opened:
        yield opened


@pytest.fixture
def files(bench: Bench) -> list[LocatedFile]:
    """Two files of a repository, both here."""
    found = [bench.hub.add("a.safetensors", FIRST), bench.hub.add("b.safetensors", SECOND)]
    bench.fill(found[0], FIRST)
    bench.fill(found[1], SECOND)
    return found


async def removed(bench: Bench, *, revision: str = "", token: str | None = None) -> Removal:
    """Remove the repository."""
    return await bench.inventory.remove(REPOSITORY, revision, token=token)


def kept(bench: Bench) -> set[str]:
    """Hashes of what is here."""
    return {blob.hash for blob in bench.blobs.blobs()}


def test_all_that_is_kept_is_listed(bench: Bench, files: list[LocatedFile]) -> None:
    """With where it is from: every place that everybody may read."""
    other = bench.hub.add("c.safetensors", FIRST, repository="owner/copy")
    bench.hub.add("d.safetensors", SECOND, repository="owner/private")
    bench.hub.restricted.add("owner/private")

    async def main() -> None:
        found = {kept.blob.hash: kept.places for kept in await bench.inventory.files()}
        assert found == {
            files[0].file.hash: (files[0], other),
            files[1].file.hash: (files[1],),
        }

    bench.run(main)
    assert bench.inventory.quota_bytes == 10_000


def test_what_arrives_is_listed_too(bench: Bench) -> None:
    """As far as it is here."""
    located = bench.hub.add("a.safetensors", FIRST)
    bench.hub.origin_of(located).hold(400)

    async def main() -> None:
        with await bench.store.open(located, token=None) as blob:
            await run_thread(lambda: blob.wait_beyond(399))
            (found,) = await bench.inventory.files()
            assert (found.blob.arrived_bytes, found.blob.is_complete) == (400, False)
            assert found.places == (located,)
            bench.hub.origin_of(located).let_go()
            await run_thread(lambda: read_all(blob))

    bench.run(main)


def test_all_files_of_a_repository_are_removed(bench: Bench, files: list[LocatedFile]) -> None:
    """And said, with what that frees; those of others stay."""
    other = bench.hub.add("c.safetensors", b"other", repository="owner/other")
    bench.fill(other, b"other")

    async def main() -> None:
        removal = await removed(bench)
        assert removal == Removal(1500, tuple(files), ())
        assert kept(bench) == {other.file.hash}
        with pytest.raises(NotCachedError, match=r"^repository 'owner/model' has no file"):
            await removed(bench)

    bench.run(main)


@pytest.mark.parametrize("revision", ["main", COMMIT])
def test_a_revision_is_removed_alone(bench: Bench, files: list[LocatedFile], revision: str) -> None:
    """What is not of it is not looked at."""

    async def main() -> None:
        with pytest.raises(NotCachedError, match="'owner/model@v2' has no file that is kept"):
            await removed(bench, revision="v2")
        assert (await removed(bench, revision=revision)).removed == tuple(files)

    bench.run(main)


def test_what_is_read_or_pinned_is_left(bench: Bench, files: list[LocatedFile]) -> None:
    """And said to be left; what is neither goes."""
    last = bench.hub.add("c.safetensors", b"last")
    bench.fill(last, b"last")
    bench.blobs.pin(files[1].file.hash, pinned=True)

    async def main() -> None:
        with await bench.store.open(files[0], token=None):
            assert await removed(bench) == Removal(4, (last,), tuple(files))
        assert await removed(bench) == Removal(1000, (files[0],), (files[1],))
        assert kept(bench) == {files[1].file.hash}

    bench.run(main)


def test_a_file_of_two_names_is_removed_once(bench: Bench, files: list[LocatedFile]) -> None:
    """Its content is there once."""
    bench.hub.add("z.safetensors", FIRST)

    async def main() -> None:
        removal = await removed(bench)
        assert removal.freed_bytes == 1500
        assert len(removal.removed) == len(files)

    bench.run(main)


def test_what_is_private_is_removed_by_who_may_read_it(
    bench: Bench, files: list[LocatedFile]
) -> None:
    """To others nothing of it is here."""
    bench.hub.restricted.add(REPOSITORY)

    async def main() -> None:
        for token in (None, "hf_stranger"):
            with pytest.raises(NotCachedError, match="or is private"):
                await removed(bench, token=token)
        assert len(kept(bench)) == 2
        assert (await removed(bench, token=MEMBER)).removed == tuple(files)

    bench.run(main)


def test_what_was_converted_is_removed_with_its_pickle(bench: Bench) -> None:
    """Also if one of them is here alone; and both are what is freed."""
    located = bench.hub.add("pytorch_model.bin", b"pickle" + FIRST)

    async def convert() -> None:
        (await bench.store.open_tensors(located, token=None)).close()

    async def main() -> None:
        await convert()
        assert await removed(bench) == Removal(2006, (located,), ())
        assert kept(bench) == set()
        await convert()
        bench.blobs.remove(located.file.hash)
        assert await removed(bench) == Removal(1000, (located,), ())
        await convert()
        bench.blobs.remove(key_of(FIRST).hash)
        assert await removed(bench) == Removal(1006, (located,), ())
        with pytest.raises(NotCachedError):
            await removed(bench)

    bench.run(main)


def test_a_pickle_is_left_whose_converted_file_is_read(bench: Bench) -> None:
    """What of it can be removed is."""
    located = bench.hub.add("pytorch_model.bin", b"pickle" + FIRST)

    async def main() -> None:
        with await bench.store.open_tensors(located, token=None):
            assert await removed(bench) == Removal(1006, (), (located,))
        assert await removed(bench) == Removal(1000, (located,), ())

    bench.run(main)
