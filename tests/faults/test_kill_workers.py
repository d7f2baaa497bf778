"""Workers that die or hang in mid-stream: the bytes are the same, and only theirs wait.

The quick part of the faults: ``pytest -k kill tests/faults``.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.devices.process import ProcessDevice
from services.devices.threads import ThreadDevice
from services.engine import BufferPool, Engine, EngineOptions
from services.errors import ChunkFailedError
from tests.engines import CHUNK_BYTES, Witness, content_of, eventually
from tests.specs import file_of, parameter
from weightbank import CpuBackend, WeightsFile

MAKER = "tests.faults.faulty_maker:FaultyMaker"
POISON = 10 * CHUNK_BYTES


def file_at(seed: int, *, dtype: str = "float32", chunks: int = 30) -> WeightsFile:
    """A file of one tensor."""
    elements = chunks * CHUNK_BYTES // 4
    layers = [parameter([elements], {"type": "normal"}, "w")]
    return file_of(*layers, seed=seed, dtype=dtype, backend=CpuBackend())


def plan_for(file: WeightsFile, fault: str, **more: Any) -> dict[str, Any]:
    """The plan to fail at one chunk of a file."""
    dtype = file.layout.tensors[0].dtype.name
    return {"fault": fault, "dtype": dtype, "offset": POISON - len(file.header), **more}


def run(
    work: Callable[[Engine, Witness], Awaitable[None]],
    *,
    plan: dict[str, Any],
    workers: int = 2,
    has_reserve: bool = False,
    late_seconds: float | None = None,
    timeout_seconds: float = 30.0,
) -> None:
    """Run a test with workers that fail by plan."""

    def devices(pool: BufferPool) -> Sequence[ProcessDevice]:
        return [
            ProcessDevice(
                f"process:{index}",
                target=MAKER,
                argument=json.dumps(plan),
                pool=pool,
                late_seconds=late_seconds,
            )
            for index in range(workers)
        ]

    async def main() -> None:
        options = EngineOptions(chunk_bytes=CHUNK_BYTES, streams=4, timeout_seconds=timeout_seconds)
        pool = options.pool(lanes=8, is_shared=True)
        witness = Witness()
        # Headers can be made only in this process; the contract is tested elsewhere.
        reserve = ThreadDevice("cpu", lanes=1) if has_reserve else None
        engine = Engine(options, pool, devices(pool), reserve=reserve, observer=witness)
        engine.start()
        await eventually(lambda: all(device.is_up for device in engine.devices))
        try:
            await work(engine, witness)
            await eventually(lambda: engine.streams == 0)
            await eventually(lambda: pool.free == pool.buffers)
        finally:
            await asyncio.to_thread(engine.close)

    asyncio.run(main())


async def body_of(engine: Engine, file: WeightsFile) -> bytes:
    """A file without its header, which only this process can make."""
    return await content_of(engine, file, len(file.header))


def expected(file: WeightsFile) -> bytes:
    """What such a stream has to give."""
    return bytes(file.read(len(file.header), file.size_bytes))


@pytest.mark.parametrize("fault", ["segv", "exit", "hang", "raise"])
@pytest.mark.parametrize("workers", [1, 2])
def test_kill_of_a_worker_by_a_chunk_that_fails_once(
    tmp_path: Path, fault: str, workers: int
) -> None:
    """It is made again, there or elsewhere; two streams at once have their bytes."""
    files = [file_at(1), file_at(2, dtype="bfloat16")]
    plan = plan_for(files[0], fault, once=str(tmp_path / "once"))

    async def work(engine: Engine, witness: Witness) -> None:
        made = await asyncio.gather(*(body_of(engine, file) for file in files))
        assert made == [expected(file) for file in files]
        reasons = {reason for _, reason in witness.retries}
        assert reasons == {"failed" if fault == "raise" else "lost"}
        assert bool(witness.losses) == (fault != "raise")

    run(work, plan=plan, workers=workers, timeout_seconds=0.5 if fault == "hang" else 30)


@pytest.mark.parametrize("fault", ["segv", "raise"])
def test_kill_by_a_poison_chunk_ends_its_own_stream_alone(fault: str) -> None:
    """After three failures; a stream beside it loses nothing."""
    poison, good = file_at(1), file_at(2, dtype="bfloat16", chunks=200)

    async def work(engine: Engine, witness: Witness) -> None:
        failing, fine = await asyncio.gather(
            body_of(engine, poison), body_of(engine, good), return_exceptions=True
        )
        assert isinstance(failing, ChunkFailedError)
        assert fine == expected(good)
        assert len(witness.losses if fault == "segv" else witness.failures) == 3

    run(work, plan=plan_for(poison, fault))


def test_kill_by_a_poison_chunk_is_survived_in_reserve() -> None:
    """This process can make what no worker can: the client gets its bytes."""
    file = file_at(1)

    async def work(engine: Engine, witness: Witness) -> None:
        assert await body_of(engine, file) == expected(file)
        assert 1 <= len(witness.losses) <= 2

    run(work, plan=plan_for(file, "segv"), has_reserve=True)


def test_kill_of_a_late_chunk_is_not_waited_for(tmp_path: Path) -> None:
    """It is made elsewhere at once; the worker that hangs holds its buffer until it is dead."""
    file = file_at(1)
    plan = plan_for(file, "hang", once=str(tmp_path / "once"))

    async def work(engine: Engine, witness: Witness) -> None:
        assert await body_of(engine, file) == expected(file)
        assert [reason for _, reason in witness.retries][:1] == ["late"]
        await eventually(lambda: sum(bool(device.running) for device in engine.devices) == 1)
        assert witness.losses == []
        assert engine.streams == 1
        (hanging,) = (device for device in engine.devices if device.running)
        hanging.device.interrupt()
        await eventually(lambda: len(witness.losses) == 1)
        await eventually(lambda: all(device.is_up for device in engine.devices))

    run(work, plan=plan, late_seconds=0.05, timeout_seconds=600.0)


def test_kill_is_not_waited_for_when_all_workers_hang() -> None:
    """This process makes what they would, chunks that nobody had begun included."""
    file = file_at(1, chunks=60)
    plan = plan_for(file, "hang")

    async def work(engine: Engine, witness: Witness) -> None:
        assert await body_of(engine, file) == expected(file)
        assert witness.losses == []
        for device in engine.devices:
            if device.running:
                device.device.interrupt()

    run(
        work, plan={**plan, "offset": None}, has_reserve=True, late_seconds=0.1, timeout_seconds=600
    )
