"""Which steps of the tables' history a database has seen, and which this code knows."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from services.errors import StartupError

_REVISION = re.compile(r"[0-9]{4}")
_DIRECTORY = Path(__file__).parent / "migrations"

_TAKEN_OVER = {
    "specs": {"id", "canonical_json", "suggested_seed", "created_at"},
    "digests": {"spec_id", "seed", "dtype", "algorithm", "digests_json", "created_at"},
}
"""Tables of servers that wrote no revision, and columns by which they are known."""


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """How far a database is.

    Attributes:
        revision: Of its tables; None where it has no tables, or tables of a server that
            knew no migrations.
        head: The newest revision that this code knows.
        pending: Revisions that are to be applied, oldest first.
    """

    revision: str | None
    head: str
    pending: tuple[str, ...]

    @classmethod
    def of_nothing(cls) -> Self:
        """Return that of a database which is not there yet."""
        known = known_revisions()
        return cls(None, known[-1], known)

    @property
    def is_newer(self) -> bool:
        """Whether a newer release has changed the tables already."""
        return self.revision is not None and self.revision > self.head


def script_config() -> Config:
    """Return what alembic has to know; there is no file of it."""
    config = Config()
    config.set_main_option("script_location", str(_DIRECTORY).replace("%", "%%"))
    return config


@cache
def known_revisions() -> tuple[str, ...]:
    """Return the revisions that this code knows, oldest first.

    Examples:
        >>> known_revisions()[:2]
        ('0001', '0002')
    """
    script = ScriptDirectory.from_config(script_config())
    return tuple(reversed([step.revision for step in script.walk_revisions()]))


def status_of(connection: Connection) -> DatabaseStatus:
    """Return how far a database is.

    Raises:
        StartupError: If this code cannot work with it, and must not change it.
    """
    known = known_revisions()
    revision = _revision(connection)
    if revision is None:
        _check_taken_over(connection)
        return DatabaseStatus.of_nothing()
    if revision in known:
        return DatabaseStatus(revision, known[-1], known[known.index(revision) + 1 :])
    if not is_compatible(revision, head=known[-1]):
        raise StartupError(
            f"its tables are of revision {revision!r}, this release knows them up to "
            f"{known[-1]}; start the release that made them, or restore the copy that was "
            "made before it was installed"
        )
    return DatabaseStatus(revision, known[-1], ())


def is_compatible(revision: str, *, head: str) -> bool:
    """Return whether a server can work with tables of a revision that it does not know.

    It can with newer ones of its own line, because steps on one line only add.

    Examples:
        >>> is_compatible("0007", head="0003"), is_compatible("1001", head="0003")
        (True, False)
    """
    is_ours = _REVISION.fullmatch(revision) is not None
    return is_ours and revision[0] == head[0] and revision > head


def _revision(connection: Connection) -> str | None:
    heads = MigrationContext.configure(connection).get_current_heads()
    if len(heads) > 1:
        raise StartupError(f"its tables are of several revisions: {', '.join(sorted(heads))}")
    return heads[0] if heads else None


def _check_taken_over(connection: Connection) -> None:
    """See that tables without a revision are those of our servers."""
    inspector = inspect(connection)
    existing = set(inspector.get_table_names())
    for name, expected in _TAKEN_OVER.items():
        if name in existing:
            columns = {column["name"] for column in inspector.get_columns(name)}
            if columns != expected:
                raise StartupError(
                    f"its table {name!r} is not one of weightbank's; give weightbank a database "
                    "of its own"
                )
