"""The share of its time that a device was busy, of late."""

import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 10.0


class BusyRatio:
    """Share of the last ten seconds, or of what has passed since it was asked before those.

    Examples:
        >>> times = iter([0.0, 4.0, 12.0, 20.0])
        >>> ratio = BusyRatio(lanes=2, clock=lambda: next(times))
        >>> ratio.ratio(4.0)
        0.5

        It looks back for ten seconds at least, if it can:

        >>> round(ratio.ratio(20.0), 3), ratio.ratio(20.0)
        (0.833, 0.5)
    """

    def __init__(self, lanes: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now.

        Args:
            lanes: Of the device.
            clock: Monotonic, in seconds.
        """
        self._lanes = lanes
        self._clock = clock
        self._samples = deque([(clock(), 0.0)])

    def ratio(self, busy_seconds: float) -> float:
        """Return the share, from 0 to 1.

        Args:
            busy_seconds: Of all lanes, in sum, since the beginning.
        """
        now = self._clock()
        while len(self._samples) > 1 and self._samples[1][0] <= now - WINDOW_SECONDS:
            self._samples.popleft()
        then, before = self._samples[0]
        self._samples.append((now, busy_seconds))
        elapsed_seconds = max(now - then, 1e-9) * self._lanes
        return min(1.0, max(0.0, (busy_seconds - before) / elapsed_seconds))
