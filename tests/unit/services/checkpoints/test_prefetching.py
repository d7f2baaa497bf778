"""Files fetched for nobody yet."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from services.checkpoints.prefetching import Progress
from services.errors import OverloadedError
from services.hub.errors import GatedRepositoryError, PickleRefusedError, UnknownFileError
from services.hub.located import LocatedFile
from tests.blobs import content_of
from tests.engines import eventually
from tests.unit.services.checkpoints.fakes import (
    MEMBER,
    NAME,
    Bench,
    bench_in,
    index_of,
    run_thread,
    safetensors_of,
)
from weightbank.stored import CheckpointName

CONTENT = safetensors_of({"a": (250,)})
CONFIG = b'{"architecture": "resnet50"}'
ERROR = GatedRepositoryError("repository", "owner/model", "is gated")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench that fetches two files ahead at one time."""
    with bench_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def located(bench: Bench) -> LocatedFile:
    """A checkpoint of one file."""
    return bench.hub.add("model.safetensors", CONTENT)


def add_shards(bench: Bench, count: int) -> list[LocatedFile]:
    """Have a checkpoint of several files."""
    shapes = {f"model-{number}.safetensors": {f"t{number}": (10,)} for number in range(count)}
    bench.hub.add("model.safetensors.index.json", index_of(shapes))
    return [bench.hub.add(path, safetensors_of(shape)) for path, shape in shapes.items()]


def add_alone(bench: Bench, repository: str) -> tuple[CheckpointName, LocatedFile]:
    """Have a checkpoint of one file in another repository."""
    located = bench.hub.add("model.safetensors", repository.encode(), repository=repository)
    return CheckpointName(repository), located


async def settled(bench: Bench) -> None:
    """Wait until nothing is fetched, and what was is kept for good."""
    await eventually(lambda: not bench.prefetching._tasks and bench.witness.is_idle)


async def begin(bench: Bench, *, pinned: bool | None = None) -> Progress:
    """Ask for the checkpoint."""
    return await bench.prefetching.begin(NAME, token=MEMBER, pinned=pinned)


async def fetched(bench: Bench) -> Progress:
    """Ask for the checkpoint until all is here."""
    while not (progress := await begin(bench)).is_complete:
        assert {file.state for file in progress.files} <= {"waiting", "fetching", "complete"}
        await settled(bench)
    return progress


def states(progress: Progress) -> list[str]:
    """How far the files are, in their order."""
    return [file.state for file in progress.files]


def test_what_is_asked_for_is_fetched(bench: Bench, located: LocatedFile) -> None:
    """By the caller's rights, once, and in the end all is here."""

    async def main() -> None:
        first = await begin(bench)
        assert states(first) == ["waiting"]
        assert not first.is_complete
        assert (first.arrived_bytes, first.size_bytes) == (0, len(CONTENT))
        done = await fetched(bench)
        assert states(done) == ["complete"]
        assert done.arrived_bytes == done.size_bytes == len(CONTENT)

    bench.run(main)
    assert bench.hub.origin_of(located).offsets == [0]
    assert set(bench.hub.tokens) == {MEMBER}


def test_progress_is_told_while_it_goes_on(bench: Bench, located: LocatedFile) -> None:
    """Who asks again begins nothing again."""
    origin = bench.hub.origin_of(located)
    origin.hold(500)

    async def main() -> None:
        await begin(bench)

        await eventually(lambda: [blob.arrived_bytes for blob in bench.blobs.blobs()] == [500])
        progress = await begin(bench)
        assert (states(progress), progress.arrived_bytes) == (["fetching"], 500)
        assert len(bench.prefetching._tasks) == 1
        origin.let_go()
        await fetched(bench)

    bench.run(main)
    assert origin.offsets == [0]


def test_what_is_here_is_not_fetched(bench: Bench, located: LocatedFile) -> None:
    """Nobody is asked for its bytes."""
    bench.fill(located, CONTENT)

    async def main() -> None:
        assert (await begin(bench)).is_complete
        assert bench.prefetching._tasks == {}

    bench.run(main)
    assert bench.hub.origin_of(located).offsets == []


