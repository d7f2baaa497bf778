"""Specs and names, written into a file as they stand at one moment."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import Connection, Engine, Select, collate, select

from services.database import (
    in_utc,
    name_versions_table,
    names_table,
    specs_table,
    unavailable_as_error,
)
from services.names.syntax import Name
from services.spec_exchange.records import (
    HEAD_LINE,
    EndRecord,
    NameRecord,
    SpecRecord,
    VersionRecord,
)
from services.spec_store import DamagedSpecError

_SPECS_AT_ONCE = 8
_ROWS_AT_ONCE = 500
_SPECS, _NAMES, _VERSIONS = specs_table.c, names_table.c, name_versions_table.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is exported: everything, unless one of these is given.

    Attributes:
        team: Its names, and the specs that they stand for.
        ids: These specs, without names.
    """

    team: str | None = None
    ids: Sequence[str] | None = None


def export_specs(engine: Engine, file: BinaryIO, selection: Selection) -> EndRecord:
    """Write a file; return what it ends with.

    The database is read in one transaction, in pieces; memory holds a few specs.

    Raises:
        StoreUnavailableError: If the database does not answer.
        DamagedSpecError: If a spec is not what its id says.
        OSError: If the file cannot be written.
    """
    hashed = hashlib.sha256(HEAD_LINE)
    file.write(HEAD_LINE)
    counts: dict[type, int] = {SpecRecord: 0, NameRecord: 0, VersionRecord: 0}
    with unavailable_as_error(), engine.connect() as connection:
        for record in _records(_at_one_moment(connection), selection):
            line = record.line()
            hashed.update(line)
            file.write(line)
            counts[type(record)] += 1
    end = EndRecord(
        specs=counts[SpecRecord],
        names=counts[NameRecord],
        versions=counts[VersionRecord],
        sha256=hashed.hexdigest(),
    )
    file.write(end.line())
    return end


def _at_one_moment(connection: Connection) -> Connection:
    """Let all questions see the database as it is at the first of them."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")  # Python's driver begins nothing to read
        return connection
    return connection.execution_options(isolation_level="REPEATABLE READ")


def _records(
    connection: Connection, selection: Selection
) -> Iterator[SpecRecord | NameRecord | VersionRecord]:
    for row in _rows(connection, _spec_query(selection), _SPECS_AT_ONCE):
        document = row.canonical_json.encode()
        if hashlib.sha256(document).hexdigest() != row.id:
            raise DamagedSpecError(f"the spec stored as {row.id} has another hash")
        seed = None if row.suggested_seed is None else int(row.suggested_seed)
        yield SpecRecord(row.id, seed, in_utc(row.created_at), document)
    if selection.ids is not None:
        return
    for row in _rows(connection, _name_query(connection, selection), _ROWS_AT_ONCE):
        name = Name(row.team, row.name)
        yield NameRecord(name, row.newest_version, row.retired_version, in_utc(row.created_at))
        for version in _rows(connection, _version_query(name), _ROWS_AT_ONCE):
            yield VersionRecord(
                name, version.version, version.spec_id, version.note, in_utc(version.created_at)
            )


def _rows(connection: Connection, query: Select[Any], at_once: int) -> Iterator[Any]:
    yield from connection.execute(query.execution_options(yield_per=at_once))


def _spec_query(selection: Selection) -> Select[Any]:
    query = select(specs_table).order_by(_SPECS.id)
    if selection.ids is not None:
        query = query.where(_SPECS.id.in_(selection.ids))
    if selection.team is not None:
        named = select(_VERSIONS.spec_id).where(_VERSIONS.team == selection.team)
        query = query.where(_SPECS.id.in_(named))
    return query


def _name_query(connection: Connection, selection: Selection) -> Select[Any]:
    columns: tuple[Any, ...] = (_NAMES.team, _NAMES.name)
    if connection.dialect.name == "postgresql":
        # The file's order is that of characters' codes, whatever the database speaks.
        columns = tuple(collate(column, "C") for column in columns)
    query = select(names_table).order_by(*columns)
    return query if selection.team is None else query.where(_NAMES.team == selection.team)


def _version_query(name: Name) -> Select[Any]:
    return (
        select(name_versions_table)
        .where(_VERSIONS.team == name.team, _VERSIONS.name == name.name)
        .order_by(_VERSIONS.version)
    )
