"""Actors on a Ray cluster: their bytes, and whatever can be killed."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from services.devices.threads import ThreadDevice
from services.engine import BufferPool, Engine, EngineOptions, Reason, Stream, Unobserved
from tests.engines import CHUNK_BYTES, eventually
from tests.ports import free_port
from tests.ray_cluster import head_node, ray_address, ray_devices
from tests.specs import file_of, parameter
from weightbank import CpuBackend, WeightsFile

LATE_SECONDS = 0.5
TIMEOUT_SECONDS = 2.0


class Recorder(Unobserved):
    """Remembers what an engine tells."""

    def __init__(self) -> None:
        self.retries: list[tuple[str, Reason]] = []
        self.losses: list[tuple[str, str]] = []

    def retried(self, device: str, reason: Reason, *, stream: str) -> None:
        """Remember it."""
        del stream
        self.retries.append((device, reason))

    def went_down(self, device: str, error: Exception) -> None:
        """Remember it."""
        self.losses.append((device, str(error)))


class Running:
    """An engine of two actors that are up, in a loop of its own."""

    def __init__(self, **options_of_ray: str) -> None:
        options = EngineOptions(
            chunk_bytes=CHUNK_BYTES, streams=4, timeout_seconds=TIMEOUT_SECONDS, window_chunks=4
        )
        pool = options.pool(lanes=6, is_shared=True)
        self.loop = asyncio.new_event_loop()
        self.devices = ray_devices(pool, late_seconds=LATE_SECONDS, **options_of_ray)
        self.observer = Recorder()
        self.engine = self.loop.run_until_complete(self._begin(options, pool))

    async def _begin(self, options: EngineOptions, pool: BufferPool) -> Engine:
        reserve = ThreadDevice("cpu", lanes=1)
        engine = Engine(options, pool, self.devices, reserve=reserve, observer=self.observer)
        engine.start()
        return engine

    def pids(self) -> list[int]:
        """Process ids of the actors, once both are up."""

        async def wait() -> None:
            await eventually(lambda: all(device.is_up for device in self.engine.devices))

        self.loop.run_until_complete(wait())
        return [device.report["pid"] for device in self.devices if device.report]

    def content(self, file: WeightsFile, *, on_chunk: dict[int, Callable[[], None]]) -> bytes:
        """Stream a file; call what is given when so many chunks have come."""

        async def read(stream: Stream) -> bytes:
            content, chunks = bytearray(), 0
            while (chunk := await stream.next_chunk()) is not None:
                content += chunk.view
                del chunk
                chunks += 1
                on_chunk.get(chunks, lambda: None)()
            return bytes(content)

        async def main() -> bytes:
            stream = self.engine.open(file, [(0, file.size_bytes)])
            try:
                return await read(stream)
            finally:
                stream.close()

        return self.loop.run_until_complete(main())

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Turn the loop until something holds."""
        self.loop.run_until_complete(eventually(holds))

    def close(self) -> None:
        """End everything."""
        self.engine.close()
        self.loop.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    """An engine whose devices come back after each test."""
    running = Running()
    yield running
    running.close()


@pytest.fixture
def running(shared: Running) -> Running:
    """The same, up, and with a clean record."""
    shared.pids()
    shared.observer.retries.clear()
    shared.observer.losses.clear()
    return shared


def file_in(dtype: str, *, rows: int = 400) -> WeightsFile:
    """A file of most kinds of values, chunks of which need no help of this process."""
    return file_of(
        parameter([rows, 10_000], {"type": "normal", "std": 0.02}, "normal"),
        parameter([300, 700], {"type": "uniform", "a": -1, "b": 2}, "uniform"),
        parameter([400, 500], {"type": "trunc_normal", "a": -1.5, "b": 2}, "truncated"),
        parameter([300, 300], "eye", "eye"),
        parameter([200_001], "ones", "ones"),
        seed=5,
        dtype=dtype,
        backend=CpuBackend(),
    )


