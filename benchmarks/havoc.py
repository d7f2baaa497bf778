"""Signals to workers in the midst of a stream."""

import math
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.workers import Workers

CHUNK_BYTES = 2**22
CHUNKS_BETWEEN = (4, 24)
LAST_SHARE = 0.9
"""Of a stream, after which nothing is disturbed: a gap would not be seen whole."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: In the table.
        signal: That a worker gets.
        reason: Of the retries that it brings about.
        at_most: Faults in one stream.
    """

    name: str
    signal: signal.Signals
    reason: str
    at_most: int


KILL = Kind("kill -9", signal.SIGKILL, "lost", 100)
HANG = Kind("SIGSTOP", signal.SIGSTOP, "late", 1)


@dataclass(frozen=True, slots=True)
class Fault:
    """What befell a worker: which, and when by ``time.perf_counter``."""

    device: str
    pid: int
    seconds: float


@dataclass(slots=True)
class Havoc:
    """Disturbs workers every few chunks of a stream."""

    kind: Kind
    workers: Workers
    size_bytes: int
    random: random.Random
    faults: list[Fault] = field(default_factory=list)
    next_bytes: int = 0

    def begin(self) -> None:
        """Begin with another stream."""
        self.faults = []
        self.next_bytes = 0
        self._draw(0)

    def on_bytes(self, received_bytes: int) -> None:
        """Disturb a worker, if it is time."""
        if received_bytes < self.next_bytes or received_bytes > LAST_SHARE * self.size_bytes:
            return
        self._draw(received_bytes)
        up = self.workers.up()
        if up and len(self.faults) < self.kind.at_most:
            name = self.random.choice(list(up))
            self.workers.forget(name)
            self.faults.append(Fault(name, up[name], time.perf_counter()))
            os.kill(up[name], self.kind.signal)

    def end(self) -> None:
        """End what hangs, and wait until all workers are there again."""
        for fault in self.faults:
            if self.kind is HANG and self.workers.up().get(fault.device) is None:
                with suppress(ProcessLookupError):
                    os.kill(fault.pid, signal.SIGKILL)
        self.workers.wait_until_up()

    def in_flight(self) -> list[Fault]:
        """Return the faults of the last stream that a chunk was made again for."""
        found = []
        for index, fault in enumerate(self.faults):
            later = [each for each in self.faults[index + 1 :] if each.device == fault.device]
            end = later[0].seconds if later else math.inf
            if any(
                retry.device == fault.device
                and retry.reason == self.kind.reason
                and fault.seconds < retry.seconds < end
                for retry in self.workers.retries
            ):
                found.append(fault)
        return found

    def _draw(self, received_bytes: int) -> None:
        self.next_bytes = received_bytes + self.random.randint(*CHUNKS_BETWEEN) * CHUNK_BYTES
