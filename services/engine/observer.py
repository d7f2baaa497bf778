"""What an engine tells those who watch it."""

from typing import Literal, Protocol

Reason = Literal["lost", "late", "failed"]
LOST: Reason = "lost"
LATE: Reason = "late"
FAILED: Reason = "failed"


class Observer(Protocol):
    """Hears what happens, from any thread; must be quick, and not raise."""

    def made(self, device: str, seconds: float, size_bytes: int) -> None:
        """Hear of a chunk or small read that was made."""

    def retried(self, device: str, reason: Reason, *, stream: str) -> None:
        """Hear of a chunk of a stream that is made again, and whose fault that is."""

    def went_down(self, device: str, error: Exception) -> None:
        """Hear of a device that was lost, or could not be started."""

    def came_up(self, device: str) -> None:
        """Hear of a device that takes work."""

    def could_not_make(self, device: str, error: Exception, *, stream: str) -> None:
        """Hear of an attempt that failed on a device that lives."""


class Unobserved:
    """Hears, and forgets."""

    def made(self, device: str, seconds: float, size_bytes: int) -> None:
        """See ``Observer.made``."""

    def retried(self, device: str, reason: Reason, *, stream: str) -> None:
        """See ``Observer.retried``."""

    def went_down(self, device: str, error: Exception) -> None:
        """See ``Observer.went_down``."""

    def came_up(self, device: str) -> None:
        """See ``Observer.came_up``."""

    def could_not_make(self, device: str, error: Exception, *, stream: str) -> None:
        """See ``Observer.could_not_make``."""
