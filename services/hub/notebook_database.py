"""The table of a notebook, its statements, and the SQLite file that it is in."""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Delete,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    func,
    select,
    tuple_,
)
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.schema import CreateIndex, CreateTable

_BUSY_TIMEOUT_SECONDS = 1
_CONNECTIONS = 16
_ROW_BYTES = 300
"""What a row takes beside its value, about."""

_metadata = MetaData()
_table = Table(
    "remembered",
    _metadata,
    Column("kind", String(16), primary_key=True),
    Column("repository", String(128), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("tag", String(80), nullable=True),
    Column("seen_at", Float, nullable=False),
    Column("size_bytes", Integer, nullable=False),
)
_by_tag = Index("remembered_by_tag", _table.c.kind, _table.c.tag)
_by_repository = Index("remembered_by_repository", _table.c.repository)
_key_columns = (_table.c.kind, _table.c.repository, _table.c.name)


@dataclass(frozen=True, slots=True)
class Key:
    """What a text is kept under.

    Attributes:
        kind: Of text.
        repository: That it is about.
        name: Within these two.
    """

    kind: str
    repository: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A text, and since when it is known.

    Attributes:
        key: It is kept under.
        value: The text.
        seen_at: In seconds since 1970.
        tag: What else it is found by.
    """

    key: Key
    value: str
    seen_at: float
    tag: str | None = None


def selection_of(key: Key) -> Select[Any]:
    """Return a question for the row of a key."""
    return selection(
        _table.c.kind == key.kind,
        _table.c.repository == key.repository,
        _table.c.name == key.name,
    )


def selection_about(kind: str, repository: str) -> Select[Any]:
    """Return a question for all rows of a kind about a repository."""
    return selection(_table.c.kind == kind, _table.c.repository == repository)


def selection_tagged(kind: str, tag: str) -> Select[Any]:
    """Return a question for all rows of a kind with a tag."""
    return selection(_table.c.kind == kind, _table.c.tag == tag)


def selection(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Return a question for rows, in the order in which ``row_of`` reads their columns."""
    columns = (*_key_columns, _table.c.value, _table.c.seen_at, _table.c.tag)
    return select(*columns).where(*conditions).order_by(*_key_columns)


def row_of(values: Any) -> Row:
    """Return the row of an answer to ``selection``."""
    kind, repository, name, value, seen_at, tag = values
    return Row(Key(kind, repository, name), value, seen_at, tag)


def insertion(row: Row, *, replaces: bool) -> Insert:
    """Return a statement that keeps a row, in place of another or only if there is none."""
    values = {
        "kind": row.key.kind,
        "repository": row.key.repository,
        "name": row.key.name,
        "value": row.value,
        "tag": row.tag,
        "seen_at": row.seen_at,
        "size_bytes": len(row.value) + _ROW_BYTES,
    }
    statement = insert(_table).values(values)
    if not replaces:
        return statement.on_conflict_do_nothing()
    changed = {name: values[name] for name in ("value", "tag", "seen_at", "size_bytes")}
    return statement.on_conflict_do_update(index_elements=_key_columns, set_=changed)


def deletion_of(key: Key) -> Delete:
    """Return a statement that drops the row of a key."""
    return delete(_table).where(
        _table.c.kind == key.kind,
        _table.c.repository == key.repository,
        _table.c.name == key.name,
    )


def deletion_about(repository: str) -> Delete:
    """Return a statement that drops all rows about a repository."""
    return delete(_table).where(_table.c.repository == repository)


def deletion_beyond(capacity_bytes: int) -> Delete:
    """Return a statement that drops the oldest rows, as many as are too many."""
    newest_first = (_table.c.seen_at.desc(), *_key_columns)
    total = func.sum(_table.c.size_bytes).over(order_by=newest_first)
    sums = select(*_key_columns, total.label("total")).subquery()
    beyond = select(sums.c.kind, sums.c.repository, sums.c.name).where(
        sums.c.total > capacity_bytes
    )
    return delete(_table).where(tuple_(*_key_columns).in_(beyond))


def make_engine(path: Path) -> Engine:
    """Return an engine for a SQLite file; it touches the file only when it is used."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": _BUSY_TIMEOUT_SECONDS},
        pool_size=_CONNECTIONS,
        max_overflow=_CONNECTIONS,
        pool_timeout=_BUSY_TIMEOUT_SECONDS,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # Write-ahead logging lets readers go on while one writes.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    return engine


def prepare(engine: Engine, path: Path) -> int:
    """Make what is missing of the directory, the file and its table; return its inode.

    Raises:
        OSError: If the directory or the file cannot be made.
        SQLAlchemyError: If the file cannot be used, or is none of SQLite.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # It says who reads what: not for other users of this machine.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    with engine.begin() as connection:
        connection.execute(CreateTable(_table, if_not_exists=True))
        for index in (_by_tag, _by_repository):
            connection.execute(CreateIndex(index, if_not_exists=True))
    return path.stat().st_ino


def set_aside(path: Path) -> None:
    """Rename a damaged file, so that another can take its place."""
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    path.replace(path.with_name(path.name + ".damaged"))
