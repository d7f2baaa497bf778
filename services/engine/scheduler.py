"""Who is next: streams share devices fairly, and lose no chunk.

Theory of operation: this is a state machine without threads, clocks or locks of its
own; ``crew.py`` calls it with a lock held, and lanes ask it for work.

Fairness. Each stream has a virtual time, the bytes it was given. A lane takes the
stream that is furthest behind; one that was idle starts at the present, so that it
has saved up nothing. So a stream of terabytes and a small one take turns.

Buffers. A stream has at most its window in the making and two with its reader. Its
head, the chunk that its reader gets next, always finds a place: whatever is made
ahead leaves one for it, in the stream's share and in the pool. Without that, a
chunk lost behind a full window would wait for ever.

Loss. A chunk whose device died is made again, elsewhere or there. It is a suspect
now: on a device whose lanes die together it runs alone, so that a chunk that kills
its device brings down no other stream, and after three failures its own. A chunk
that is late is made a second time elsewhere, into another buffer; whichever comes
first counts, and the other's buffer is free once its device is done or dead.

Whole tensors. A chunk that needs one waits for it without a buffer, and its stream
offers the tensor's steps instead; lanes of this process take them like chunks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from services.engine.buffers import BufferPool
from services.engine.observer import FAILED, LATE, LOST, Observer, Reason
from services.engine.state import Attempt, ChunkState, DeviceState, Queue, Step
from services.engine.waiting import Waiting
from services.errors import ChunkFailedError
from weightbank.errors import WeightbankError
from weightbank.prepared import Flight

_WHOLE_TENSORS = "whole tensors"
MOST_FAILURES = 3
"""Failures of one chunk that end its stream."""

_BYTES_PER_SECOND = 10**9
"""What a second's work on a whole tensor counts as, on the clock of bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What open streams wait for.

    Attributes:
        waiting_chunks: Chunks that they could take now and that no device has begun.
        remaining_bytes: Bytes that were not handed to their readers yet.
    """

    waiting_chunks: int
    remaining_bytes: int


class Scheduler:
    """Decides what each lane does next. Not thread-safe."""

    def __init__(
        self,
        pool: BufferPool,
        devices: Sequence[DeviceState],
        *,
        observer: Observer,
        returned: Callable[[Queue], None],
    ) -> None:
        """Begin without streams.

        Args:
            pool: Where buffers come from.
            devices: All there are.
            observer: Told what happens.
            returned: Called from any thread when a buffer of a stream is back;
                has to bring about a call of ``buffer_returned``.
        """
        self._pool = pool
        self._devices = devices
        self._observer = observer
        self._returned = returned
        self._queues: dict[Queue, None] = {}
        self._virtual_time = 0.0

    def backlog(self) -> Backlog:
        """Return what open streams wait for."""
        return Backlog(
            waiting_chunks=sum(queue.waiting_chunks for queue in self._queues),
            remaining_bytes=sum(queue.remaining_bytes for queue in self._queues),
        )

    def add(self, queue: Queue) -> None:
        """Begin to serve a stream."""
        queue.virtual_time = self._virtual_time
        self._queues[queue] = None

    def remove(self, queue: Queue) -> None:
        """Serve a stream no more. May be called more than once."""
        queue.is_closed = True
        self._queues.pop(queue, None)
        for chunk in queue.clear():
            chunk.view = None
            chunk.stop_waiting()

    def buffer_returned(self, queue: Queue) -> None:
        """Count a buffer that is back."""
        queue.lent -= 1

    # --- what a lane does next

    def take(self, device: DeviceState, now: float) -> Attempt | Step | None:
        """Return the next work of a device's lane, which has begun then."""
        if not device.is_up or device.is_alone:
            return None
        best: tuple[Queue, ChunkState | Flight | None] | None = None
        for queue in self._queues:
            if best is None or queue.virtual_time < best[0].virtual_time:
                found, item = self._offer(queue, device)
                if found:
                    best = queue, item
        if best is None:
            return None
        queue, item = best
        if isinstance(item, Flight):
            return self._begin_step(queue, item, device, now)
        return self._begin_chunk(queue, item, device, now)

    def _offer(self, queue: Queue, device: DeviceState) -> tuple[bool, ChunkState | Flight | None]:
        """Return whether a stream has work for a device, and which; None is a new chunk."""
        if queue.error is not None:
            return False, None
        for chunk in queue.again:
            if _suits(chunk, device) and self._has_room(queue, chunk):
                return True, chunk
        if device.device.is_local:
            for chunk in queue.chunks:
                flight = None if chunk.waiting is None else chunk.waiting.ready()
                if flight is not None:
                    return True, flight
        return self._may_begin(queue, device), None

    def _may_begin(self, queue: Queue, device: DeviceState) -> bool:
        if device.is_reserve and self._others_are_up():
            return False
        if len(queue.chunks) >= queue.window_chunks or queue.peek() is None:
            return False
        return self._has_room(queue, None)

    def _others_are_up(self) -> bool:
        return any(other.can_begin for other in self._devices if not other.is_reserve)

    def _has_room(self, queue: Queue, chunk: ChunkState | None) -> bool:
        """Return whether there is a buffer for a chunk; None is a new one."""
        if not self._pool.free:
            return False
        if chunk is not None and chunk.attempts:
            # One buffer more, for a race.
            return queue.held <= queue.lent_limit and self._has_spare()
        if (chunk is None and not queue.chunks) or (chunk and chunk is queue.chunks[0]):
            return queue.held < queue.lent_limit
        return queue.held + queue.misses_head < queue.lent_limit and self._has_spare()

    def _has_spare(self) -> bool:
        """Return whether a buffer is left when every stream has one for its head."""
        free = self._pool.free
        if free > len(self._queues):
            return True
        return free > sum(queue.misses_head for queue in self._queues)

    def _begin_chunk(
        self, queue: Queue, chunk: ChunkState | None, device: DeviceState, now: float
    ) -> Attempt | None:
        is_alone = chunk is not None and chunk.failures > 0 and not device.device.is_local
        if is_alone and device.running:
            return None  # it takes nothing else until it is idle, and then this
        if chunk is None:
            chunk = queue.begin()
        elif chunk in queue.again:
            queue.again.remove(chunk)
        work = queue.work(chunk)
        queue.lent += 1
        lease = self._pool.lend(partial(self._returned, queue))
        attempt = Attempt(
            queue=queue,
            chunk=chunk,
            device=device,
            lease=lease,
            work=work,
            began=now,
            is_alone=is_alone,
        )
        chunk.attempts.append(attempt)
        device.running.add(attempt)
        device.is_alone = is_alone
        self._charge(queue, work.size_bytes)
        return attempt

    def _begin_step(self, queue: Queue, flight: Flight, device: DeviceState, now: float) -> Step:
        step = Step(queue=queue, flight=flight, device=device, began=now)
        device.running.add(step)
        self._charge(queue, 0)
        return step

    def _charge(self, queue: Queue, size_bytes: float) -> None:
        self._virtual_time = max(self._virtual_time, queue.virtual_time)
        queue.virtual_time = self._virtual_time + size_bytes

    # --- how it went

    def made(self, attempt: Attempt, now: float) -> None:
        """Take the bytes of a chunk."""
        chunk, queue = attempt.chunk, attempt.queue
        self._end(attempt, now)
        self._observer.made(
            attempt.device.device.name, now - attempt.began, attempt.work.size_bytes
        )
        if not chunk.is_made and not queue.is_closed:
            chunk.is_made = True
            chunk.view = attempt.lease.view[: attempt.work.size_bytes]
            if chunk in queue.again:
                queue.again.remove(chunk)
            if queue.chunks and chunk is queue.chunks[0]:
                queue.notify()

    def dropped(self, attempt: Attempt, now: float) -> None:
        """Count an attempt that was not begun, because nobody wants its chunk any more."""
        self._end(attempt, now)

    def unsuitable(self, attempt: Attempt, now: float) -> None:
        """Let this process make a chunk that the device could not."""
        self._end(attempt, now)
        attempt.chunk.is_local = True
        self._make_again(attempt.queue, attempt.chunk)

    def failed(self, attempt: Attempt, error: Exception, now: float) -> None:
        """Count an attempt that failed on a device that lives."""
        self._end(attempt, now)
        final = isinstance(error, WeightbankError)
        self._blame(attempt.queue, attempt.chunk, error, final=final)
        self._retry(attempt, FAILED)

    def lost(self, attempt: Attempt, error: Exception, now: float) -> None:
        """Count an attempt whose device died; its buffer is free."""
        self._end(attempt, now)
        attempt.device.is_up = False
        # It may have died of another chunk, but only where there was another.
        if attempt.is_alone or attempt.chunk.failures == 0:
            self._blame(attempt.queue, attempt.chunk, error)
        self._retry(attempt, LOST)

    def _end(self, item: Attempt | Step, now: float) -> None:
        device = item.device
        device.running.discard(item)
        device.busy_seconds += now - item.began
        if isinstance(item, Attempt):
            item.chunk.attempts.remove(item)
            item.queue.late -= item.is_late
            if item.is_alone:
                device.is_alone = False

    def _blame(
        self, queue: Queue, chunk: ChunkState, error: Exception, *, final: bool = False
    ) -> None:
        chunk.failures += 1
        if queue.is_closed or chunk.is_made or queue.error is not None:
            return
        if final:
            queue.error = error
        elif chunk.failures >= MOST_FAILURES:
            queue.error = ChunkFailedError(chunk.task.start, chunk.task.stop, chunk.failures)
            queue.error.__cause__ = error
        if queue.error is not None:
            queue.notify()

    def _retry(self, attempt: Attempt, reason: Reason) -> None:
        if self._make_again(attempt.queue, attempt.chunk):
            name = attempt.device.device.name
            self._observer.retried(name, reason, stream=attempt.queue.name)

    def _make_again(self, queue: Queue, chunk: ChunkState) -> bool:
        """Have a chunk made, unless it is, or nobody will get it; return whether."""
        is_over = queue.is_closed or queue.error is not None
        if is_over or not chunk.is_missing or chunk in queue.again:
            return False
        queue.add_again(chunk)
        return True

    # --- whole tensors

    def wait_for(self, attempt: Attempt, flights: Sequence[Flight], now: float) -> Waiting | None:
        """Let a chunk wait for whole tensors, without a buffer.

        Args:
            attempt: To make the chunk; it is over.
            flights: At least one; ``arrived`` has to be called for each that is done.
            now: Monotonic time, in seconds.

        Returns:
            None if nobody wants the chunk any more; its flights are still the
            caller's to leave then.
        """
        self._end(attempt, now)
        queue, chunk = attempt.queue, attempt.chunk
        if queue.is_closed or chunk.is_made:
            return None
        chunk.stop_waiting()
        chunk.waiting = Waiting(flights)
        return chunk.waiting

    def stepped(self, step: Step, now: float) -> None:
        """Count a step of a whole tensor, or that there was none to begin."""
        self._end(step, now)
        self._charge(step.queue, (now - step.began) * _BYTES_PER_SECOND)

    def arrived(self, queue: Queue, chunk: ChunkState, waiting: Waiting) -> None:
        """Count a whole tensor that is there; after the last one, have the chunk made."""
        waiting.pending -= 1
        if waiting.pending or chunk.waiting is not waiting:
            return
        # It stays in their flights, so that they are there for it, until it is made.
        error = waiting.error()
        if error is not None:
            chunk.stop_waiting()
            self._observer.could_not_make(_WHOLE_TENSORS, error, stream=queue.name)
            self._blame(queue, chunk, error, final=isinstance(error, WeightbankError))
        self._make_again(queue, chunk)

    # --- time

    def watch(self, now: float, *, timeout_seconds: float) -> list[DeviceState]:
        """Have late chunks made elsewhere too.

        Returns:
            Devices that hold a chunk for longer than the time-out.
        """
        hanging = []
        for device in self._devices:
            ages = [now - item.began for item in device.running]
            if ages and max(ages) >= timeout_seconds:
                hanging.append(device)
            self._race(device, now)
        return hanging

    def _race(self, device: DeviceState, now: float) -> None:
        late_seconds = device.device.late_seconds
        if late_seconds is None:
            return
        for attempt in device.running:
            if not isinstance(attempt, Attempt) or attempt.is_late:
                continue
            queue, chunk = attempt.queue, attempt.chunk
            if now - attempt.began >= late_seconds:
                attempt.is_late = True
                queue.late += 1
                if not (chunk.is_made or queue.is_closed or chunk in queue.again):
                    queue.add_again(chunk)
                    self._observer.retried(device.device.name, LATE, stream=queue.name)

    @property
    def wants_reserve(self) -> bool:
        """Whether there may be work that only the reserve can do, or nobody else does."""
        if not self._others_are_up():
            return True
        return any(queue.again or queue.waits_for_tensors for queue in self._queues)

    @property
    def is_idle(self) -> bool:
        """Whether time changes nothing now."""
        if any(device.running for device in self._devices):
            return False
        # Others than our lanes may take steps, and may stop.
        return not any(queue.waits_for_tensors for queue in self._queues)


def _suits(chunk: ChunkState, device: DeviceState) -> bool:
    if chunk.is_local and not device.device.is_local:
        return False
    return all(attempt.device is not device for attempt in chunk.attempts)
