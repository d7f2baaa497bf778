"""What the scheduler remembers: of streams, of their chunks, of devices, of work under way."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from services.engine.buffers import Lease
from services.engine.chunks import ChunkTask
from services.engine.device import Device, Work
from services.engine.source import ByteSource
from services.engine.waiting import Waiting
from weightbank.prepared import Flight

HANDED_OVER_CHUNKS = 2
"""Chunks that a transport can hold: the one given last, and the tail of the one before."""


@dataclass(eq=False, slots=True)
class DeviceState:
    """A device as the scheduler sees it.

    Attributes:
        device: The device.
        is_reserve: Whether it works only where no other device can.
        is_up: Whether it takes work.
        has_failed: Whether it could not be started when that was last tried.
        is_alone: Whether one suspect has it to itself.
        running: What it works on.
        busy_seconds: Time that its lanes spent on work, in sum.
    """

    device: Device
    is_reserve: bool = False
    is_up: bool = False
    has_failed: bool = False
    is_alone: bool = False
    running: set["Attempt | Step"] = field(default_factory=set)
    busy_seconds: float = 0.0

    @property
    def can_begin(self) -> bool:
        """Whether it takes work, and does not seem to hang with all it has."""
        late = sum(isinstance(item, Attempt) and item.is_late for item in list(self.running))
        return self.is_up and late < self.device.lanes


@dataclass(eq=False, slots=True)
class ChunkState:
    """A chunk that was begun and has not been handed over.

    Attributes:
        task: Which one.
        failures: Attempts that failed, or died while nothing else could be blamed.
        attempts: Those under way.
        is_made: Whether its bytes were made; attempts that run on are too late.
        view: Its bytes, from then until they are handed over.
        is_local: Whether only this process can make it.
        waiting: Whole tensors that it waits for, or waited for until just now.
    """

    task: ChunkTask
    failures: int = 0
    attempts: "list[Attempt]" = field(default_factory=list)
    is_made: bool = False
    view: memoryview | None = None
    is_local: bool = False
    waiting: Waiting | None = None

    @property
    def is_missing(self) -> bool:
        """Whether it is neither made nor being made."""
        return not self.is_made and not self.attempts

    def stop_waiting(self) -> None:
        """Wait for no tensor any more."""
        if self.waiting is not None:
            self.waiting.leave()
            self.waiting = None


@dataclass(eq=False, slots=True, kw_only=True)
class Queue:
    """One stream's chunks: a window of them in order, and lazily those to come.

    Attributes:
        name: Of the stream, for whoever reads the log.
        file: Whose bytes.
        tasks: Chunks that nobody has begun.
        window_chunks: Most chunks begun and not handed over.
        notify: Called when the head has arrived or the stream has failed.
        chunks: Those of the window, in order.
        again: Those of the window that a device should take, again or too.
        lent: Buffers that are out for this stream, its reader's included.
        late: Attempts that are late. Their buffers come back when their devices are
            dead, and do not count against the stream: the pool has one for each lane.
        virtual_time: Bytes it was given, on the clock that all streams share.
        error: What ended it.
        is_closed: Whether its reader has gone.
        remaining_bytes: Bytes that were not handed over yet.
    """

    name: str
    file: ByteSource
    tasks: Iterator[ChunkTask]
    window_chunks: int
    notify: Callable[[], None]
    remaining_bytes: int
    chunks: deque[ChunkState] = field(default_factory=deque)
    again: list[ChunkState] = field(default_factory=list)
    lent: int = 0
    late: int = 0
    virtual_time: float = 0.0
    error: Exception | None = None
    is_closed: bool = False
    _next: ChunkTask | None = field(default=None, init=False)

    @property
    def lent_limit(self) -> int:
        """Most buffers that are out for this stream, but for one more of a race."""
        return self.window_chunks + HANDED_OVER_CHUNKS

    @property
    def held(self) -> int:
        """Buffers that are out for this stream and count against it."""
        return self.lent - self.late

    @property
    def is_starved(self) -> bool:
        """Whether its reader has every buffer, so that nothing can be made."""
        return not self.chunks and self.held >= self.lent_limit

    @property
    def misses_head(self) -> bool:
        """Whether its next chunk is still to be begun."""
        if self.chunks:
            return self.chunks[0].is_missing
        return self.held < self.lent_limit and self.peek() is not None

    @property
    def waits_for_tensors(self) -> bool:
        """Whether a chunk of its window waits for a whole tensor."""
        return any(chunk.waiting is not None for chunk in self.chunks)

    @property
    def waiting_chunks(self) -> int:
        """Chunks of its window that no device works on."""
        missing = sum(chunk.is_missing for chunk in self.chunks)
        return missing + int(len(self.chunks) < self.window_chunks and self.peek() is not None)

    def peek(self) -> ChunkTask | None:
        """Return the next chunk that nobody has begun."""
        if self._next is None:
            self._next = next(self.tasks, None)
        return self._next

    def begin(self) -> ChunkState:
        """Take the next chunk into the window."""
        task = self.peek()
        assert task is not None
        self._next = None
        chunk = ChunkState(task)
        self.chunks.append(chunk)
        return chunk

    def add_again(self, chunk: ChunkState) -> None:
        """Have a chunk taken again, or by one more device; those come first that are due."""
        self.again.append(chunk)
        self.again.sort(key=lambda waiting: waiting.task.index)

    def work(self, chunk: ChunkState) -> Work:
        """Return a chunk as devices take it."""
        return Work(self.file, chunk.task.start, chunk.task.stop)

    def clear(self) -> Sequence[ChunkState]:
        """Forget all chunks; return them."""
        chunks = list(self.chunks)
        self.chunks.clear()
        self.again.clear()
        self.tasks = iter(())
        self._next = None
        return chunks


@dataclass(eq=False, slots=True, kw_only=True)
class Attempt:
    """A device at work on a chunk.

    Attributes:
        queue: Of the stream.
        chunk: Which one.
        device: At work.
        lease: Where its bytes go.
        work: As the device takes it.
        began: Monotonic time, in seconds.
        is_alone: Whether the device does nothing else meanwhile.
        is_late: Whether it was found to be late.
    """

    queue: Queue
    chunk: ChunkState
    device: DeviceState
    lease: Lease
    work: Work
    began: float
    is_alone: bool = False
    is_late: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Step:
    """A lane at work on a part of a whole tensor, of which no chunk can be made before.

    Attributes:
        queue: Of the stream that pays for it.
        flight: Its place in the tensor's making.
        device: At work.
        began: Monotonic time, in seconds.
    """

    queue: Queue
    flight: Flight
    device: DeviceState
    began: float
