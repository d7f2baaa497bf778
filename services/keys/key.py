"""A key as it is stored: everything but the secret."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime

from services.keys.caller import Caller
from services.keys.errors import InvalidKeyError
from services.keys.key_text import KeyText
from services.keys.scopes import Scope, opened_by


@dataclass(frozen=True, slots=True)
class Key:
    """A stored key. All times are in UTC.

    Attributes:
        id: Its public part.
        secret_sha256: Of its secret.
        label: Whose it is, or what for, in its maker's words.
        scopes: As they were given.
        teams: Whose names it may change; none means every team's.
        requests_per_second: None takes what the settings say, 0 is no limit.
        bytes_per_day: None takes what the settings say, 0 is no limit.
        created_at: When it was made.
        expires_at: From when on it counts no more.
        revoked_at: Since when it counts no more.
        used_at: When it was used last, to a minute.
    """

    id: str
    secret_sha256: str = field(repr=False)
    label: str
    scopes: tuple[Scope, ...]
    teams: tuple[str, ...]
    requests_per_second: float | None
    bytes_per_day: int | None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None

    @property
    def caller(self) -> Caller:
        """Who asks with it."""
        teams = frozenset(self.teams) or None
        return Caller(key_id=self.id, scopes=opened_by(self.scopes), teams=teams)

    def opens_with(self, text: KeyText) -> bool:
        """Return whether a secret is this key's, in a time that says nothing of it."""
        return hmac.compare_digest(self.secret_sha256, text.secret_sha256)

    def counts_at(self, now: datetime) -> bool:
        """Return whether it is neither revoked nor expired."""
        is_over = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not is_over

    def check(self, now: datetime) -> None:
        """See that it counts.

        Raises:
            InvalidKeyError: If it was revoked, or has expired.
        """
        if self.revoked_at is not None:
            raise InvalidKeyError("is a key that was revoked")
        if not self.counts_at(now):
            raise InvalidKeyError("is a key that has expired")
