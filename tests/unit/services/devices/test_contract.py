"""What holds for every kind of device: the bytes, the buffers, the end."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from services.devices.process import ProcessDevice
from services.devices.threads import ThreadDevice
from services.engine import BufferPool, Device, Engine, EngineOptions, UnsuitableError, Work
from tests.engines import CHUNK_BYTES, content_of, eventually
from tests.ray_cluster import ray_devices, skip_without_ray
from tests.specs import file_of, parameter
from weightbank import CpuBackend, WeightsFile

DTYPES = ("float32", "float64", "bfloat16", "float16")
MakeDevices = Callable[[BufferPool], Sequence[Device]]


def threads(_: BufferPool) -> Sequence[Device]:
    """Two lanes of this process."""
    return [ThreadDevice("cpu", lanes=2)]


def processes(pool: BufferPool) -> Sequence[Device]:
    """Two worker processes."""
    return [
        ProcessDevice(
            f"process:{index}",
            target="services.devices.makers:CpuMaker",
            pool=pool,
            late_seconds=None,
        )
        for index in range(2)
    ]


def mixed(pool: BufferPool) -> Sequence[Device]:
    """Threads and a process side by side."""
    return [*threads(pool), processes(pool)[0]]


def ray(pool: BufferPool) -> Sequence[Device]:
    """Two actors on a cluster of this machine."""
    skip_without_ray()
    return ray_devices(pool)


KINDS: dict[str, MakeDevices] = {
    "threads": threads,
    "processes": processes,
    "mixed": mixed,
    "ray": ray,
}


def large_file(dtype: str) -> WeightsFile:
    """A file of every kind of values, in many chunks."""
    return file_of(
        parameter([700, 600], {"type": "normal", "std": 0.02}, "normal"),
        parameter([300, 700], {"type": "uniform", "a": -1, "b": 2}, "uniform"),
        parameter([400, 500], {"type": "trunc_normal", "a": -1.5, "b": 2}, "truncated"),
        parameter([200, 300], "orthogonal", "orthogonal"),
        parameter([300, 200], {"type": "sparse", "sparsity": 0.5}, "sparse"),
        parameter([300, 300], "eye", "eye"),
        parameter([200_001], "ones", "ones"),
        *(parameter([3], {"type": "normal"}, f"small{index}") for index in range(200)),
        {"name": "bn", "type": "BatchNorm1d", "num_features": 7},
        seed=5,
        dtype=dtype,
        backend=CpuBackend(),
    )


@pytest.fixture(scope="module", params=sorted(KINDS))
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[Engine, Any]]:
    """An engine of one kind of device, up, with this process in reserve."""
    loop = asyncio.new_event_loop()
    options = EngineOptions(chunk_bytes=CHUNK_BYTES, streams=8)
    pool = options.pool(lanes=8, is_shared=True)
    devices = KINDS[request.param](pool)
    has_local = any(device.is_local for device in devices)
    reserve = None if has_local else ThreadDevice("cpu", lanes=1)

    async def begin() -> Engine:
        engine = Engine(options, pool, devices, reserve=reserve)
        engine.start()
        await eventually(lambda: all(device.is_up for device in engine.devices))
        return engine

    engine = loop.run_until_complete(begin())
    yield engine, loop
    engine.close()
    loop.close()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bytes_are_those_of_this_process(engine: tuple[Engine, Any], dtype: str) -> None:
    """Whatever made them, in each dtype."""
    running, loop = engine
    file = large_file(dtype)
    made = loop.run_until_complete(content_of(running, file, 0, file.size_bytes))
    assert made == bytes(file.read(0, file.size_bytes))


def test_any_range_is_the_same_part(engine: tuple[Engine, Any]) -> None:
    """Wherever it begins and ends, several at a time."""
    running, loop = engine
    file = large_file("bfloat16")
    size = file.size_bytes
    spans = [(0, size - 1), (1, size), (10_001, 700_003), (size // 3, size // 2), (size - 9, size)]

    async def all_at_once() -> list[bytes]:
        return await asyncio.gather(*(content_of(running, file, *span) for span in spans))

    made = loop.run_until_complete(all_at_once())
    assert made == [bytes(file.read(*span)) for span in spans]
    loop.run_until_complete(eventually(lambda: running.streams == 0))
    assert running.pool.free == running.pool.buffers


def test_every_device_takes_part(engine: tuple[Engine, Any]) -> None:
    """None is idle while there is enough to do for all."""
    running, loop = engine
    file = file_of(parameter([40_000, 500], {"type": "normal"}, "w"), seed=1, backend=CpuBackend())

    async def streams() -> None:
        await asyncio.gather(*(content_of(running, file, 0, file.size_bytes) for _ in range(4)))

    loop.run_until_complete(streams())
    assert all(device.busy_seconds > 0 for device in running.devices if not device.is_reserve)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_device_writes_what_was_asked_for_and_no_more(kind: str) -> None:
    """The rest of a buffer stays as it was."""
    pool = BufferPool(buffer_bytes=CHUNK_BYTES, buffers=2, is_shared=True)
    file = file_of(parameter([1000], {"type": "normal"}, "w"), seed=1, backend=CpuBackend())
    start = len(file.header)
    for device in KINDS[kind](pool):
        device.start()
        try:
            lease = pool.lend(lambda: None)
            lease.view[:] = b"?" * CHUNK_BYTES
            device.make(Work(file, start, start + 1001), lease, lane=device.lanes - 1)
            assert bytes(lease.view[:1001]) == bytes(file.read(start, start + 1001))
            assert set(lease.view[1001:]) == {ord("?")}
            del lease
        finally:
            device.close()
    pool.close()


@pytest.mark.parametrize("wanted", ["header", "orthogonal", "many"])
def test_what_only_this_process_can_make_is_not_sent_away(wanted: str) -> None:
    """Headers, tensors that are kept whole, and crowds of tiny tensors."""
    pool = BufferPool(buffer_bytes=CHUNK_BYTES, buffers=1, is_shared=True)
    tensors = {
        "header": [parameter([8], {"type": "normal"}, "w")],
        "orthogonal": [parameter([8, 8], "orthogonal", "w")],
        "many": [parameter([1], {"type": "normal"}, f"w{index}") for index in range(100)],
    }
    file = file_of(*tensors[wanted], seed=1, backend=CpuBackend())
    start = 0 if wanted == "header" else len(file.header)
    device = processes(pool)[0]
    with pytest.raises(UnsuitableError):
        device.make(Work(file, start, file.size_bytes), pool.lend(lambda: None), lane=0)
    pool.close()


def test_a_worker_process_ends_with_its_device() -> None:
    """Whether it was ready or not."""
    pool = BufferPool(buffer_bytes=CHUNK_BYTES, buffers=1, is_shared=True)
    device = processes(pool)[0]
    assert isinstance(device, ProcessDevice)
    device.start()
    pid = device.pid
    assert pid is not None
    device.start()
    assert device.pid != pid, "a second start is a new process"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    last = device.pid
    assert last is not None
    device.close()
    assert device.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)
    pool.close()
