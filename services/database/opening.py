"""A database with its tables, on SQLite or PostgreSQL."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
    SQLAlchemyError,
    TimeoutError,  # noqa: A004 - of the pool of connections
)

from services.database.revisions import DatabaseStatus, status_of
from services.database.upgrading import upgrade
from services.errors import StartupError, StoreUnavailableError

BUSY_TIMEOUT_SECONDS = 10
"""How long a writer waits for another one, on SQLite, and a connection on PostgreSQL."""

_POSTGRES = {
    "connect_timeout": BUSY_TIMEOUT_SECONDS,
    # A machine that is gone closes no connection: whoever waits for it would do so for hours.
    "keepalives_idle": BUSY_TIMEOUT_SECONDS,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # in milliseconds: as long as all of these together
}
"""Options of libpq, which an address may have others of."""


def database_url(url: str, *, data_directory: Path) -> URL:
    """Return the address of the database, with the driver we use.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://...``; empty for a SQLite file
            in ``data_directory``.
        data_directory: Where that file would be.

    Raises:
        StartupError: If it is no address of these two.

    Examples:
        >>> database_url("postgresql://user@host/weights", data_directory=Path("data")).drivername
        'postgresql+psycopg'
        >>> database_url("", data_directory=Path("data")).database
        'data/weightbank.sqlite3'
    """
    if not url:
        return URL.create("sqlite", database=str(data_directory / "weightbank.sqlite3"))
    accepted = "accepted: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StartupError(f"database address is not a URL; {accepted}") from None
    backend = parsed.get_backend_name()
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed
    raise StartupError(f"database {_shown(parsed)!r} cannot be used; {accepted}")


def open_database(url: URL) -> Engine:
    """Return an engine whose tables are of the newest revision, or of a newer release.

    Raises:
        StartupError: If the database cannot be reached or written, or this release must
            not touch it; in one line.
    """
    engine = connect_database(url)
    with disposed_on_failure(engine):
        _make_private(url)
        upgrade(engine)
    return engine


def _make_private(url: URL) -> None:
    """Make SQLite's file for nobody else: what goes beside it gets the same permissions."""
    if url.get_backend_name() != "sqlite" or "uri" in url.query:
        return
    with contextlib.suppress(OSError):  # SQLite says better what is wrong there
        os.close(os.open(str(url.database), os.O_RDWR | os.O_CREAT, 0o600))


def database_status(url: URL) -> DatabaseStatus:
    """Return how far a database is; it is not changed, and not made.

    Raises:
        StartupError: If it cannot be reached, or this release must not touch it.
    """
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return DatabaseStatus.of_nothing()
    engine = connect_database(url)
    with disposed_on_failure(engine), engine.connect() as connection:
        found = status_of(connection)
    engine.dispose()
    return found


def connect_database(url: URL) -> Engine:
    """Return an engine, whatever is in the database; nothing is asked of it yet.

    Raises:
        StartupError: If the driver is not installed.
    """
    try:
        return _engine(url)
    except ModuleNotFoundError:
        raise StartupError(
            f"database {_shown(url)} needs a driver; install it with: "
            "pip install 'weightbank[postgres]'"
        ) from None


@contextmanager
def disposed_on_failure(engine: Engine) -> Iterator[None]:
    """Close an engine if what is done with it at the start fails, and say which it was.

    Raises:
        StartupError: Instead of the driver's errors, and with the database's address.
    """
    try:
        yield
    except (StartupError, SQLAlchemyError) as error:
        engine.dispose()
        shown = _shown(engine.url)
        if isinstance(error, StartupError):
            raise StartupError(f"database {shown} cannot be used: {error}") from error
        cause = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise StartupError(f"database {shown} cannot be opened: {cause}") from error


@contextmanager
def unavailable_as_error() -> Iterator[None]:
    """Turn a database that does not answer into our own error.

    Raises:
        StoreUnavailableError: Instead of the driver's error.
    """
    try:
        yield
    except (IntegrityError, ProgrammingError, DataError):
        raise  # it does answer; the question was wrong
    except (DBAPIError, TimeoutError) as error:
        raise StoreUnavailableError from error


def check(engine: Engine) -> None:
    """Ask the database for nothing, to see that it answers.

    Raises:
        StoreUnavailableError: If it does not.
    """
    with unavailable_as_error(), engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(
            url,
            pool_pre_ping=True,
            pool_timeout=BUSY_TIMEOUT_SECONDS,
            connect_args={name: _POSTGRES[name] for name in _POSTGRES if name not in url.query},
        )
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # Write-ahead logging lets readers go on while one writes.
        connection.execute("PRAGMA journal_mode = WAL")
        # A commit is on the disk when we say that it is: a key that was revoked must stay
        # so, and no version be given twice, when the power fails a moment later.
        connection.execute("PRAGMA synchronous = FULL")
        # What a name stands for must not be deleted under it.
        connection.execute("PRAGMA foreign_keys = ON")

    return engine


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)
