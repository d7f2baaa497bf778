"""Files opened together, also those that cannot be fetched yet."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from services.checkpoints.coming import ComingBlob
from services.checkpoints.reader import OpenFile
from services.errors import OverloadedError, ShuttingDownError
from services.hub.errors import CorruptFileError, GatedRepositoryError
from services.hub.located import LocatedFile
from tests.blobs import read_all
from tests.engines import eventually
from tests.unit.services.checkpoints.fakes import (
    MEMBER,
    Bench,
    bench_in,
    header_bytes_of,
    run_thread,
    safetensors_of,
)
from weightbank.errors import InvalidCheckpointError

ERROR = GatedRepositoryError("repository", "owner/model", "is gated")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench that fetches two files at one time."""
    with bench_in(tmp_path, fetches=2) as opened:
        yield opened


def content(number: int) -> bytes:
    """The bytes of a file."""
    return safetensors_of({f"t{number}": (100,)}, fill=number + 1)


def add_files(bench: Bench, count: int, *, held: Sequence[int] = ()) -> list[LocatedFile]:
    """Have files, of which some send their headers alone at first."""
    files = [bench.hub.add(f"{number}.safetensors", content(number)) for number in range(count)]
    for number in held:
        bench.hub.origin_of(files[number]).hold(header_bytes_of(content(number)))
    return files


def let_go(bench: Bench) -> None:
    """Send all of every file."""
    for origin in bench.hub.origins.values():
        origin.let_go()


async def opened(bench: Bench, files: Sequence[LocatedFile]) -> list[OpenFile]:
    """Open files; the first two find places."""
    places = await bench.opening.open_all(files[:2], token=MEMBER)
    found = await bench.opening.open_all(files, token=MEMBER)
    close(places)
    return found


async def contents(files: Sequence[OpenFile]) -> list[bytes]:
    """Return what is in all of them, once it is here."""
    return [await run_thread(lambda file=file: read_all(file.blob)) for file in files]  # type: ignore[misc]


def close(files: Sequence[OpenFile]) -> None:
    """Read no more."""
    for file in files:
        file.blob.close()


async def ended(file: OpenFile) -> Exception:
    """Return what ended a file's arrival."""
    await eventually(lambda: file.blob.error is not None)
    error = file.blob.error
    assert error is not None
    return error


def tasks(bench: Bench) -> int:
    """How many tasks bring files."""
    return len(bench.opening._bringing)


def test_files_are_open_as_soon_as_their_headers_are_here(bench: Bench) -> None:
    """Those that are here, and those that arrive; in their order."""
    files = add_files(bench, 3, held=[1, 2])
    bench.fill(files[0], content(0))

    async def main() -> None:
        found = await opened(bench, files)
        assert [list(file.header.tensors) for file in found] == [["t0"], ["t1"], ["t2"]]
        assert [file.blob.is_verified for file in found] == [True, False, False]
        let_go(bench)
        assert await contents(found) == [content(number) for number in range(3)]
        close(found)
        assert tasks(bench) == 0

    bench.run(main)
    assert bench.hub.reads == []


def test_files_that_find_no_place_come_in_turn(bench: Bench) -> None:
    """Their headers are glanced at meanwhile, and their readers wait."""
    files = add_files(bench, 6, held=range(6))

    async def main() -> None:
        found = await opened(bench, files)
        assert sorted(path for path, _, _ in bench.hub.reads) == [
            f"{number}.safetensors" for number in range(2, 6)
        ]
        assert [list(file.header.tensors) for file in found] == [[f"t{n}"] for n in range(6)]
        assert all(isinstance(file.blob, ComingBlob) for file in found[2:])
        assert all(file.blob.available_bytes == 0 for file in found[2:])
        reading = asyncio.ensure_future(contents(found))
        let_go(bench)
        assert await reading == [content(number) for number in range(6)]
        await eventually(lambda: tasks(bench) == 0)
        close(found)

    bench.run(main)
    assert all(bench.hub.origin_of(located).offsets == [0] for located in files)
    assert set(bench.hub.tokens) == {MEMBER}


