"""Specs and names in a database, for tests of lists and of files."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert, update

from services.database import name_versions_table, names_table, spec_facts_table, specs_table
from services.spec_facts import SpecFacts
from services.spec_store import SqlSpecStore, StoredSpec
from weightbank.resolve import resolve
from weightbank.resolved import ResolvedSpec
from weightbank.spec import Spec

EPOCH = datetime(2026, 1, 31, 12, tzinfo=UTC)


def resolved_spec(width: int, **more: Any) -> ResolvedSpec:
    """A spec of one layer, another one for each width."""
    layer = {"name": "fc", "type": "Linear", "in_features": width, "out_features": 2, **more}
    return resolve(Spec.from_document({"layers": [layer]})).resolved


def add_spec(
    engine: Engine, resolved: ResolvedSpec, *, seed: int | None = None, seconds: int = 0
) -> str:
    """Store a spec so many seconds after a certain time, and return its id."""
    stored = StoredSpec(resolved.id, resolved.canonical_json(), seed, SpecFacts.of(resolved))
    SqlSpecStore(engine).add(stored)
    moment = EPOCH + timedelta(seconds=seconds)
    with engine.begin() as connection:
        for table, column in (
            (specs_table, specs_table.c.id),
            (spec_facts_table, spec_facts_table.c.spec_id),
        ):
            connection.execute(update(table).where(column == resolved.id).values(created_at=moment))
    return resolved.id


def add_name(
    engine: Engine, name: str, *spec_ids: str, retired: int = 0, note: str = "a note"
) -> None:
    """Make a name whose versions behind the retired ones stand for these specs."""
    team, _, rest = name.partition("/")
    key = {"team": team, "name": rest, "created_at": EPOCH}
    with engine.begin() as connection:
        connection.execute(
            insert(names_table).values(
                **key, newest_version=retired + len(spec_ids), retired_version=retired
            )
        )
        for version, spec_id in enumerate(spec_ids, retired + 1):
            connection.execute(
                insert(name_versions_table).values(
                    **key, version=version, spec_id=spec_id, note=note, created_by="a-key"
                )
            )
