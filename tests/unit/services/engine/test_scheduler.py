"""The scheduler by itself: fairness, buffers, losses, races, whole tensors."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.engine import BufferPool, EngineOptions, Lease, Unobserved, Work
from services.engine.chunks import plan_chunks
from services.engine.scheduler import MOST_FAILURES, Scheduler
from services.engine.state import Attempt, DeviceState, Queue, Step
from services.errors import ChunkFailedError
from tests.engines import CHUNK_BYTES, Numbers
from weightbank.making import Making, Stages, Task
from weightbank.prepared import PreparedTensors

WINDOW_CHUNKS = 2


class Idle:
    """A device that is told to do nothing."""

    def __init__(
        self, name: str, *, lanes: int, is_local: bool, late_seconds: float | None
    ) -> None:
        self.name = name
        self.lanes = lanes
        self.is_local = is_local
        self.late_seconds = late_seconds

    @property
    def is_alive(self) -> bool:
        """Yes."""
        return True

    def start(self) -> None:
        """Be ready."""

    def make(self, work: Work, lease: Lease, *, lane: int) -> None:
        """Do nothing."""

    def interrupt(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Bench:
    """A scheduler with devices, whose lanes and clock are moved by the test."""

    def __init__(
        self,
        *,
        devices: int = 1,
        lanes: int = 1,
        is_local: bool = False,
        has_reserve: bool = False,
        late_seconds: float | None = None,
        streams: int = 4,
        buffers: int | None = None,
    ) -> None:
        self.states = [
            DeviceState(
                Idle(f"d{index}", lanes=lanes, is_local=is_local, late_seconds=late_seconds),
                is_up=True,
            )
            for index in range(devices)
        ]
        if has_reserve:
            reserve = Idle("cpu", lanes=1, is_local=True, late_seconds=None)
            self.states.append(DeviceState(reserve, is_reserve=True, is_up=True))
        options = EngineOptions(
            chunk_bytes=CHUNK_BYTES, window_chunks=WINDOW_CHUNKS, streams=streams
        )
        self.pool = options.pool(lanes=devices * lanes + has_reserve, is_shared=False)
        if buffers is not None:
            self.pool = BufferPool(buffer_bytes=CHUNK_BYTES, buffers=buffers)
        self.now = 0.0
        self.returned: deque[Queue] = deque()
        self.notified: list[Queue] = []
        self.scheduler = Scheduler(
            self.pool, self.states, observer=Unobserved(), returned=self.returned.append
        )

    def stream(self, chunks: int, *, first: int = 0) -> Queue:
        """Begin a stream of some chunks."""
        tasks = plan_chunks(
            [(first * CHUNK_BYTES, (first + chunks) * CHUNK_BYTES)],
            chunk_bytes=CHUNK_BYTES,
            first_chunk_bytes=CHUNK_BYTES,
        )
        queue = Queue(
            name="name",
            file=Numbers(),
            tasks=tasks,
            window_chunks=WINDOW_CHUNKS,
            notify=lambda: self.notified.append(queue),
            remaining_bytes=chunks * CHUNK_BYTES,
        )
        self.scheduler.add(queue)
        return queue

    def take(self, device: int = 0) -> Any:
        """What a lane of a device gets next."""
        self.count_returned()
        return self.scheduler.take(self.states[device], self.now)

    def make(self, attempt: Attempt) -> None:
        """Finish an attempt."""
        self.scheduler.made(attempt, self.now)

    def hand_over(self, queue: Queue) -> memoryview | None:
        """Give a reader its next chunk, if it is there."""
        if not queue.chunks or queue.chunks[0].view is None:
            return None
        chunk = queue.chunks.popleft()
        view, chunk.view = chunk.view, None
        return view

    def count_returned(self) -> None:
        """Count buffers that are back."""
        while self.returned:
            self.scheduler.buffer_returned(self.returned.popleft())


def index_of(attempt: Any) -> int:
    """The number of the chunk that an attempt is of."""
    assert isinstance(attempt, Attempt)
    return attempt.chunk.task.index


def test_streams_take_turns() -> None:
    """A huge one and small ones, whoever came first."""
    bench = Bench(streams=3)
    huge = bench.stream(10**9)
    served = []
    small: list[Queue] = []
    for turn in range(30):
        if turn == 10:
            small = [bench.stream(3), bench.stream(3)]
        attempt = bench.take()
        served.append("huge" if attempt.queue is huge else "small")
        queue = attempt.queue
        bench.make(attempt)
        del attempt
        bench.hand_over(queue)
    # Each of the three gets every third chunk, until the small ones are done.
    assert served[10:19].count("small") == 6
    assert served[19:] == ["huge"] * 11
    assert small[0].peek() is None


def test_idleness_saves_nothing_up() -> None:
    """A stream that could not take its turns has no claim to them afterwards."""
    bench = Bench()
    _, idle = bench.stream(100), bench.stream(100)
    hoarded = []
    for _ in range(60):
        attempt = bench.take()
        queue = attempt.queue
        bench.make(attempt)
        del attempt
        view = bench.hand_over(queue)
        if queue is idle:
            hoarded.append(view)
        del view
    assert len(hoarded) == WINDOW_CHUNKS + 2
    assert idle.is_starved
    hoarded.clear()
    served = []
    for _ in range(4):
        attempt = bench.take()
        served.append(attempt.queue is idle)
        queue = attempt.queue
        bench.make(attempt)
        del attempt
        bench.hand_over(queue)
    assert sorted(served) == [False, False, True, True]


def test_a_lost_head_finds_a_buffer_behind_a_full_window() -> None:
    """And behind a reader with full hands, in a pool with nothing to spare."""
    bench = Bench(devices=2, buffers=4, streams=1)
    queue = bench.stream(10)
    held = []
    for _ in range(2):
        bench.make(bench.take())
        held.append(bench.hand_over(queue))
    head, ahead = bench.take(0), bench.take(1)
    assert (index_of(head), index_of(ahead)) == (2, 3)
    bench.make(ahead)
    assert bench.take(1) is None
    bench.scheduler.lost(head, RuntimeError(), bench.now)
    del head, ahead
    again = bench.take(1)
    assert index_of(again) == 2
    bench.make(again)
    assert bench.hand_over(queue) is not None


def test_what_is_made_ahead_leaves_a_buffer_for_every_head() -> None:
    """However the pool is shared."""
    bench = Bench(devices=3, buffers=3, streams=3)
    streams = [bench.stream(10) for _ in range(3)]
    attempts = [bench.take(device) for device in range(3)]
    assert [index_of(attempt) for attempt in attempts] == [0, 0, 0]
    assert {attempt.queue for attempt in attempts} == set(streams)
    first = attempts.pop(0)
    bench.make(first)
    bench.hand_over(first.queue)
    del first
    # One buffer is free again, and it is for the head of the stream that was served.
    assert index_of(bench.take(0)) == 1


def test_a_suspect_runs_alone() -> None:
    """So that only the culprit is blamed for the third death."""
    bench = Bench(lanes=2)
    poison, good = bench.stream(5), bench.stream(5)
    device = bench.states[0]
    deaths = 0
    while poison.error is None:
        attempts = []
        while (attempt := bench.take()) is not None:
            attempts.append(attempt)
        assert attempts
        if any(attempt.queue is poison and index_of(attempt) == 0 for attempt in attempts):
            deaths += 1
            for attempt in attempts:
                bench.scheduler.lost(attempt, RuntimeError("died"), bench.now)
            device.is_up = True
            continue
        for attempt in attempts:
            bench.make(attempt)
            bench.hand_over(attempt.queue)
    assert deaths == MOST_FAILURES
    assert isinstance(poison.error, ChunkFailedError)
    assert good.error is None
    assert all(chunk.failures <= 1 for chunk in good.chunks)
    assert poison in bench.notified


def test_a_late_chunk_is_raced_on_another_device_alone() -> None:
    """Whichever comes first counts; the other's buffer comes back when it ends."""
    bench = Bench(devices=2, late_seconds=1.0)
    queue = bench.stream(1)
    late = bench.take(0)
    assert bench.take(1) is None
    bench.now = 0.9
    bench.scheduler.watch(bench.now, timeout_seconds=10)
    assert bench.take(1) is None
    bench.now = 1.0
    assert bench.scheduler.watch(bench.now, timeout_seconds=10) == []
    assert bench.take(0) is None, "not where it is late already"
    race = bench.take(1)
    assert race.chunk is late.chunk
    assert race.lease.offset != late.lease.offset
    bench.make(race)
    view = bench.hand_over(queue)
    assert view is not None
    assert view.obj is race.lease.view.obj
    del race, view
    bench.now = 10.0
    assert bench.scheduler.watch(bench.now, timeout_seconds=10) == [bench.states[0]]
    bench.scheduler.lost(late, RuntimeError("killed"), bench.now)
    del late
    bench.count_returned()
    assert (queue.lent, bench.pool.free) == (0, bench.pool.buffers)
    assert queue.error is None


