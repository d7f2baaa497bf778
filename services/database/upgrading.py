"""Tables brought to the newest revision, by one server at a time."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from services.database.revisions import DatabaseStatus, known_revisions, script_config, status_of
from services.errors import StartupError

LOCK_TIMEOUT_SECONDS = 60
"""How long a server waits for another one that changes the tables."""

_LOCK = 0x7765_6967_6874_6261
"""PostgreSQL's advisory lock of whoever changes our tables: ``weightba`` in ASCII."""

_LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's word for a wait that took too long."""

_one_at_a_time = threading.Lock()
"""Alembic keeps what it works on in globals of its own modules."""


def upgrade(engine: Engine, *, lock_timeout_seconds: int = LOCK_TIMEOUT_SECONDS) -> DatabaseStatus:
    """Bring the tables to the newest revision; return how far they were before.

    All steps are one transaction: either all of them are seen, or none. Servers may do
    this at one time; one of them does it, the others wait for it.

    Args:
        engine: Of the database.
        lock_timeout_seconds: How long to wait for another server.

    Raises:
        StartupError: If this code must not touch the database, or another server does
            not come to its end.
    """
    with engine.connect() as connection:
        before = status_of(connection)
    if before.pending:
        with _alone(engine, lock_timeout_seconds) as connection:
            before = status_of(connection)  # another server may have done it meanwhile
            if before.pending:
                config = script_config()
                config.attributes["connection"] = connection
                command.upgrade(config, known_revisions()[-1])
    return before


@contextmanager
def _alone(engine: Engine, seconds: int) -> Iterator[Connection]:
    """A transaction in which nobody else changes the tables."""
    if not _one_at_a_time.acquire(timeout=seconds):
        raise _too_long(seconds)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                _begin_alone(connection, seconds)
            else:
                _wait_for_lock(connection, seconds)
            yield connection
    finally:
        _one_at_a_time.release()


def _begin_alone(connection: Connection, seconds: int) -> None:
    """Begin what Python's driver for SQLite would begin only when a row is written."""
    as_long_as_for_rows = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {seconds * 1000}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise _too_long(seconds) from error
        raise
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {as_long_as_for_rows}")


def _wait_for_lock(connection: Connection, seconds: int) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{seconds}s'"))
    try:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise _too_long(seconds) from error
        raise


def _too_long(seconds: int) -> StartupError:
    return StartupError(
        f"another server has been changing its tables for {seconds} s; start again when it is done"
    )
