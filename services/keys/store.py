"""Where keys are kept: hashes of their secrets, and what they open."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Engine, or_, select, update
from sqlalchemy.exc import IntegrityError

from services.database import in_utc, keys_table, unavailable_as_error
from services.keys.key import Key

_TABLE = keys_table.c
_BATCH = 500


class KeyStore(Protocol):
    """Keeps keys. Every method blocks, and may be called from any thread."""

    def add(self, key: Key) -> bool:
        """Keep a new key; return whether its id was free."""

    def find(self, key_id: str) -> Key | None:
        """Return a key, whether it still counts or not."""

    def all(self) -> list[Key]:
        """Return all keys, the oldest first."""

    def has_any(self, now: datetime) -> bool:
        """Return whether there is a key that counts."""

    def revoke(self, key_id: str, now: datetime) -> Key | None:
        """Let a key count no more; return it, or None if there is none of this id."""

    def mark_used(self, used_at: Mapping[str, datetime]) -> None:
        """Note when keys were used last."""


class SqlKeyStore:
    """Keys in a database, shared by any number of servers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, key: Key) -> bool:
        """Keep a new key; return whether its id was free.

        Raises:
            StoreUnavailableError: If the database does not answer.
        """
        values = {
            "id": key.id,
            "secret_sha256": key.secret_sha256,
            "label": key.label,
            "scopes": " ".join(key.scopes),
            "teams": " ".join(key.teams),
            "requests_per_second": key.requests_per_second,
            "bytes_per_day": key.bytes_per_day,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
        }
        with unavailable_as_error():
            try:
                with self._engine.begin() as connection:
                    connection.execute(keys_table.insert().values(values))
            except IntegrityError:
                return False
        return True

    def find(self, key_id: str) -> Key | None:
        """Return a key, whether it still counts or not.

        Raises:
            StoreUnavailableError: If the database does not answer.
        """
        with unavailable_as_error(), self._engine.connect() as connection:
            query = select(keys_table).where(_TABLE.id == key_id)
            row = connection.execute(query).one_or_none()
        return None if row is None else _key(row)

    def all(self) -> list[Key]:
        """Return all keys, the oldest first."""
        with unavailable_as_error(), self._engine.connect() as connection:
            query = select(keys_table).order_by(_TABLE.created_at, _TABLE.id)
            return [_key(row) for row in connection.execute(query)]

    def has_any(self, now: datetime) -> bool:
        """Return whether there is a key that counts."""
        query = select(_TABLE.id).where(
            _TABLE.revoked_at.is_(None), or_(_TABLE.expires_at.is_(None), _TABLE.expires_at > now)
        )
        with unavailable_as_error(), self._engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def revoke(self, key_id: str, now: datetime) -> Key | None:
        """Let a key count no more; return it, or None if there is none of this id."""
        with unavailable_as_error(), self._engine.begin() as connection:
            connection.execute(
                update(keys_table)
                .where(_TABLE.id == key_id, _TABLE.revoked_at.is_(None))
                .values(revoked_at=now)
            )
        return self.find(key_id)

    def mark_used(self, used_at: Mapping[str, datetime]) -> None:
        """Note when keys were used last; what another server noted later stays."""
        marks = sorted(used_at.items())  # in one order, so that no two servers block each other
        with unavailable_as_error():
            for first in range(0, len(marks), _BATCH):
                with self._engine.begin() as connection:
                    for key_id, moment in marks[first : first + _BATCH]:
                        connection.execute(
                            update(keys_table)
                            .where(
                                _TABLE.id == key_id,
                                or_(_TABLE.used_at.is_(None), _TABLE.used_at < moment),
                            )
                            .values(used_at=moment)
                        )


def _key(row: Any) -> Key:
    return Key(
        id=row.id,
        secret_sha256=row.secret_sha256,
        label=row.label,
        scopes=tuple(row.scopes.split()),
        teams=tuple(row.teams.split()),
        requests_per_second=row.requests_per_second,
        bytes_per_day=row.bytes_per_day,
        created_at=in_utc(row.created_at),
        expires_at=_optional(row.expires_at),
        revoked_at=_optional(row.revoked_at),
        used_at=_optional(row.used_at),
    )


def _optional(moment: datetime | None) -> datetime | None:
    return None if moment is None else in_utc(moment)
