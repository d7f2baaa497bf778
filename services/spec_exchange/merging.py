"""Names from a file, merged with those that are here.

Rules, for a name whose versions in the file are (R, N], R of them retired, and whose
versions here are (r, n]:

1. A version that is in both must stand for the same spec; else it is a conflict.
2. What is retired here stays retired, whatever the file says of it.
3. What is retired in the file and in use here stays in use, if the file's versions
   follow on it (R <= n). If they leave a gap, that is a conflict: retire it here first.
4. No number is given twice afterwards: the newest version is the greater of the two.
"""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from services.database import name_versions_table, names_table, specs_table
from services.spec_exchange.errors import InvalidImportError
from services.spec_exchange.records import NameRecord, VersionRecord

_VERSIONS_AT_ONCE = 500
_MOST_CONFLICTS = 1000
_NAMES, _VERSIONS = names_table.c, name_versions_table.c


class NameMerger:
    """Merges one name after the other, within one transaction.

    Attributes:
        conflicts: References on which the file and the database do not agree.
        counts: Fields of ``ImportCounts``.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._retired_version = 0
        self._waiting: list[tuple[int, VersionRecord]] = []
        self.conflicts: list[str] = []
        self.counts = dict.fromkeys(
            ("new_names", "known_names", "new_versions", "known_versions", "retired_versions"), 0
        )

    def begin(self, record: NameRecord) -> None:
        """Begin with a name; its versions follow."""
        self.finish()
        here = self._lock(record)
        if here is None:
            self._connection.execute(
                names_table.insert().values(
                    team=record.name.team,
                    name=record.name.name,
                    newest_version=record.newest_version,
                    retired_version=record.retired_version,
                    created_at=record.created_at,
                )
            )
            self._retired_version = record.retired_version
            self.counts["new_names"] += 1
            return
        self._retired_version = here.retired_version
        if record.retired_version > here.newest_version:
            if here.newest_version > here.retired_version:
                self._conflict(str(record.name))
            self._retired_version = record.retired_version
        self._connection.execute(
            update(names_table)
            .where(*_is(_NAMES, record.name))
            .values(
                newest_version=max(record.newest_version, here.newest_version),
                retired_version=self._retired_version,
            )
        )
        self.counts["known_names"] += 1

    def add(self, record: VersionRecord, number: int) -> None:
        """Add a version of the name that was begun."""
        if record.version <= self._retired_version:
            self.counts["retired_versions"] += 1
            return
        self._waiting.append((number, record))
        if len(self._waiting) == _VERSIONS_AT_ONCE:
            self.finish()

    def finish(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        self._check_specs(waiting)
        here = self._specs_here(waiting)
        new = []
        for _, record in waiting:
            if record.version not in here:
                new.append(_row(record))
            elif here[record.version] == record.spec_id:
                self.counts["known_versions"] += 1
            else:
                self._conflict(record.reference)
        if new:
            self._connection.execute(name_versions_table.insert(), new)
        self.counts["new_versions"] += len(new)

    def _lock(self, record: NameRecord) -> Row[Any] | None:
        """Return the row of a name, which nobody else changes until the end."""
        query = select(names_table).where(*_is(_NAMES, record.name)).with_for_update()
        return self._connection.execute(query).one_or_none()

    def _check_specs(self, waiting: list[tuple[int, VersionRecord]]) -> None:
        ids = {record.spec_id for _, record in waiting}
        query = select(specs_table.c.id).where(specs_table.c.id.in_(ids))
        found = set(self._connection.execute(query).scalars())
        for number, record in waiting:
            if record.spec_id not in found:
                problem = f"names spec {record.spec_id}, which is neither in the file nor here"
                raise InvalidImportError(number, problem)

    def _specs_here(self, waiting: list[tuple[int, VersionRecord]]) -> dict[int, str]:
        versions = [record.version for _, record in waiting]
        query = select(_VERSIONS.version, _VERSIONS.spec_id).where(
            *_is(_VERSIONS, waiting[0][1].name), _VERSIONS.version.in_(versions)
        )
        return {row.version: row.spec_id for row in self._connection.execute(query)}

    def _conflict(self, reference: str) -> None:
        if len(self.conflicts) < _MOST_CONFLICTS:
            self.conflicts.append(reference)


def _is(columns: Any, name: Any) -> tuple[Any, Any]:
    return columns.team == name.team, columns.name == name.name


def _row(record: VersionRecord) -> dict[str, Any]:
    return {
        "team": record.name.team,
        "name": record.name.name,
        "version": record.version,
        "spec_id": record.spec_id,
        "note": record.note,
        # Keys are those of one server, and mean nothing to another one.
        "created_by": None,
        "created_at": record.created_at,
    }
