"""Why somebody is not let in, or not now.

WeightbankError
├── MissingKeyError            a key is needed, and none was sent
├── InvalidKeyError            what was sent is no key, or none that counts any longer
├── InsufficientScopeError     the key does not open this
├── OtherTeamError             the key belongs to other teams
└── RetryError
    ├── RateLimitedError       too many requests with one key
    └── QuotaSpentError        the key's bytes of this day are spent
"""

from collections.abc import Iterable

from services.errors import RetryError
from weightbank.errors import NO_VALUE, WeightbankError

_HEADER = "Authorization: Bearer wb_..."


class MissingKeyError(WeightbankError):
    """A key is needed, and none was sent."""

    code = "missing_key"

    def __init__(self) -> None:
        super().__init__("Authorization", NO_VALUE, "is missing", _HEADER)


class InvalidKeyError(WeightbankError):
    """What was sent is no key, or none that counts any longer. It is never echoed."""

    code = "invalid_key"

    def __init__(self, problem: str = "is not a key that counts here") -> None:
        super().__init__("Authorization", NO_VALUE, problem, _HEADER)


class InsufficientScopeError(WeightbankError):
    """The key does not open this.

    Attributes:
        scope: That is asked for.
    """

    code = "insufficient_scope"

    def __init__(self, scope: str, *, has: Iterable[str]) -> None:
        self.scope = scope
        shown = ", ".join(sorted(has)) or "nothing"
        super().__init__(
            "key", NO_VALUE, f"opens {shown}, and not {scope}", f"a key with the scope {scope}"
        )


class OtherTeamError(WeightbankError):
    """The key belongs to other teams."""

    code = "other_team"

    def __init__(self, team: str, *, teams: Iterable[str]) -> None:
        super().__init__(
            "team", team, "is not a team of this key", ", ".join(sorted(teams)) or "none"
        )


class RateLimitedError(RetryError):
    """Too many requests with one key."""

    code = "rate_limited"

    def __init__(self, *, requests_per_second: float, retry_after_seconds: int) -> None:
        super().__init__(
            "key",
            f"has asked more than {requests_per_second:g} times a second",
            retry_after_seconds=retry_after_seconds,
        )


class QuotaSpentError(RetryError):
    """What a key may take in a day (in UTC) is spent, or too little is left for this answer."""

    code = "quota_spent"

    def __init__(
        self, *, bytes_per_day: int, left_bytes: int, asked_bytes: int, retry_after_seconds: int
    ) -> None:
        # No day is long enough for an answer that is larger than the quota.
        is_too_large = asked_bytes > bytes_per_day
        ranges = f"ranges of at most {bytes_per_day:,} bytes a day together, or a larger quota"
        super().__init__(
            "key",
            f"has {left_bytes:,} bytes left of {bytes_per_day:,} a day, and this answer has "
            f"{asked_bytes:,}",
            retry_after_seconds=retry_after_seconds,
            accepted=ranges if is_too_large else None,
        )
