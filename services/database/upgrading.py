"""Tables brought to the newest revision, by one server at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from services.database.revisions import DatabaseStatus, known_revisions, script_config, status_of
from services.errors import StartupError

LOCK_TIMEOUT_SECONDS = 60
"""How long a server waits, on PostgreSQL, for another one that changes the tables."""

_LOCK = 0x7765_6967_6874_6261
"""PostgreSQL's advisory lock of whoever changes our tables: ``weightba`` in ASCII."""

_LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's word for a wait that took too long."""

_one_at_a_time = threading.Lock()
"""Alembic keeps what it works on in globals of its own modules."""


def upgrade(engine: Engine) -> DatabaseStatus:
    """Bring the tables to the newest revision; return how far they were before.

    All steps are one transaction: either all of them are seen, or none. Servers may do
    this at one time; one of them does it, the others wait for it.

    Raises:
        StartupError: If this code must not touch the database, or another server does
            not come to its end.
    """
    with engine.connect() as connection:
        before = status_of(connection)
    if before.pending:
        with _alone(engine) as connection:
            before = status_of(connection)  # another server may have done it meanwhile
            if before.pending:
                config = script_config()
                config.attributes["connection"] = connection
                command.upgrade(config, known_revisions()[-1])
    return before


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction in which nobody else changes the tables."""
    if not _one_at_a_time.acquire(timeout=LOCK_TIMEOUT_SECONDS):
        raise _too_long()
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                # Python's driver begins nothing before a table is made. Others wait
                # as long as for any writer.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                _wait_for_lock(connection)
            yield connection
    finally:
        _one_at_a_time.release()


def _wait_for_lock(connection: Connection) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
    try:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise _too_long() from error
        raise


def _too_long() -> StartupError:
    return StartupError(
        f"another server has been changing its tables for {LOCK_TIMEOUT_SECONDS} s; start again "
        "when it is done"
    )
