"""Streams from a Ray cluster beside the threads of this process, and hosts that are lost.

    python -m benchmarks.ray

The second part needs root and network namespaces: two hosts that are one machine.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.machine import describe_machine
from services.devices.ray import RayDevice
from services.devices.threads import ThreadDevice
from services.engine import BufferPool, Device, Engine, EngineOptions, Work
from tests.engines import eventually
from tests.ray_cluster import ray_devices
from tests.ray_hosts import CUT, KILL, NOTHING, two_hosts, why_not
from tests.specs import file_of, parameter
from weightbank import CpuBackend, WeightsFile

RESULTS = Path(__file__).parent / "results" / "ray.md"
ACTORS = 2
ROUNDS = 5
CHUNKS = 20
HOST_ROUNDS = 5
HOST_MEGABYTES = 400
MIB = 2**20
HEAD = (
    "`python -m benchmarks.ray`. {machine} Ray's node is on the same cores as the server: it can "
    "gain nothing here, and shows what it costs."
)
STREAMS = (
    f"A stream of 1 GB of normals (float32), without HTTP, from {ACTORS} actors, {ROUNDS} times; "
    f"and from {ACTORS} threads (4 MiB, 2 ahead) before and after it:"
)
HOSTS = (
    f"Two hosts, one actor each, tokens on; a stream of {HOST_MEGABYTES} MB in chunks of 8 MiB, of "
    "which a quarter had come when it happened; late after 1 s, lost after 10 s; "
    f"{HOST_ROUNDS} clusters each:"
)

MakeDevices = Callable[[BufferPool], Sequence[Device]]


def large_file() -> WeightsFile:
    """A gigabyte of normals."""
    drawn = parameter([100_000, 2500], {"type": "normal", "std": 0.02}, "w")
    return file_of(drawn, seed=3, backend=CpuBackend())


def threads(_: BufferPool) -> Sequence[Device]:
    """As many threads as actors."""
    return [ThreadDevice("cpu", lanes=ACTORS, warm_up=CpuBackend().warm_up)]


def actors(pool: BufferPool) -> Sequence[Device]:
    """Actors on a node of this machine."""
    return ray_devices(pool, actors=ACTORS, late_seconds=60)


async def megabytes_per_second(make: MakeDevices, *, chunk_bytes: int, window: int) -> list[float]:
    """Return the speed of one stream, time and again."""
    options = EngineOptions(chunk_bytes=chunk_bytes, window_chunks=window, streams=1)
    pool = options.pool(lanes=2 * ACTORS + 1, is_shared=True)
    devices = make(pool)
    has_local = any(device.is_local for device in devices)
    reserve = None if has_local else ThreadDevice("header", lanes=1)
    engine = Engine(options, pool, devices, reserve=reserve)
    engine.start()
    speeds = []
    try:
        await eventually(lambda: all(device.is_up for device in engine.devices))
        file = large_file()
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            stream = engine.open(file, [(0, file.size_bytes)])
            while await stream.next_chunk() is not None:
                pass
            speeds.append(file.size_bytes / 1e6 / (time.perf_counter() - start))
            stream.close()
            await eventually(lambda: engine.streams == 0)
    finally:
        await asyncio.to_thread(engine.close)
    return speeds[1:]


async def beside_threads(*, chunk_bytes: int, window: int) -> tuple[list[float], list[float]]:
    """Return the speeds of actors, and those of threads before and after them."""
    before = await megabytes_per_second(threads, chunk_bytes=4 * MIB, window=2)
    made = await megabytes_per_second(actors, chunk_bytes=chunk_bytes, window=window)
    after = await megabytes_per_second(threads, chunk_bytes=4 * MIB, window=2)
    return made, before + after


def speeds() -> Iterator[str]:
    """Yield the lines of the table of speeds: of Ray, and of threads before and after it."""
    yield "| chunk | ahead | Ray: MB/s, median | slowest | fastest | threads: median | ratio |"
    yield "|---|---|---|---|---|---|---|"
    for mebibytes, window in ((4, 4), (32, 2), (32, 3), (32, 4), (64, 4)):
        made, peers = asyncio.run(beside_threads(chunk_bytes=mebibytes * MIB, window=window))
        ours, theirs = statistics.median(made), statistics.median(peers)
        yield (
            f"| {mebibytes} MiB | {window} | {ours:.0f} | {min(made):.0f} | {max(made):.0f} "
            f"| {theirs:.0f} | {ours / theirs:.2f} |"
        )


@contextmanager
def one_actor(pool: BufferPool) -> Iterator[RayDevice]:
    """Run one actor."""
    (device,) = ray_devices(pool, actors=1)
    device.start()
    try:
        yield device
    finally:
        device.close()


def milliseconds(*actions: Callable[[], None]) -> list[float]:
    """Return the median time of each action, done in turns after a first time."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(CHUNKS + 1):
        for action, taken in zip(actions, times, strict=True):
            start = time.perf_counter()
            action()
            taken.append((time.perf_counter() - start) * 1e3)
    return [statistics.median(taken[1:]) for taken in times]


