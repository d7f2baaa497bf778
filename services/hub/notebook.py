"""Texts on disk, shared by all processes of a directory. Losing them costs time alone.

A notebook never fails: what cannot be read is not there, and what cannot be written is
lost, after an observer was told. After a failure the disk is left alone for a while,
so that a locked database does not make every call wait; a damaged one is set aside.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, Select
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from services.hub.notebook_database import (
    Key,
    Row,
    deletion_about,
    deletion_beyond,
    deletion_of,
    insertion,
    make_engine,
    prepare,
    row_of,
    selection_about,
    selection_of,
    selection_tagged,
    set_aside,
)

__all__ = ["Key", "Notebook", "Row"]

FILE = "hub.sqlite3"
"""The database's name in its directory."""

_REST_SECONDS = 5.0
_WRITES_PER_PRUNING = 256
_MOST_UNDONE = 10_000


class Notebook:
    """Keeps texts by key, up to a number of bytes; the oldest go. Thread-safe."""

    def __init__(
        self,
        directory: Path,
        *,
        capacity_bytes: int,
        clock: Callable[[], float],
        on_failure: Callable[[str], None],
    ) -> None:
        """Open nothing yet.

        Args:
            directory: Where it is; it is made if it is missing.
            capacity_bytes: Of all texts, about.
            clock: Says the time in seconds since 1970.
            on_failure: Told why the disk could not be read or written.
        """
        self._path = directory / FILE
        self._capacity_bytes = capacity_bytes
        self._clock = clock
        self._on_failure = on_failure
        self._engine = make_engine(self._path)
        self._lock = threading.Lock()
        self._inode: int | None = None
        self._rested_at = float("-inf")
        self._writes = 0
        # What was dropped while the disk failed: it must not come back.
        self._undone: set[Key] = set()

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    def get(self, key: Key) -> Row | None:
        """Return what is kept under a key."""
        if key in self._undone:
            return None
        rows = self._read(selection_of(key))
        return rows[0] if rows else None

    def find_about(self, kind: str, repository: str) -> list[Row]:
        """Return all of a kind about a repository."""
        return self._read(selection_about(kind, repository))

    def find_tagged(self, kind: str, tag: str) -> list[Row]:
        """Return all of a kind with a tag."""
        return self._read(selection_tagged(kind, tag))

    def put(self, row: Row) -> None:
        """Keep a text in place of what its key had."""
        self._undone.discard(row.key)
        self._write(insertion(row, replaces=True))

    def settle(self, row: Row) -> Row | None:
        """Keep a text if its key has none; return what it has, None if that is not known."""
        self._write(insertion(row, replaces=False))
        return self.get(row.key)

    def drop(self, key: Key) -> None:
        """Keep nothing under a key, from now on and whatever the disk does."""
        if len(self._undone) < _MOST_UNDONE:
            self._undone.add(key)
        self._write()

    def drop_about(self, repository: str) -> None:
        """Keep nothing about a repository."""
        self._write(deletion_about(repository))

    def prune(self) -> None:
        """Drop the oldest texts if there are too many; it does so by itself now and then."""
        self._write(deletion_beyond(self._capacity_bytes))

    def _read(self, question: Select[Any]) -> list[Row]:
        def work() -> list[Row]:
            with self._engine.connect() as connection:
                return [row_of(values) for values in connection.execute(question)]

        return self._attempt(work) or []

    def _write(self, *statements: Executable) -> None:
        undone = tuple(self._undone)

        def work() -> bool:
            with self._lock, self._engine.begin() as connection:
                for key in undone:
                    connection.execute(deletion_of(key))
                for statement in statements:
                    connection.execute(statement)
                self._writes += 1
            return True

        if self._attempt(work):
            self._undone.difference_update(undone)
            if self._writes >= _WRITES_PER_PRUNING:
                self._writes = 0
                self.prune()

    def _attempt(self, work: Callable[[], Any]) -> Any:
        """Return what work returns; None if the disk fails, or failed a moment ago."""
        if 0 <= self._clock() - self._rested_at < _REST_SECONDS:
            return None
        try:
            if self._inode is None:
                self._inode = prepare(self._engine, self._path)
            return work()
        except (SQLAlchemyError, OSError) as error:
            problem = _in_words(error)
            if isinstance(error, DatabaseError) and not isinstance(error, OperationalError):
                problem = f"{problem}; it is set aside, and begun anew"
                self._begin_anew()
            else:
                self._rested_at = self._clock()
        self._on_failure(problem)
        return None

    def _begin_anew(self) -> None:
        """Use another file: the one that another process put there, or a new one."""
        with self._lock:
            damaged, self._inode = self._inode, None
            self._engine.dispose()
            try:
                if damaged in {None, self._path.stat().st_ino}:
                    set_aside(self._path)
            except OSError:
                self._rested_at = self._clock()


def _in_words(error: Exception) -> str:
    """Return one line without the statement, whose values are nobody's business."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).splitlines() or [""]
    return f"{type(cause).__name__}: {lines[0]}"[:300]