def test_nothing_is_opened_where_nothing_could_be_begun(bench: Bench) -> None:
    """It is refused at once: who waits would hold a place, and nothing moves."""
    others = add_files(bench, 2, held=[0, 1])
    files = [bench.hub.add(f"other{n}.safetensors", content(10 + n)) for n in range(3)]

    async def main() -> None:
        found = await opened(bench, others)
        with pytest.raises(OverloadedError, match="fetches are taken, all 2"):
            await opened(bench, files)
        assert bench.hub.reads == []
        assert tasks(bench) == 0
        let_go(bench)
        await contents(found)
        close(found)

    bench.run(main)


def test_what_is_here_is_begun_with(bench: Bench) -> None:
    """What is not finds a place when others have ended."""
    others = add_files(bench, 2, held=[0, 1])
    files = [bench.hub.add(f"other{n}.safetensors", content(10 + n)) for n in range(2)]
    bench.fill(files[0], content(10))

    async def main() -> None:
        held = await opened(bench, others)
        found = await opened(bench, files)
        assert [file.blob.is_verified for file in found] == [True, False]
        let_go(bench)
        assert await contents(found) == [content(10), content(11)]
        close([*held, *found])

    bench.run(main)


def test_a_pickle_that_finds_no_place_is_refused(bench: Bench) -> None:
    """Nobody can tell its header before it is converted."""
    others = add_files(bench, 2, held=[0, 1])
    here = bench.hub.add("here.safetensors", content(10))
    bench.fill(here, content(10))
    pickle = bench.hub.add("pytorch_model.bin", b"pickle" + content(11))

    async def main() -> None:
        held = await opened(bench, others)
        with pytest.raises(OverloadedError, match="fetches are taken"):
            await opened(bench, [here, pickle])
        let_go(bench)
        await contents(held)
        await eventually(lambda: bench.witness.is_idle)
        found = await opened(bench, [here, pickle])
        assert await contents(found) == [content(10), content(11)]
        close([*held, *found])

    bench.run(main)


@pytest.mark.parametrize("is_promised", [True, False])
def test_a_header_that_cannot_be_believed_opens_nothing(
    bench: Bench,
    is_promised: bool,  # noqa: FBT001 - a case
) -> None:
    """Whichever of the files has it, also one that is only promised; nothing stays open."""
    files = add_files(bench, 2, held=[0, 1] if is_promised else [0])
    files.append(bench.hub.add("lie.safetensors", b"\xff" * 100))

    async def main() -> None:
        with pytest.raises(InvalidCheckpointError, match="too many"):
            await opened(bench, files)
        await eventually(lambda: all(blob.readers == 0 for blob in bench.blobs.blobs()))
        let_go(bench)
        await eventually(lambda: bench.witness.is_idle)

    bench.run(main)


def test_another_header_than_was_promised_is_told_to_readers(bench: Bench) -> None:
    """They believe the first: what came is no file of theirs. The rest comes no more."""
    files = add_files(bench, 2, held=[0, 1])
    lie = bench.hub.add("2.safetensors", content(2))
    last = bench.hub.add("3.safetensors", content(3))

    async def main() -> None:
        found = await opened(bench, [*files, lie, last])
        promised = found[2].header
        bench.hub.origin_of(lie).content = safetensors_of({"x0": (100,)})
        let_go(bench)
        for file in found[2:]:
            error = await ended(file)
            assert isinstance(error, CorruptFileError)
            assert str(error).startswith("2.safetensors has another header than")
        assert found[2].blob.available_bytes == 0
        assert await contents(found[:2]) == [content(0), content(1)]
        close(found)
        # Nobody is told the same again.
        bench.hub.reads.clear()
        header = await bench.catalogue.header(lie, token=None)
        assert bench.hub.reads != []
        assert header != promised
        await eventually(lambda: bench.witness.is_idle)

    bench.run(main)
    assert all(blob.readers == 0 for blob in bench.blobs.blobs())


def test_what_ends_a_transfer_ends_those_that_wait_for_theirs(bench: Bench) -> None:
    """Each reader gets an error of its own, without frames."""
    files = add_files(bench, 5, held=[0, 1])
    bench.hub.origin_of(files[2]).failures = [ERROR]

    async def main() -> None:
        found = await opened(bench, files)
        let_go(bench)
        errors = [await ended(file) for file in found[2:]]
        assert [str(error) for error in errors] == [str(ERROR)] * 3
        assert len({id(error) for error in errors}) == 3
        assert all(error.__traceback__ is None for error in errors)
        assert await contents(found[:2]) == [content(0), content(1)]
        close(found)
        assert bench.hub.origin_of(files[3]).offsets == []

    bench.run(main)