def test_the_reserve_begins_chunks_while_all_others_hang() -> None:
    """As if they were down; their buffers do not count against the stream."""
    bench = Bench(lanes=2, has_reserve=True, late_seconds=1.0, streams=1)
    queue = bench.stream(30)
    hanging = [bench.take(0), bench.take(0)]
    assert bench.take(1) is None
    bench.now = 2.0
    bench.scheduler.watch(bench.now, timeout_seconds=10)
    for index in range(30):
        attempt = bench.take(1)
        assert index_of(attempt) == index
        bench.make(attempt)
        del attempt
        assert bench.hand_over(queue) is not None
    assert queue.remaining_bytes
    for attempt in hanging:
        bench.scheduler.lost(attempt, RuntimeError("killed"), bench.now)
    hanging.clear()
    del attempt
    bench.count_returned()
    assert (queue.lent, queue.late, bench.pool.free) == (0, 0, bench.pool.buffers)
    assert queue.error is None


def test_the_reserve_helps_where_others_cannot() -> None:
    """With what only this process can make, with losses, and when all are down."""
    bench = Bench(has_reserve=True)
    queue = bench.stream(10)
    assert bench.take(1) is None
    attempt = bench.take(0)
    bench.scheduler.unsuitable(attempt, bench.now)
    assert bench.take(0) is not attempt
    local = bench.take(1)
    assert index_of(local) == 0
    bench.make(local)
    del local, attempt
    assert bench.hand_over(queue) is not None
    bench.states[0].is_up = False
    assert index_of(bench.take(1)) == 2