def expected(file: WeightsFile) -> bytes:
    """All bytes, made here."""
    return bytes(file.read(0, file.size_bytes))


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_the_bytes_are_those_of_this_process(running: Running, dtype: str) -> None:
    """In each dtype, and both actors take part."""
    file = file_in(dtype)
    assert running.content(file, on_chunk={}) == expected(file)
    states = [device for device in running.engine.devices if not device.is_reserve]
    assert all(state.busy_seconds > 0 for state in states)
    assert running.observer.losses == []


def test_an_actor_that_is_killed_costs_no_byte(running: Running) -> None:
    """Its chunks are made elsewhere, and a new actor comes."""
    file = file_in("float32", rows=2000)
    killed, other = running.pids()
    content = running.content(file, on_chunk={5: lambda: os.kill(killed, signal.SIGKILL)})
    assert content == expected(file)
    running.wait_until(lambda: bool(running.observer.losses))
    assert {device for device, _ in running.observer.losses} == {"ray:0"}
    new, same = running.pids()
    assert new != killed
    assert same == other, "one actor's loss is not another's"


def test_an_actor_that_is_late_is_raced_and_then_replaced(running: Running) -> None:
    """A stopped process: neither dead nor alive."""
    file = file_in("float32", rows=2000)
    stopped, other = running.pids()
    content = running.content(file, on_chunk={5: lambda: os.kill(stopped, signal.SIGSTOP)})
    assert content == expected(file)
    assert ("ray:0", "late") in running.observer.retries
    running.wait_until(lambda: bool(running.observer.losses))
    assert "did not answer in time" in running.observer.losses[0][1]
    new, same = running.pids()
    assert new != stopped
    assert same == other
    running.wait_until(lambda: is_gone(stopped))


def test_a_bridge_that_hangs_costs_no_byte(running: Running) -> None:
    """It is killed then; the reserve goes on meanwhile, and it comes back."""
    file = file_in("float32", rows=2000)
    before = running.devices[0].bridge_pid
    assert before is not None
    pids = running.pids()
    content = running.content(file, on_chunk={5: lambda: os.kill(before, signal.SIGSTOP)})
    assert content == expected(file)
    running.wait_until(lambda: is_gone(before))
    running.wait_until(lambda: all(is_gone(pid) for pid in pids))
    assert running.pids() != pids
    assert {device.bridge_pid for device in running.devices}.isdisjoint({before, None})
    assert running.content(file, on_chunk={}) == content


@pytest.mark.slow
def test_a_cluster_that_was_started_anew_is_found_again() -> None:
    """It has the same address, and knows nothing of who was connected before."""
    ray_address()  # for the token
    port = free_port()
    node = head_node(port)
    running = Running(address=f"127.0.0.1:{port}")
    try:
        before = running.pids()
        node.kill()
        # Nobody asks for chunks now: actors are asked for a sign of life.
        running.wait_until(lambda: len({device for device, _ in running.observer.losses}) == 2)
        file = file_in("float32")
        assert running.content(file, on_chunk={}) == expected(file), "the reserve makes it"
        node.stop()
        node = head_node(port)
        assert set(running.pids()).isdisjoint(before)
        assert running.content(file, on_chunk={}) == expected(file)
    finally:
        running.close()
        node.stop()


def test_nothing_is_left_when_an_engine_ends() -> None:
    """Neither the bridge nor the actors, though the cluster stays."""
    running = Running()
    pids = [*running.pids(), running.devices[0].bridge_pid]
    running.engine.close()
    running.wait_until(lambda: all(pid is None or is_gone(pid) for pid in pids))
    running.close()


def test_an_engine_ends_while_its_actors_are_still_to_come() -> None:
    """Without the bridge, whatever that was waiting for."""
    running = Running()
    running.wait_until(lambda: running.devices[0].bridge_pid is not None)
    pid = running.devices[0].bridge_pid
    assert pid is not None
    running.close()
    assert is_gone(pid)