def single_chunks() -> Iterator[str]:
    """Yield the lines of the table of single chunks, and of memory."""
    yield "| one chunk | by a thread, ms | through Ray, ms | ratio |"
    yield "|---|---|---|---|"
    file = large_file()
    pool = BufferPool(buffer_bytes=64 * MIB, buffers=1, is_shared=True)
    local = ThreadDevice("cpu", lanes=1)
    with one_actor(pool) as device:
        for mebibytes in (0.25, 4, 32, 64):
            start = len(file.header)
            work = Work(file, start, start + int(mebibytes * MIB))
            actions = [made_by(maker, work, pool) for maker in (local, device)]
            here, there = milliseconds(*actions)
            yield f"| {mebibytes} MiB | {here:.2f} | {there:.2f} | {there / here:.2f} |"
        assert device.bridge_pid is not None
        assert device.report is not None
        sizes = [peak_mebibytes(pid) for pid in (device.bridge_pid, device.report["pid"])]
        yield ""
        yield f"Most memory, shared pages included: bridge {sizes[0]} MiB, actor {sizes[1]} MiB."
    pool.close()


def made_by(device: Device, work: Work, pool: BufferPool) -> Callable[[], None]:
    """Return what has a device make a chunk into the pool's only buffer."""
    return lambda: device.make(work, pool.lend(lambda: None), lane=0)


def peak_mebibytes(pid: int) -> int:
    """Return the most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def lost_hosts() -> Iterator[str]:
    """Yield the lines of the table of hosts that are lost."""
    yield "| the second host is | longest gap, median s | longest of all, s | bytes identical |"
    yield "|---|---|---|---|"
    names = {NOTHING: "left alone", KILL: "killed (SIGKILL)", CUT: "cut off (packets are lost)"}
    for event, name in names.items():
        gaps, identical = [], 0
        for _ in range(HOST_ROUNDS):
            with two_hosts() as hosts:
                report = hosts.stream(megabytes=HOST_MEGABYTES, event=event)
            gaps.append(report["longest_gap_seconds"])
            identical += report["is_identical"]
        shown = f"{statistics.median(gaps):.2f} | {max(gaps):.2f}"
        yield f"| {name} | {shown} | {identical} of {HOST_ROUNDS} |"


def main() -> None:
    """Measure, print, and write the tables."""
    lines = ["# Chunks from a Ray cluster", "", HEAD.format(machine=describe_machine())]
    lines += [
        "",
        STREAMS,
        "",
        *speeds(),
        "",
        f"One chunk at a time, by a thread and through Ray in turns, median of {CHUNKS}:",
        "",
        *single_chunks(),
    ]
    reason = why_not()
    if reason is None:
        lines += ["", HOSTS, "", *lost_hosts()]
    else:
        lines += ["", f"No hosts were lost: {reason}."]
    text = "\n".join(lines) + "\n"
    print(text)
    RESULTS.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