def test_closing_in_the_middle_ends_those_that_wait(bench: Bench) -> None:
    """What is on its way goes on; nothing more begins."""
    files = add_files(bench, 4, held=range(4))

    async def main() -> None:
        found = await opened(bench, files)
        reading = asyncio.ensure_future(contents(found[2:3]))
        await bench.opening.close()
        with pytest.raises(ShuttingDownError):
            await reading
        for file in found[2:]:
            assert isinstance(await ended(file), ShuttingDownError)
        assert tasks(bench) == 0
        let_go(bench)
        assert await contents(found[:2]) == [content(0), content(1)]
        close(found)
        await bench.opening.close()

    bench.run(main)
    assert [bench.hub.origin_of(located).offsets for located in files] == [[0], [0], [], []]


@pytest.mark.parametrize("is_closed", [True, False])
def test_nothing_more_begins_for_readers_who_have_left(
    bench: Bench,
    is_closed: bool,  # noqa: FBT001 - a case
) -> None:
    """Whether they closed what they had or just have it no more."""
    files = add_files(bench, 4, held=[0, 1])

    async def main() -> None:
        found = await opened(bench, files)
        if is_closed:
            close(found)
        found.clear()
        await eventually(lambda: tasks(bench) == 0)
        let_go(bench)
        await eventually(lambda: bench.witness.is_idle)

    bench.run(main)
    assert [bench.hub.origin_of(located).offsets for located in files] == [[0], [0], [], []]


def test_a_reader_who_leaves_while_his_file_begins_leaves_nothing_open(bench: Bench) -> None:
    """The fetch goes on, as every fetch does."""
    files = add_files(bench, 3, held=[0, 1])
    origin = bench.hub.origin_of(files[2])
    origin.hold(4)

    async def main() -> None:
        found = await opened(bench, files)
        bench.hub.origin_of(files[0]).let_go()
        await run_thread(lambda: origin.wait_opened(1))
        found.clear()
        let_go(bench)
        await eventually(lambda: tasks(bench) == 0 and bench.witness.is_idle)
        assert [blob.readers for blob in bench.blobs.blobs()] == [0, 0, 0]

    bench.run(main)


def test_who_leaves_before_all_is_open_leaves_nothing_open(bench: Bench) -> None:
    """In the middle of waiting for a header."""
    files = add_files(bench, 2)
    for located in files:
        bench.hub.origin_of(located).hold(4)

    async def main() -> None:
        task = asyncio.ensure_future(opened(bench, files))
        await run_thread(lambda: bench.hub.origin_of(files[1]).wait_opened(1))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del task
        await eventually(lambda: all(blob.readers == 0 for blob in bench.blobs.blobs()))
        let_go(bench)
        await eventually(lambda: bench.witness.is_idle)

    bench.run(main)


def test_no_files_are_opened_at_once(bench: Bench) -> None:
    """A spec may pin none."""

    async def main() -> None:
        assert await opened(bench, []) == []

    bench.run(main)


def test_many_who_ask_share_what_is_brought(bench: Bench) -> None:
    """Each file is fetched once, whoever waits for it in his own turn."""
    files = add_files(bench, 5, held=range(5))

    async def main() -> None:
        crowd = [await opened(bench, files) for _ in range(4)]
        let_go(bench)
        found = await asyncio.gather(*map(contents, crowd))
        assert found == [[content(number) for number in range(5)]] * 4
        for one in crowd:
            close(one)
        await eventually(lambda: tasks(bench) == 0)

    bench.run(main)
    assert all(bench.hub.origin_of(located).offsets == [0] for located in files)


def test_a_file_may_be_wanted_twice(bench: Bench) -> None:
    """Under two paths, with the same content."""
    same = content(0)
    files = [bench.hub.add(f"{name}.safetensors", same) for name in ("a", "b")]

    async def main() -> None:
        found = await opened(bench, files)
        assert await contents(found) == [same, same]
        close(found)

    bench.run(main)
    assert bench.hub.origin_of(files[0]).offsets == [0]
