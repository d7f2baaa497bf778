"""How long a transfer that breaks is tried again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Bounds on what is tried without a new byte. A new byte begins all of them anew.

    Attributes:
        attempts: Most that bring nothing, one after the other.
        first_pause_seconds: Before the second attempt; it doubles before each further.
        longest_pause_seconds: To which it doubles.
        stalled_seconds: There is no attempt that would begin after so long.
        foreign_seconds: How long another process may have a blob's lock; it may be
            reading what it has, and writing it to the disk.
    """

    attempts: int = 5
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 5.0
    stalled_seconds: float = 60.0
    foreign_seconds: float = 600.0


DEFAULT_PATIENCE = Patience()


class Persistence:
    """What is left of a patience.

    Examples:
        >>> persistence = Persistence(Patience(attempts=4, longest_pause_seconds=0.3), now=0.0)
        >>> [persistence.pause_seconds(now) for now in (0.0, 1.0)]
        [0.2, 0.3]
        >>> persistence.progressed(now=2.0)
        >>> [persistence.pause_seconds(now) for now in (2.0, 2.0, 2.0, 2.0)]
        [0.2, 0.2, 0.3, 0.3]
    """

    def __init__(self, patience: Patience, now: float) -> None:
        self._patience = patience
        self._failed = 0
        self._progress_at = now

    def progressed(self, now: float) -> None:
        """Hear of an attempt that brought bytes, before it is heard that it failed."""
        self._failed = -1
        self._progress_at = now

    def pause_seconds(self, now: float, *, asked_seconds: float | None = None) -> float | None:
        """Hear of a failed attempt; return the pause before the next, None for no more.

        Args:
            now: The time.
            asked_seconds: The pause that the other side asked for.
        """
        self._failed += 1
        pause = self._patience.first_pause_seconds * 2.0 ** max(0, self._failed - 1)
        pause = max(min(pause, self._patience.longest_pause_seconds), asked_seconds or 0.0)
        is_stalled = now + pause - self._progress_at > self._patience.stalled_seconds
        return None if is_stalled or self._failed >= self._patience.attempts else pause
