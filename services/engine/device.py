"""What makes chunks: one protocol for threads, worker processes and other machines.

DeviceError
├── DeviceLostError    the device died under the work; its buffer is free again
├── UnsuitableError    only this process can make these bytes
└── MakingFailedError  the device lives, and could not make the bytes
"""

from dataclasses import dataclass
from typing import Protocol

from services.engine.buffers import Lease
from services.engine.source import ByteSource


@dataclass(frozen=True, slots=True)
class Work:
    """Bytes to be made: a pure function of this.

    Attributes:
        file: Whose bytes.
        start: First byte, counted over the file.
        stop: The byte after the last.
    """

    file: ByteSource
    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        """How many bytes."""
        return self.stop - self.start


class DeviceError(Exception):
    """Something about a device, and not about what was asked for."""


class DeviceLostError(DeviceError):
    """The device died under the work. Nothing writes to the buffer any more."""


class UnsuitableError(DeviceError):
    """Only this process can make these bytes."""


class MakingFailedError(DeviceError):
    """The device lives, and could not make the bytes."""


class Device(Protocol):
    """Makes chunks, several at a time, each into a buffer of the pool.

    Attributes:
        name: As in the settings and in metrics.
        lanes: Chunks at once; each has a thread of its own.
        is_local: Whether it is this process, and so can make anything.
        late_seconds: After which a chunk is made elsewhere too; None for never.
    """

    name: str
    lanes: int
    is_local: bool
    late_seconds: float | None

    @property
    def is_alive(self) -> bool:
        """Whether it can still take work; asked now and then while it is up. Quick."""

    def start(self) -> None:
        """Make it ready for work, after a loss too; blocks.

        Raises:
            Exception: If that cannot be; it is tried again later.
        """

    def make(self, work: Work, lease: Lease, *, lane: int) -> None:
        """Write the bytes of a chunk to the beginning of a buffer; blocks.

        Args:
            work: What to make.
            lease: Where to.
            lane: Number of the calling thread, below ``lanes``.

        Raises:
            DeviceLostError: If the device died; the buffer is free again by then.
            UnsuitableError: If only this process can make these bytes.
            Exception: If making them failed otherwise.
        """

    def interrupt(self) -> None:
        """End whatever hangs, so that ``make`` soon raises ``DeviceLostError``."""

    def close(self) -> None:
        """End it for good."""
