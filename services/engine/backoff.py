"""How long to wait before a device is started again."""

FIRST_SECONDS = 0.05
LONGEST_SECONDS = 30.0
LONG_LIFE_SECONDS = 2.0
"""A device that was up for longer is no hopeless case: it begins anew with patience."""


class Backoff:
    """Pauses that double while a device does not stay.

    Examples:
        >>> backoff = Backoff()
        >>> [backoff.pause_seconds(lived_seconds=0.0) for _ in range(3)]
        [0.05, 0.1, 0.2]
        >>> backoff.pause_seconds(lived_seconds=60.0)
        0.05
        >>> [backoff.pause_seconds(lived_seconds=0.0) for _ in range(20)][-1]
        30.0
    """

    def __init__(self) -> None:
        self._next_seconds = FIRST_SECONDS

    def pause_seconds(self, *, lived_seconds: float) -> float:
        """Return the next pause.

        Args:
            lived_seconds: How long the device was up; 0 if it did not start.
        """
        if lived_seconds > LONG_LIFE_SECONDS:
            self._next_seconds = FIRST_SECONDS
        pause, self._next_seconds = self._next_seconds, min(2 * self._next_seconds, LONGEST_SECONDS)
        return pause
