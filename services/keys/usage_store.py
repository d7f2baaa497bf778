"""Where the bytes of each key and day are counted, for all servers together."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.database import key_usage_table, unavailable_as_error
from services.errors import StoreUnavailableError

_TABLE = key_usage_table.c


@dataclass(frozen=True, slots=True)
class Lease:
    """What came of asking for bytes.

    Attributes:
        granted_bytes: That may be sent; 0 if the least that was asked for did not fit.
        used_bytes: Of the day so far, leases of all servers included.
    """

    granted_bytes: int
    used_bytes: int


class UncertainError(StoreUnavailableError):
    """The database went away at the last moment: it may have counted, or may not have."""


class UsageStore(Protocol):
    """Counts bytes. Every method blocks, and may be called from any thread."""

    def lease(
        self, key_id: str, day: str, *, least_bytes: int, most_bytes: int, quota_bytes: int
    ) -> Lease:
        """Take bytes of a day's quota: the most, or else the least, or none."""

    def add(self, key_id: str, day: str, size_bytes: int) -> None:
        """Count bytes; fewer than none are given back.

        Raises:
            UncertainError: If nobody knows whether they are counted.
            StoreUnavailableError: If they are not.
        """

    def used(self, day: str) -> dict[str, int]:
        """Return the bytes of a day, by key."""


class SqlUsageStore:
    """Counts in a database, shared by any number of servers.

    One UPDATE looks and takes, so that two servers never take the same bytes.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lease(
        self, key_id: str, day: str, *, least_bytes: int, most_bytes: int, quota_bytes: int
    ) -> Lease:
        """Take bytes of a day's quota: the most, or else the least, or none.

        Raises:
            StoreUnavailableError: If the database does not answer.
        """
        with unavailable_as_error():
            used_bytes = self._used(key_id, day)
            if used_bytes is None:
                self._begin(key_id, day)
            for size_bytes in (most_bytes, least_bytes):
                if self._take(key_id, day, size_bytes, quota_bytes):
                    return Lease(size_bytes, self._used(key_id, day) or 0)
            return Lease(0, self._used(key_id, day) or 0)

    def add(self, key_id: str, day: str, size_bytes: int) -> None:
        """Count bytes; fewer than none are given back.

        Raises:
            UncertainError: If nobody knows whether they are counted.
            StoreUnavailableError: If they are not.
        """
        with unavailable_as_error():
            if not self._added(key_id, day, size_bytes):
                self._begin(key_id, day)
                self._added(key_id, day, size_bytes)

    def used(self, day: str) -> dict[str, int]:
        """Return the bytes of a day, by key."""
        query = select(_TABLE.key_id, _TABLE.bytes).where(_TABLE.day == day)
        with unavailable_as_error(), self._engine.connect() as connection:
            return {row.key_id: row.bytes for row in connection.execute(query)}

    def _take(self, key_id: str, day: str, size_bytes: int, quota_bytes: int) -> bool:
        with self._engine.begin() as connection:
            taken = connection.execute(
                update(key_usage_table)
                .where(
                    _TABLE.key_id == key_id,
                    _TABLE.day == day,
                    # Not the sum: it could be more than a column holds.
                    _TABLE.bytes <= quota_bytes - size_bytes,
                )
                .values(bytes=_TABLE.bytes + size_bytes)
            )
            return taken.rowcount == 1

    def _added(self, key_id: str, day: str, size_bytes: int) -> bool:
        with self._engine.connect() as connection:
            added = connection.execute(
                update(key_usage_table)
                .where(_TABLE.key_id == key_id, _TABLE.day == day)
                .values(bytes=_TABLE.bytes + size_bytes)
            )
            try:
                connection.commit()
            except DBAPIError as error:
                connection.invalidate()  # what it was about to keep must not come later
                raise UncertainError from error
            return added.rowcount == 1

    def _used(self, key_id: str, day: str) -> int | None:
        query = select(_TABLE.bytes).where(_TABLE.key_id == key_id, _TABLE.day == day)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one_or_none()

    def _begin(self, key_id: str, day: str) -> None:
        try:
            with self._engine.begin() as connection:
                connection.execute(key_usage_table.insert().values(key_id=key_id, day=day, bytes=0))
        except IntegrityError:
            return  # another server began it, or the key is gone
