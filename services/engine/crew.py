"""The threads of an engine: lanes that make chunks, supervisors of devices, a watch.

Theory of operation: one lock guards the scheduler. A lane that has nothing to do
waits on its device's condition; whoever changes something wakes one lane of each
device that could have got work by it, and a lane that finds work wakes the next, so
that no crowd is woken for a single chunk. Nothing is done under the lock that could
take long: a lane plans, makes and waits for its device without it.
"""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from services.engine.backoff import Backoff
from services.engine.buffers import BufferPool
from services.engine.chunks import Chunk
from services.engine.device import DeviceLostError, UnsuitableError
from services.engine.observer import Observer
from services.engine.scheduler import Backlog, Scheduler
from services.engine.state import Attempt, ChunkState, DeviceState, Queue, Step
from services.engine.waiting import Waiting
from weightbank.errors import WeightbankError
from weightbank.prepared import Flight

_WATCH_SECONDS = 0.025
_ALIVE_SECONDS = 0.5
_JOIN_SECONDS = 3.0
_STEP_SECONDS = 0.01


class Crew:
    """Keeps devices at work for the streams of a scheduler.

    Attributes:
        devices: Their states; read without the lock they may be a moment old.
    """

    def __init__(
        self,
        pool: BufferPool,
        devices: Sequence[DeviceState],
        *,
        timeout_seconds: float,
        observer: Observer,
        returned: Callable[[Queue], None],
    ) -> None:
        """Start no thread yet.

        Args:
            pool: Where buffers come from.
            devices: All there are.
            timeout_seconds: After which a device that has not finished a chunk is
                taken to hang.
            observer: Told what happens.
            returned: As ``Scheduler`` has it.
        """
        self.devices = devices
        self._timeout_seconds = timeout_seconds
        self._observer = observer
        self._scheduler = Scheduler(pool, devices, observer=observer, returned=returned)
        self._lock = threading.Lock()
        self._conditions = {device: threading.Condition(self._lock) for device in devices}
        # Supervisors wait apart from lanes: each notice wakes one that waits.
        self._idle = {device: threading.Condition(self._lock) for device in devices}
        self._lost = {device: threading.Event() for device in devices}
        self._has_begun = threading.Event()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def backlog(self) -> Backlog:
        """Return what open streams wait for."""
        with self._lock:
            return self._scheduler.backlog()

    def start(self) -> None:
        """Bring the devices up, each in its own time."""
        self._spawn("watch", self._watch)
        for device in self.devices:
            name = device.device.name
            self._spawn(f"supervisor-{name}", partial(self._supervise, device))
            for lane in range(device.device.lanes):
                self._spawn(f"{name}-{lane}", partial(self._work, device, lane))

    def close(self) -> None:
        """End all threads and devices; what is being made is dropped."""
        self._closing.set()
        self._has_begun.set()
        with self._lock:
            for device in self.devices:
                self._lost[device].set()
                self._conditions[device].notify_all()
                self._idle[device].notify_all()
        for device in self.devices:
            device.device.interrupt()
        deadline = time.monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for device in self.devices:
            device.device.close()

    def add(self, queue: Queue) -> None:
        """Begin to serve a stream."""
        with self._lock:
            self._scheduler.add(queue)
            self._wake()

    def remove(self, queue: Queue) -> None:
        """Serve a stream no more. May be called more than once."""
        with self._lock:
            self._scheduler.remove(queue)
            self._wake()

    def buffer_returned(self, queue: Queue) -> None:
        """Count a buffer that is back."""
        with self._lock:
            self._scheduler.buffer_returned(queue)
            self._wake()

    def hand_over(self, queue: Queue) -> Chunk | None:
        """Return a stream's next chunk, if it is there.

        Raises:
            Exception: What ended the stream.
        """
        with self._lock:
            if queue.error is not None:
                raise queue.error
            if not queue.chunks or queue.chunks[0].view is None:
                return None
            chunk = queue.chunks.popleft()
            # An attempt that hangs keeps the chunk; it must not keep the buffer of another.
            view, chunk.view = chunk.view, None
            assert view is not None
            queue.remaining_bytes -= len(view)
            self._wake()
            return Chunk(chunk.task.part, chunk.task.stop, view)

    # --- lanes

    def _work(self, device: DeviceState, lane: int) -> None:
        while self._work_once(device, lane):
            pass

    def _work_once(self, device: DeviceState, lane: int) -> bool:
        """Do one thing; return whether to go on. What it held dies with this frame."""
        condition = self._conditions[device]
        with self._lock:
            item = None
            while item is None:
                if self._closing.is_set():
                    return False
                item = self._scheduler.take(device, time.monotonic())
                if item is None:
                    condition.wait()
            self._has_begun.set()
            condition.notify()
        if isinstance(item, Step):
            self._step(item)
        else:
            self._attempt(item, lane)
        return True

    def _step(self, step: Step) -> None:
        # Small tensors have small steps: some at a time, so that the lock is not all of
        # it. An error of one reaches all who wait for the tensor.
        until = time.monotonic() + _STEP_SECONDS
        while step.flight.step() and time.monotonic() < until:
            pass
        self._conclude(partial(self._scheduler.stepped, step))

    def _attempt(self, attempt: Attempt, lane: int) -> None:
        scheduler = self._scheduler
        try:
            if attempt.queue.is_closed:
                self._conclude(partial(scheduler.dropped, attempt))
            elif self._make(attempt, lane):
                self._conclude(partial(scheduler.made, attempt))
        except DeviceLostError as error:
            self._lose(attempt, error)
        except UnsuitableError:
            self._conclude(partial(scheduler.unsuitable, attempt))
        except Exception as error:  # noqa: BLE001 - a lane outlives whatever a chunk does
            if not isinstance(error, WeightbankError):  # that is a caller's mistake
                name = attempt.device.device.name
                self._observer.could_not_make(name, error, stream=attempt.queue.name)
            self._conclude(partial(scheduler.failed, attempt, _without_frames(error)))

    def _make(self, attempt: Attempt, lane: int) -> bool:
        """Make a chunk; return False if it waits for a whole tensor instead."""
        device, work = attempt.device.device, attempt.work
        if not device.is_local:
            device.make(work, attempt.lease, lane=lane)
            return True
        # Held until the chunk is made, so that nothing it needs is dropped by a cache.
        flights = work.file.wholes(work.start, work.stop)
        if not all(flight.done for flight in flights):
            self._wait_for(flights, attempt)
            return False
        try:
            with self._lock:
                attempt.chunk.stop_waiting()
            for flight in flights:
                flight.result()  # raises what ended it
            device.make(work, attempt.lease, lane=lane)
        finally:
            for flight in flights:
                flight.leave()
        return True

    def _wait_for(self, flights: Sequence[Flight], attempt: Attempt) -> None:
        with self._lock:
            waiting = self._scheduler.wait_for(attempt, flights, time.monotonic())
            self._wake()
        if waiting is None:
            for flight in flights:
                flight.leave()
            return
        arrived = partial(self._arrived, attempt.queue, attempt.chunk, waiting)
        for flight in flights:
            flight.add_done_callback(arrived)

    def _arrived(self, queue: Queue, chunk: ChunkState, waiting: Waiting) -> None:
        with self._lock:
            self._scheduler.arrived(queue, chunk, waiting)
            if not waiting.pending:
                self._wake()

    def _conclude(self, count: Callable[[float], None]) -> None:
        with self._lock:
            count(time.monotonic())
            self._wake()

    def _lose(self, attempt: Attempt, error: Exception) -> None:
        device = attempt.device
        with self._lock:
            is_first = device.is_up  # other lanes of it lose their chunks too
            self._scheduler.lost(attempt, _without_frames(error), time.monotonic())
            self._lost[device].set()
            self._wake()
        if is_first and not self._closing.is_set():
            self._observer.went_down(device.device.name, error)

    def _wake(self) -> None:
        wants_reserve = self._scheduler.wants_reserve
        for device, condition in self._conditions.items():
            if wants_reserve or not device.is_reserve:
                condition.notify()
            if not device.running:
                self._idle[device].notify()

    # --- devices

    def _supervise(self, device: DeviceState) -> None:
        """Bring a device up, and again after each loss, until the end."""
        backoff = Backoff()
        while not self._closing.is_set():
            self._lost[device].clear()
            lived_seconds = 0.0
            if self._start(device):
                began = time.monotonic()
                self._stay(device)
                lived_seconds = time.monotonic() - began
            self._closing.wait(backoff.pause_seconds(lived_seconds=lived_seconds))

    def _start(self, device: DeviceState) -> bool:
        name = device.device.name
        try:
            device.device.start()
        except Exception as error:  # noqa: BLE001 - it is tried again, whatever it was
            device.has_failed = True
            if not self._closing.is_set():
                self._observer.went_down(name, error)
            return False
        with self._lock:
            device.is_up, device.has_failed = True, False
            self._conditions[device].notify()
        self._observer.came_up(name)
        return True

    def _stay(self, device: DeviceState) -> None:
        """Wait until a device is lost, with nothing under way on it any more."""
        lost = self._lost[device]
        while not lost.wait(_ALIVE_SECONDS):
            if not device.device.is_alive:
                # While it is idle, nobody else would notice.
                self._take_down(device, DeviceLostError(f"{device.device.name}: has ended"))
                break
        with self._lock:
            # Other lanes of it are about to notice: they shall not blame its successor.
            self._idle[device].wait_for(lambda: not device.running or self._closing.is_set())

    def _take_down(self, device: DeviceState, error: Exception) -> None:
        with self._lock:
            is_first = device.is_up
            device.is_up = False
            self._wake()
        if is_first and not self._closing.is_set():
            self._observer.went_down(device.device.name, error)

    def _watch(self) -> None:
        """Have late chunks raced, and what hangs ended."""
        while not self._closing.wait(_WATCH_SECONDS):
            self._has_begun.wait()
            with self._lock:
                hanging = self._scheduler.watch(
                    time.monotonic(), timeout_seconds=self._timeout_seconds
                )
                if self._scheduler.is_idle:
                    self._has_begun.clear()
                self._wake()
            for device in hanging:
                device.device.interrupt()

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()


def _without_frames(error: Exception) -> Exception:
    """Return an error that keeps nothing alive, buffers least of all."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error