def test_a_chunk_waits_for_its_tensor_and_offers_its_steps() -> None:
    """To lanes of this process alone; without a buffer meanwhile."""
    bench = Bench(is_local=True, devices=1, lanes=3)
    prepared = PreparedTensors()

    def stages() -> Stages:
        def steps() -> Task:
            yield
            yield

        yield [steps()]
        return np.zeros(3)

    queue = bench.stream(1)
    attempt = bench.take()
    flight = prepared.join("w", lambda: Making(stages()))
    waiting = bench.scheduler.wait_for(attempt, [flight], bench.now)
    assert waiting is not None
    chunk = attempt.chunk
    flight.add_done_callback(lambda: bench.scheduler.arrived(queue, chunk, waiting))
    del attempt
    bench.count_returned()
    assert queue.lent == 0
    steps = 0
    while isinstance(item := bench.take(), Step):
        assert item.flight is flight
        item.flight.step()
        steps += 1
        bench.scheduler.stepped(item, bench.now)
    assert steps == 3
    assert index_of(item) == 0
    bench.make(item)
    assert bench.hand_over(queue) is not None


def test_a_closed_stream_leaves_the_tensors_that_it_waited_for() -> None:
    """Nobody makes them any more."""
    bench = Bench(is_local=True)
    prepared = PreparedTensors()

    def stages() -> Stages:
        yield [iter([None, None])]
        return np.zeros(3)

    queue = bench.stream(1)
    making = Making(stages())
    assert bench.scheduler.wait_for(bench.take(), [prepared.join("w", lambda: making)], bench.now)
    bench.scheduler.remove(queue)
    assert bench.take() is None
    assert making.failed
    assert bench.pool.free == bench.pool.buffers


