"""Where names and their versions are kept.

Theory of operation: whatever changes a name first takes its row, by an update that
changes nothing: on PostgreSQL that locks the row, on SQLite the database. All that
follows in the same transaction sees what was committed before, and is seen at once or
not at all, so that of two who put a name at once each gets a version of its own.
Rows of names stay for good, so that no number is given twice.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, and_, delete, func, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from services.database import in_utc, name_versions_table, names_table, unavailable_as_error
from services.errors import UnknownSpecError
from services.names.store import Agree, NameState, NameVersion
from services.names.syntax import MOST_VERSION, Name, Reference
from weightbank.errors import LimitExceededError

_SUGGESTED = 200
"""Most names among which a near one is looked for."""

_NAMES, _VERSIONS = names_table.c, name_versions_table.c


class SqlNameStore:
    """Names in a database, shared by any number of servers."""

    def __init__(self, engine: Engine, *, team_names: int, name_versions: int) -> None:
        """Use a database.

        Args:
            engine: Of the database.
            team_names: Most names of a team, retired ones included. Several that are made
                at once may go a few beyond it.
            name_versions: Most versions of a name, without retired ones.
        """
        self._engine = engine
        self._team_names = team_names
        self._name_versions = name_versions

    def put(
        self, name: Name, *, spec_id: str, note: str | None, created_by: str | None, agree: Agree
    ) -> tuple[NameVersion, bool]:
        """Make the next version, unless the newest is this very one; and say whether it is new.

        Args:
            name: The name.
            spec_id: Of a stored spec.
            note: None takes any note for the same.
            created_by: Id of a key.
            agree: Asked before anything is changed.

        Raises:
            UnknownSpecError: If no such spec is stored.
            LimitExceededError: If there are too many names or versions.
            StoreUnavailableError: If the database does not answer.
        """
        with unavailable_as_error():
            while True:
                try:
                    with self._engine.begin() as connection:
                        state = self._take(connection, name)
                        agree(state.newest)
                        kept = _same(connection, name, state, spec_id=spec_id, note=note)
                        if kept is not None:
                            return kept, False
                        made = self._next(name, state, spec_id, note or "", created_by)
                        _insert(connection, made)
                        return made, True
                except _MadeMeanwhileError:
                    continue  # the row is there now, and stays

    def retire(self, name: Name, *, agree: Agree) -> NameState | None:
        """Take all versions of a name away; return how it was before, None if it is unknown."""
        with unavailable_as_error(), self._engine.begin() as connection:
            if not _lock(connection, name):
                return None
            state = _state(connection, name)
            assert state is not None, name
            agree(state.newest)
            connection.execute(delete(name_versions_table).where(*_is(_VERSIONS, name)))
            connection.execute(
                update(names_table)
                .where(*_is(_NAMES, name))
                .values(retired_version=_NAMES.newest_version)
            )
            return state

    def find(self, reference: Reference) -> NameVersion | None:
        """Return one version."""
        query = select(name_versions_table).where(*_is(_VERSIONS, reference.name))
        if reference.version is None:
            query = query.order_by(_VERSIONS.version.desc()).limit(1)
        else:
            query = query.where(_VERSIONS.version == reference.version)
        found = self._versions(query)
        return found[0] if found else None

    def state(self, name: Name) -> NameState | None:
        """Return which versions a name has, None if it is unknown."""
        with unavailable_as_error(), self._engine.connect() as connection:
            return _state(connection, name)

    def versions(self, name: Name, *, before: int | None, limit: int) -> list[NameVersion]:
        """Return versions of a name, the newest first, from below a number."""
        query = select(name_versions_table).where(*_is(_VERSIONS, name))
        if before is not None:
            query = query.where(_VERSIONS.version < before)
        return self._versions(query.order_by(_VERSIONS.version.desc()).limit(limit))

    def newest(
        self, *, team: str | None, search: str, after: Name | None, limit: int
    ) -> list[NameVersion]:
        """Return the newest version of each name, in the order of names, behind one of them."""
        is_newest = and_(
            _VERSIONS.team == _NAMES.team,
            _VERSIONS.name == _NAMES.name,
            _VERSIONS.version == _NAMES.newest_version,
        )
        query = select(name_versions_table).join(names_table, is_newest)
        if team is not None:
            query = query.where(_VERSIONS.team == team)
        if search:
            whole = _VERSIONS.team + "/" + _VERSIONS.name
            query = query.where(whole.contains(search, autoescape=True))
        if after is not None:
            place = tuple_(_VERSIONS.team, _VERSIONS.name)
            query = query.where(place > tuple_(after.team, after.name))
        return self._versions(query.order_by(_VERSIONS.team, _VERSIONS.name).limit(limit))

    def near_names(self, name: Name) -> list[str]:
        """Return names that may have been meant, as ``team/name``."""
        query = (
            select(_NAMES.team, _NAMES.name)
            .where(_NAMES.newest_version > _NAMES.retired_version)
            .where((_NAMES.team == name.team) | (_NAMES.name == name.name))
            .order_by(
                _NAMES.team != name.team,
                func.substr(_NAMES.name, 1, 1) != name.name[0],
                _NAMES.team,
                _NAMES.name,
            )
            .limit(_SUGGESTED)
        )
        return [str(Name(row.team, row.name)) for row in self._rows(query)]

    def near_teams(self, team: str) -> list[str]:
        """Return teams that may have been meant."""
        query = (
            select(_NAMES.team)
            .group_by(_NAMES.team)
            .order_by(_NAMES.team != team, func.substr(_NAMES.team, 1, 1) != team[0], _NAMES.team)
            .limit(_SUGGESTED)
        )
        return [row.team for row in self._rows(query)]

    def _versions(self, query: Select[Any]) -> list[NameVersion]:
        return [_version(row) for row in self._rows(query)]

    def _rows(self, query: Select[Any]) -> list[Row[Any]]:
        with unavailable_as_error(), self._engine.connect() as connection:
            return list(connection.execute(query))

    def _take(self, connection: Connection, name: Name) -> NameState:
        """Return which versions a name has, and let nobody else change it meanwhile."""
        if not _lock(connection, name):
            self._add(connection, name)
        state = _state(connection, name)
        assert state is not None, name
        return state

    def _add(self, connection: Connection, name: Name) -> None:
        count = select(func.count()).select_from(names_table).where(_NAMES.team == name.team)
        if connection.execute(count).scalar_one() >= self._team_names:
            problem = f"has {self._team_names:,} names already, retired ones included"
            raise LimitExceededError("team", name.team, problem, "one of its names")
        row = {"team": name.team, "name": name.name, "newest_version": 0, "retired_version": 0}
        try:
            connection.execute(names_table.insert().values(**row, created_at=datetime.now(UTC)))
        except IntegrityError:
            raise _MadeMeanwhileError from None

    def _next(
        self, name: Name, state: NameState, spec_id: str, note: str, created_by: str | None
    ) -> NameVersion:
        if state.newest_version - state.retired_version >= self._name_versions:
            problem = f"has {self._name_versions:,} versions already"
            raise LimitExceededError("name", str(name), problem, "another name")
        version = state.newest_version + 1
        if version > MOST_VERSION:  # a file of names can have brought it so far
            problem = f"has had version {MOST_VERSION:,}, the last one"
            raise LimitExceededError("name", str(name), problem, "another name")
        return NameVersion(name, version, spec_id, note, created_by, datetime.now(UTC))


class _MadeMeanwhileError(Exception):
    """Another server made this name first."""


def _is(columns: Any, name: Name) -> tuple[Any, Any]:
    return columns.team == name.team, columns.name == name.name


def _lock(connection: Connection, name: Name) -> bool:
    """Take a name's row until the transaction ends; return whether there is one."""
    unchanged = update(names_table).where(*_is(_NAMES, name))
    taken = connection.execute(unchanged.values(newest_version=_NAMES.newest_version))
    return taken.rowcount > 0


