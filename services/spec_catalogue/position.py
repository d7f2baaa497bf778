"""A place in the list of specs, newest first, and what stands for it in a query."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_TOKEN = re.compile(r"([0-9a-f]{1,14})-([0-9a-f]{16})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Position:
    """Just behind one spec.

    An id is all that is needed to ask for a spec. A place in a list must not give away
    the id of one that the list has left out, so it has only the first digits.

    Attributes:
        created_at: Of the spec.
        id_start: First digits of its id.
    """

    created_at: datetime
    id_start: str

    @classmethod
    def behind(cls, *, created_at: datetime, spec_id: str) -> Self:
        """Return the place behind a spec."""
        return cls(created_at, spec_id[:_ID_DIGITS])

    def token(self) -> str:
        """Return what stands for it.

        Examples:
            >>> place = Position.behind(created_at=datetime(2026, 1, 31, tzinfo=UTC),
            ...     spec_id="0123456789abcdef" * 4)
            >>> place.token()
            '649a3c55d8000-0123456789abcdef'
            >>> Position.parse(place.token()) == place
            True
        """
        microseconds = (self.created_at - _EPOCH) // timedelta(microseconds=1)
        return f"{microseconds:x}-{self.id_start}"

    @classmethod
    def parse(cls, token: str) -> Self | None:
        """Return the place that a token stands for; None if it stands for none."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        # Fourteen digits end in the year 4253, which datetime knows.
        return cls(_EPOCH + timedelta(microseconds=int(match[1], 16)), match[2])