def test_what_describes_a_checkpoint_is_fetched_with_it(bench: Bench) -> None:
    """Its index and its configuration: without the Hub, all of them are needed."""
    add_shards(bench, 2)
    bench.hub.add("config.json", CONFIG)
    bench.hub.add("README.md", b"a model")

    async def main() -> None:
        progress = await fetched(bench)
        assert [file.located.file.path for file in progress.files] == [
            "model-0.safetensors",
            "model-1.safetensors",
            "model.safetensors.index.json",
            "config.json",
        ]

    bench.run(main)
    assert len(bench.blobs.blobs()) == 4


def test_a_few_files_are_fetched_at_one_time(bench: Bench) -> None:
    """Of all checkpoints together, so that others find places for theirs."""
    files = add_shards(bench, 4)
    origins = [bench.hub.origin_of(located) for located in files]
    for origin in origins:
        origin.hold(10)

    async def main() -> None:
        await begin(bench)
        for pair in (origins[:2], origins[2:]):
            for origin in pair:
                await run_thread(partial(origin.wait_opened, 1))
            assert sum(origin.open_transfers for origin in origins) == 2
            for origin in pair:
                origin.let_go()
        await fetched(bench)

    bench.run(main)


def test_a_fetch_that_finds_no_place_is_tried_again(tmp_path: Path) -> None:
    """As soon as others have ended theirs."""
    with bench_in(tmp_path, fetches=1) as bench:
        other = bench.hub.add("other.safetensors", content_of(100))
        located = bench.hub.add("model.safetensors", CONTENT)
        bench.hub.origin_of(other).hold(10)

        async def main() -> None:
            with await bench.store.open(other, token=None):
                await begin(bench)
                for _ in range(3):
                    await asyncio.sleep(0)
                assert states(await begin(bench)) == ["waiting"]
                assert bench.hub.origin_of(located).offsets == []
                bench.hub.origin_of(other).let_go()
                await fetched(bench)

        bench.run(main)


def test_a_failure_is_told_once_and_then_tried_again(bench: Bench, located: LocatedFile) -> None:
    """In words; who asks after that begins anew."""
    origin = bench.hub.origin_of(located)
    origin.failures = [ERROR]

    async def main() -> None:
        await begin(bench)
        await eventually(lambda: bool(bench.prefetching._failures))
        (error,) = bench.prefetching._failures.values()
        assert error.__traceback__ is None
        failed = await begin(bench)
        assert states(failed) == ["failed"]
        assert failed.files[0].error == str(ERROR)
        assert origin.offsets == [0]
        done = await fetched(bench)
        assert done.files[0].error == ""

    bench.run(main)
    assert origin.offsets == [0, 0]


def test_files_fail_each_for_themselves(bench: Bench) -> None:
    """The others go on."""
    files = add_shards(bench, 2)
    bench.hub.origin_of(files[0]).failures = [ERROR]

    async def main() -> None:
        await begin(bench)
        await settled(bench)
        assert states(await begin(bench)) == ["failed", "complete", "complete"]

    bench.run(main)


def test_a_failure_of_ours_is_raised(bench: Bench, located: LocatedFile) -> None:
    """To the next who asks, once: it says nothing to a client, and belongs in the log."""
    bench.hub.origin_of(located).failures = [OSError("disk on fire")]

    async def main() -> None:
        await begin(bench)
        await eventually(lambda: bool(bench.prefetching._failures))
        with pytest.raises(OSError, match="disk on fire"):
            await begin(bench)
        await fetched(bench)

    bench.run(main)


def test_an_old_failure_is_not_told_of_what_is_here(bench: Bench, located: LocatedFile) -> None:
    """Others may have fetched it since; and it is forgotten."""
    bench.hub.origin_of(located).failures = [ERROR]

    async def main() -> None:
        await begin(bench)
        await eventually(lambda: bool(bench.prefetching._failures))
        bench.fill(located, CONTENT)
        assert states(await begin(bench)) == ["complete"]
        assert bench.prefetching._failures == {}

    bench.run(main)


def test_failures_are_remembered_up_to_a_bound(tmp_path: Path) -> None:
    """Those of longest ago are forgotten, and tried again as if they were new."""
    with bench_in(tmp_path, prefetches=2) as bench:

        async def main() -> None:
            names = []
            for number in range(3):
                name, located = add_alone(bench, f"owner/model{number}")
                names.append(name)
                bench.hub.origin_of(located).failures = [ERROR]
                await bench.prefetching.begin(name, token=None)
                await settled(bench)
            told = []
            for name in names:
                told.extend(states(await bench.prefetching.begin(name, token=None)))
                await settled(bench)
            assert [state == "failed" for state in told] == [False, True, True]

        bench.run(main)