def _state(connection: Connection, name: Name) -> NameState | None:
    query = select(_NAMES.newest_version, _NAMES.retired_version).where(*_is(_NAMES, name))
    row = connection.execute(query).one_or_none()
    return None if row is None else NameState(row.newest_version, row.retired_version)


def _same(
    connection: Connection, name: Name, state: NameState, *, spec_id: str, note: str | None
) -> NameVersion | None:
    """Return the newest version if it stands for this spec, with this note if there is one."""
    query = select(name_versions_table).where(
        *_is(_VERSIONS, name),
        _VERSIONS.version == state.newest_version,
        _VERSIONS.spec_id == spec_id,
    )
    row = connection.execute(query).one_or_none()
    return None if row is None or note not in {None, row.note} else _version(row)


def _insert(connection: Connection, made: NameVersion) -> None:
    try:
        connection.execute(
            name_versions_table.insert().values(
                team=made.name.team,
                name=made.name.name,
                version=made.version,
                spec_id=made.spec_id,
                note=made.note,
                created_by=made.created_by,
                created_at=made.created_at,
            )
        )
    except IntegrityError:
        raise UnknownSpecError(made.spec_id) from None
    connection.execute(
        update(names_table).where(*_is(_NAMES, made.name)).values(newest_version=made.version)
    )


def _version(row: Row[Any]) -> NameVersion:
    return NameVersion(
        name=Name(row.team, row.name),
        version=row.version,
        spec_id=row.spec_id,
        note=row.note,
        created_by=row.created_by,
        created_at=in_utc(row.created_at),
    )
