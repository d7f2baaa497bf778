"""How often a key may ask: token buckets in the memory of one server."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from services.keys.errors import RateLimitedError

BURST_SECONDS = 10
"""A bucket holds what so many seconds bring: a job's ranks all ask when it starts."""

_MOST_BUCKETS = 10_000
_LONGEST_WAIT_SECONDS = 86_400
"""That anybody is told to wait, however low a rate is."""


def burst_of(requests_per_second: float) -> float:
    """Return how many requests may come at once.

    Examples:
        >>> burst_of(5), burst_of(0.01)
        (50, 1.0)
    """
    return max(1.0, BURST_SECONDS * requests_per_second)


@dataclass(slots=True)
class TokenBucket:
    """Gives out tokens, which come back at a rate.

    Attributes:
        tokens: That were left.
        at: When.

    Examples:
        >>> bucket = TokenBucket(tokens=1.0, at=0.0)
        >>> bucket.take(0.0, per_second=2), bucket.take(0.0, per_second=2)
        (0.0, 0.5)
        >>> bucket.take(0.5, per_second=2)
        0.0
    """

    tokens: float
    at: float

    def take(self, now: float, *, per_second: float) -> float:
        """Take a token; return 0, or in how many seconds there will be one."""
        came = max(0.0, now - self.at) * per_second
        self.tokens = min(burst_of(per_second), self.tokens + came)
        self.at = max(self.at, now)
        if self.tokens < 1:
            return (1 - self.tokens) / per_second
        self.tokens -= 1
        return 0.0


class RateLimits:
    """A bucket for each key that was used lately. For one event loop."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, most_buckets: int = _MOST_BUCKETS
    ) -> None:
        """Begin with full buckets.

        Args:
            clock: Says the time in seconds.
            most_buckets: Most that are kept. The one used longest ago is dropped, and
                full when it is needed again.
        """
        self._clock = clock
        self._most_buckets = most_buckets
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key_id: str, *, requests_per_second: float) -> None:
        """Let one request through.

        Args:
            key_id: Of a key that was found right.
            requests_per_second: It may make in the long run; 0 is no limit.

        Raises:
            RateLimitedError: If it has to wait.
        """
        if requests_per_second == 0:
            return
        now = self._clock()
        bucket = self._buckets.get(key_id)
        if bucket is None:
            bucket = TokenBucket(burst_of(requests_per_second), now)
            self._buckets[key_id] = bucket
            if len(self._buckets) > self._most_buckets:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key_id)
        wait_seconds = bucket.take(now, per_second=requests_per_second)
        if wait_seconds > 0:
            raise RateLimitedError(
                requests_per_second=requests_per_second,
                retry_after_seconds=math.ceil(min(wait_seconds, _LONGEST_WAIT_SECONDS)),
            )