@pytest.mark.parametrize("is_here", [True, False])
def test_what_is_pinned_stays_from_then_on(
    bench: Bench,
    located: LocatedFile,
    is_here: bool,  # noqa: FBT001 - a case
) -> None:
    """Also if not a byte of it is here yet; and until that is taken back."""
    config = bench.hub.add("config.json", CONFIG)
    if is_here:
        bench.fill(located, CONTENT)

    def pinned() -> set[str]:
        return {blob.hash for blob in bench.blobs.blobs() if blob.is_pinned}

    async def main() -> None:
        bench.hub.origin_of(located).hold(0)
        await begin(bench, pinned=True)
        bench.hub.origin_of(located).let_go()
        await fetched(bench)
        assert pinned() == {located.file.hash, config.file.hash}
        await begin(bench, pinned=None)
        assert len(pinned()) == 2
        await begin(bench, pinned=False)
        assert pinned() == set()

    bench.run(main)


def test_more_files_than_may_wait_are_refused(tmp_path: Path) -> None:
    """All of a checkpoint or none; those that wait already go on."""
    with bench_in(tmp_path, prefetches=3) as bench:
        other, first = add_alone(bench, "owner/other")
        add_shards(bench, 3)
        bench.hub.origin_of(first).hold(0)

        async def main() -> None:
            await bench.prefetching.begin(other, token=None)
            with pytest.raises(OverloadedError, match="places for fetches ahead are taken, all 3"):
                await begin(bench, pinned=True)
            assert list(bench.prefetching._tasks) == [first.file.hash]
            await bench.prefetching.begin(other, token=None)
            bench.hub.origin_of(first).let_go()
            await settled(bench)
            await fetched(bench)

        bench.run(main)
        assert not any(blob.is_pinned for blob in bench.blobs.blobs())


def test_a_failure_is_not_lost_where_the_rest_is_refused(tmp_path: Path) -> None:
    """It is told as soon as something is told."""
    with bench_in(tmp_path, prefetches=3) as bench:
        files = add_shards(bench, 2)
        bench.hub.origin_of(files[0]).failures = [ERROR]
        others = [add_alone(bench, f"owner/other{number}") for number in range(3)]

        async def main() -> None:
            await begin(bench)
            await settled(bench)
            bench.blobs.remove(files[1].file.hash)
            for name, located in others:
                bench.hub.origin_of(located).hold(0)
                await bench.prefetching.begin(name, token=None)
            with pytest.raises(OverloadedError):
                await begin(bench)
            for _, located in others:
                bench.hub.origin_of(located).let_go()
            await settled(bench)
            assert states(await begin(bench)) == ["failed", "waiting", "complete"]
            await settled(bench)

        bench.run(main)


@pytest.mark.parametrize("policy", ["refuse", "convert"])
def test_a_pickle_is_fetched_where_pickles_are_let_in(tmp_path: Path, policy: str) -> None:
    """Otherwise nothing of it is."""
    with bench_in(tmp_path, policy=policy) as bench:
        bench.hub.add("pytorch_model.bin", b"pickle")

        async def main() -> None:
            if policy == "refuse":
                with pytest.raises(PickleRefusedError):
                    await begin(bench)
            else:
                await fetched(bench)

        bench.run(main)
        assert len(bench.blobs.blobs()) == (policy == "convert")


def test_what_there_is_not_is_not_fetched(bench: Bench) -> None:
    """The same words as everywhere."""
    bench.hub.add("README.md", b"a model")

    async def main() -> None:
        with pytest.raises(UnknownFileError):
            await begin(bench)

    bench.run(main)


def test_closing_ends_what_waits_and_what_runs(bench: Bench) -> None:
    """No task is left, and nobody has complained."""
    files = add_shards(bench, 4)
    complaints: list[object] = []
    for located in files:
        bench.hub.origin_of(located).hold(10)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
        await begin(bench)
        await run_thread(lambda: bench.hub.origin_of(files[1]).wait_opened(1))
        await bench.prefetching.close()
        await eventually(lambda: not bench.prefetching._tasks)
        assert bench.prefetching._failures == {}

    bench.run(main)
    assert complaints == []
