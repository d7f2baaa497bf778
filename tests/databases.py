"""Empty databases for tests: SQLite, and PostgreSQL where one is to be had."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, MetaData

from services.database import connect_database, database_url, open_database

POSTGRES = "WB_TEST_POSTGRES_URL"

DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
"""Parameters for a fixture that gives each kind of database."""


@contextmanager
def empty_database(kind: str, directory: Path) -> Iterator[URL]:
    """The address of a database without tables, emptied before and after."""
    if kind == "sqlite":
        yield database_url("", data_directory=directory)
        return
    given = os.environ.get(POSTGRES, "")
    if not given:
        pytest.skip(f"{POSTGRES} is not set to a database that may be emptied")
    url = database_url(given, data_directory=directory)
    engine = connect_database(url)
    drop_everything(engine)
    try:
        yield url
    finally:
        drop_everything(engine)
        engine.dispose()


@contextmanager
def open_empty_database(kind: str, directory: Path) -> Iterator[Engine]:
    """A database with all its tables, and nothing in them."""
    with empty_database(kind, directory) as url:
        engine = open_database(url)
        try:
            yield engine
        finally:
            engine.dispose()


def drop_everything(engine: Engine) -> None:
    """Drop all tables, and the word of which revision they were."""
    found = MetaData()
    found.reflect(engine)
    found.drop_all(engine)
