"""Transactions that write much, and read what they write beside."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine


@contextmanager
def only_writer(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees what was committed before it, and is seen at once or not at all.

    On SQLite nobody else writes meanwhile; Python's driver would begin one only with
    the first change, and may find then that somebody else was faster.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
