"""A GPU's streams, events and memory, as far as staging uses them.

What is asked of a stream is done later, whichever stream's turn it is by chance,
and never before what it waits for: so work that is ordered by luck alone comes out
wrong sooner or later.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Work = tuple[Callable[[], bool], Callable[[], None]]
"""Whether it can be done now, and the doing of it."""


class FakeEvent:
    """Counts how often it was asked to be recorded, and how often it was."""

    def __init__(self) -> None:
        self.asked = 0
        self.recorded = 0

    def record(self, stream: "FakeStream") -> None:
        """Ask for it on a stream."""
        self.asked += 1
        stream.work.append((lambda: True, self._happen))

    def _happen(self) -> None:
        self.recorded += 1


class FakeStream:
    """Work in its order, on a GPU where streams go on by chance."""

    def __init__(self, gpu: "FakeGpu") -> None:
        self._gpu = gpu
        self.work: list[Work] = []

    def wait_event(self, event: FakeEvent) -> None:
        """Do nothing further until all is recorded that was asked of an event by now."""
        asked = event.asked if self._gpu.honours_events else 0
        self.work.append((lambda: event.recorded >= asked, lambda: None))

    def wait_stream(self, stream: "FakeStream") -> None:
        """Do nothing: the other stream is the one of the caller, who has asked for nothing."""

    def synchronize(self) -> None:
        """Return when all its work is done."""
        self._gpu.run_until(lambda: not self.work)


class FakeTensor:
    """Bytes, on either side; copies are work of the current stream."""

    def __init__(self, gpu: "FakeGpu", memory: NDArray[np.uint8], *, pinned: bool = True) -> None:
        self._gpu = gpu
        self.memory = memory
        self._pinned = pinned

    def __getitem__(self, part: slice) -> "FakeTensor":
        return FakeTensor(self._gpu, self.memory[part], pinned=self._pinned)

    def numel(self) -> int:
        """Return how many bytes it is."""
        return self.memory.size

    def copy_(self, source: "FakeTensor", *, non_blocking: bool) -> None:
        """Copy; memory that is not pinned is written before this returns, or torn apart."""
        assert non_blocking
        half = self.memory.size // 2
        for part in (slice(half), slice(half, None)):
            self._gpu.do(lambda part=part: self._write(part, source))
        if not self._pinned:
            self._gpu.current.synchronize()

    def _write(self, part: slice, source: "FakeTensor") -> None:
        self.memory[part] = source.memory[part]


class FakeGpu:
    """Stands for the module torch, with one GPU.

    Args:
        random: Decides which stream goes on.
        honours_events: Whether streams wait for events, as they should.
    """

    uint8 = np.uint8

    def __init__(self, random: Random, *, honours_events: bool = True) -> None:
        self._random = random
        self.honours_events = honours_events
        self.streams: list[FakeStream] = []
        self.current = self._stream()
        self.cuda = SimpleNamespace(
            Stream=lambda _device: self._stream(),
            Event=FakeEvent,
            stream=self._on,
            current_stream=lambda _device: self.current,
        )

    def empty(self, size: int, **_: Any) -> FakeTensor:
        """Return memory of the GPU."""
        return FakeTensor(self, np.zeros(size, np.uint8))

    def do(self, work: Callable[[], None]) -> None:
        """Ask the current stream for something; it may begin at once, or not."""
        self.current.work.append((lambda: True, work))
        for _ in range(self._random.randrange(3)):
            self._step()

    def run_until(self, is_done: Callable[[], bool]) -> None:
        """Let streams go on until something is so."""
        while not is_done():
            assert self._step(), "streams wait for each other"

    def _step(self) -> bool:
        ready = [stream for stream in self.streams if stream.work and stream.work[0][0]()]
        if ready:
            self._random.choice(ready).work.pop(0)[1]()
        return bool(ready)

    def _stream(self) -> FakeStream:
        self.streams.append(FakeStream(self))
        return self.streams[-1]

    @contextmanager
    def _on(self, stream: FakeStream) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before
