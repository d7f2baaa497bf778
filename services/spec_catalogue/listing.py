"""Lists of specs, newest first: a page at a time, and only what the caller may know of.

Theory of operation: a page is read from an index in the order of time and id, from
where the page before ended; nobody counts, and nothing is skipped over. Which
repositories are for everybody is not in the database, so specs that others must not
know of are left out afterwards, and more are read in their place. How many are read
for one page is bounded: a page may be short, even empty, and yet have a next one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, func, literal, select, tuple_

from services.database import (
    in_utc,
    name_versions_table,
    spec_facts_table,
    specs_table,
    unavailable_as_error,
)
from services.spec_catalogue.filter import SpecFilter
from services.spec_catalogue.position import Position
from services.spec_facts import SpecFacts

NAMES_SHOWN = 20
"""Most names that a list shows of one spec, in the order of the alphabet."""

_ROWS_PER_PAGE = 1000
_LEAST_ROWS = 50

MayKnow = Callable[[str], bool]
"""Whether the caller may know of a repository. Called from threads; may block shortly."""


@dataclass(frozen=True, slots=True)
class ListedSpec:
    """A spec, as lists show it.

    Attributes:
        id: Under which it is stored.
        created_at: When it was stored first, in UTC.
        suggested_seed: Of its author; may be None.
        facts: What is known of it.
        names: That stand for it, as ``team/name@version``.
    """

    id: str
    created_at: datetime
    suggested_seed: int | None
    facts: SpecFacts
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpecPage:
    """Some specs, newest first.

    Attributes:
        specs: Them.
        next: Where the next page begins; None after the last.
    """

    specs: tuple[ListedSpec, ...]
    next: Position | None


class SpecList:
    """Lists the specs of a database. Every method blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self, filter_: SpecFilter, *, limit: int, after: Position | None, may_know: MayKnow
    ) -> SpecPage:
        """Return one page.

        Args:
            filter_: Which specs are asked for.
            limit: Most of them.
            after: Where the page before ended.
            may_know: Of which repositories the caller may know.

        Raises:
            StoreUnavailableError: If the database does not answer.
        """
        known: dict[str, bool] = {}

        def is_told(row: Row[Any]) -> bool:
            repositories = SpecFacts.from_row(row).repositories
            for repository in repositories:
                if repository not in known:
                    known[repository] = may_know(repository)
            return all(known[repository] for repository in repositories)

        with unavailable_as_error(), self._engine.connect() as connection:
            told: list[Row[Any]] = []
            last: Row[Any] | None = None
            for read, row in enumerate(_rows(connection, filter_, after, limit)):
                if read == max(_ROWS_PER_PAGE, limit) or len(told) == limit:
                    assert last is not None
                    return _page(connection, told, _behind(last))
                if is_told(row):
                    told.append(row)
                last = row
            return _page(connection, told, None)


def _rows(
    connection: Connection, filter_: SpecFilter, after: Position | None, limit: int
) -> Iterator[Row[Any]]:
    """Yield rows behind a place, read in pieces of about a page."""
    piece_rows = max(limit + 1, _LEAST_ROWS)
    while True:
        rows = connection.execute(_query(filter_, after).limit(piece_rows)).all()
        yield from rows
        if len(rows) < piece_rows:
            return
        after = _behind(rows[-1])


def _query(filter_: SpecFilter, after: Position | None) -> Select[Any]:
    facts = spec_facts_table.c
    query = (
        select(spec_facts_table)
        .where(*filter_.conditions())
        .order_by(facts.created_at.desc(), facts.spec_id.desc())
    )
    if after is None:
        return query
    place = tuple_(
        literal(after.created_at, facts.created_at.type),
        literal(after.id_start, facts.spec_id.type),
    )
    return query.where(tuple_(facts.created_at, facts.spec_id) < place)


def _behind(row: Row[Any]) -> Position:
    return Position.behind(created_at=in_utc(row.created_at), spec_id=row.spec_id)


def _page(connection: Connection, rows: list[Row[Any]], next_: Position | None) -> SpecPage:
    ids = [row.spec_id for row in rows]
    seeds, names = _seeds(connection, ids), _names(connection, ids)
    specs = tuple(
        ListedSpec(
            id=row.spec_id,
            created_at=in_utc(row.created_at),
            suggested_seed=seeds[row.spec_id],
            facts=SpecFacts.from_row(row),
            names=names.get(row.spec_id, ()),
        )
        for row in rows
        if row.spec_id in seeds  # else it was removed a moment ago
    )
    return SpecPage(specs, next_)


def _seeds(connection: Connection, ids: list[str]) -> dict[str, int | None]:
    query = select(specs_table.c.id, specs_table.c.suggested_seed).where(specs_table.c.id.in_(ids))
    return {
        row.id: None if row.suggested_seed is None else int(row.suggested_seed)
        for row in connection.execute(query)
    }


def _names(connection: Connection, ids: list[str]) -> dict[str, tuple[str, ...]]:
    """Return names that stand for some specs, the newest version of a name first."""
    if not ids:
        return {}
    versions = name_versions_table.c
    order = (versions.team, versions.name, versions.version.desc())
    number = func.row_number().over(partition_by=versions.spec_id, order_by=order)
    numbered = (
        select(versions.spec_id, versions.team, versions.name, versions.version)
        .add_columns(number.label("number"))
        .where(versions.spec_id.in_(ids))
        .subquery()
    )
    query = (
        select(numbered)
        .where(numbered.c.number <= NAMES_SHOWN)
        .order_by(numbered.c.spec_id, numbered.c.number)
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(query):
        shown = f"{row.team}/{row.name}@{row.version}"
        found[row.spec_id] = (*found.get(row.spec_id, ()), shown)
    return found
