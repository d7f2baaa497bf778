"""This process's own processor, a thread for each lane."""

from collections.abc import Callable

from services.engine.buffers import Lease
from services.engine.device import Work


def _nothing() -> None:
    pass


class ThreadDevice:
    """Makes chunks in the threads that ask for them; kernels run without the GIL.

    It cannot be lost, and a thread cannot be ended: what it runs is bounded.

    Attributes:
        name: As in the settings and in metrics.
        lanes: Threads.
        is_local: True.
        late_seconds: None: another thread would not be sooner.
    """

    is_local = True
    late_seconds: float | None = None

    def __init__(self, name: str, *, lanes: int, warm_up: Callable[[], None] = _nothing) -> None:
        """Begin nothing.

        Args:
            name: As in the settings and in metrics.
            lanes: Threads.
            warm_up: Compiles or loads kernels; may take a minute.
        """
        self.name = name
        self.lanes = lanes
        self._warm_up = warm_up

    @property
    def is_alive(self) -> bool:
        """See ``Device.is_alive``."""
        return True

    def start(self) -> None:
        """See ``Device.start``."""
        self._warm_up()

    def make(self, work: Work, lease: Lease, *, lane: int) -> None:
        """See ``Device.make``."""
        del lane
        work.file.read_into(work.start, lease.view[: work.size_bytes])

    def interrupt(self) -> None:
        """Do nothing: see the class."""

    def close(self) -> None:
        """Do nothing: its threads end with the engine."""