def test_a_chunk_that_nobody_wants_any_more_waits_for_nothing() -> None:
    """Its lane leaves the flights itself."""
    bench = Bench(is_local=True)
    queue = bench.stream(1)
    attempt = bench.take()
    bench.scheduler.remove(queue)
    assert not bench.scheduler.wait_for(attempt, [], bench.now)


@pytest.mark.parametrize("kind", ["local", "worker"])
@given(data=st.data())
def test_whatever_happens_every_stream_gets_its_chunks_in_order(
    kind: str, data: st.DataObject
) -> None:
    """And all buffers come back: with losses, failures, races and slow readers."""
    is_local = kind == "local"
    bench = Bench(
        devices=data.draw(st.integers(1, 3)),
        lanes=data.draw(st.integers(1, 2)),
        has_reserve=not is_local,
        is_local=is_local,
        late_seconds=1.0,
        streams=3,
    )
    lengths = data.draw(st.lists(st.integers(1, 8), min_size=1, max_size=3))
    streams = [bench.stream(chunks) for chunks in lengths]
    got: dict[Queue, list[int]] = {queue: [] for queue in streams}
    running: list[Attempt] = []
    held: deque[memoryview] = deque()
    for event in _events(data):
        bench.now += 0.4
        bench.scheduler.watch(bench.now, timeout_seconds=1e9)
        _happen(bench, event, running, data)
        for queue in streams:
            _read(bench, queue, got, held, is_slow=event == "slow")
    held.clear()
    for _ in range(200):
        _happen(bench, "made", running, data)
        for queue in streams:
            _read(bench, queue, got, held, is_slow=False)
    running.clear()
    held.clear()
    bench.count_returned()
    for queue, chunks in zip(streams, lengths, strict=True):
        whole = list(range(chunks))
        assert got[queue] == (whole if queue.error is None else whole[: len(got[queue])])
    for queue in streams:
        bench.scheduler.remove(queue)
    bench.count_returned()
    assert bench.pool.free == bench.pool.buffers


def _events(data: st.DataObject) -> Iterator[str]:
    kinds = st.sampled_from(["made", "made", "made", "lost", "failed", "slow", "up", "none"])
    yield from data.draw(st.lists(kinds, max_size=40))


def _happen(bench: Bench, event: str, running: list[Attempt], data: st.DataObject) -> None:
    """Let lanes take work, and one thing happen to what runs."""
    for number, state in enumerate(bench.states):
        if event in {"up", "made"}:
            state.is_up = True
        while len(state.running) < state.device.lanes:
            attempt = bench.take(number)
            if attempt is None:
                break
            running.append(attempt)
    if not running or event not in {"made", "lost", "failed"}:
        return
    at = data.draw(st.integers(0, len(running) - 1)) if event != "made" else 0
    attempt = running.pop(at)
    if event == "made":
        bench.scheduler.made(attempt, bench.now)
    elif event == "failed":
        bench.scheduler.failed(attempt, RuntimeError("failed"), bench.now)
    elif attempt.device.device.is_local:
        running.append(attempt)
    else:
        died = [attempt, *(other for other in running if other.device is attempt.device)]
        running[:] = [other for other in running if other.device is not attempt.device]
        for other in died:
            bench.scheduler.lost(other, RuntimeError("died"), bench.now)


def _read(
    bench: Bench,
    queue: Queue,
    got: dict[Queue, list[int]],
    held: "deque[memoryview]",
    *,
    is_slow: bool,
) -> None:
    """Take what is there; a server holds on to the last two chunks, or to more."""
    while queue.error is None and queue.chunks and queue.chunks[0].view is not None:
        got[queue].append(queue.chunks[0].task.index)
        view = bench.hand_over(queue)
        assert view is not None
        held.append(view)
        if is_slow:
            return
    while len(held) > (4 if is_slow else 0):
        held.popleft()
