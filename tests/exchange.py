"""Specs and names in a database, for tests of lists and of files."""

import hashlib
import io
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, insert, select, update

from services.database import name_versions_table, names_table, spec_facts_table, specs_table
from services.spec_exchange.exporting import Selection, export_specs
from services.spec_exchange.importing import ImportCounts, import_specs
from services.spec_facts import SpecFacts
from services.spec_store import SqlSpecStore, StoredSpec
from weightbank.limits import Limits
from weightbank.resolve import resolve
from weightbank.resolved import ResolvedSpec
from weightbank.spec import Spec

EPOCH = datetime(2026, 1, 31, 12, tzinfo=UTC)


def resolved_spec(width: int, **more: Any) -> ResolvedSpec:
    """A spec of one layer, another one for each width."""
    layer = {"name": "fc", "type": "Linear", "in_features": width, "out_features": 2, **more}
    return resolve(Spec.from_document({"layers": [layer]})).resolved


ONE, TWO, THREE = (resolved_spec(width) for width in (1, 2, 3))


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


def exported(engine: Engine, **selection: Any) -> bytes:
    """A file of a database."""
    file = io.BytesIO()
    export_specs(engine, file, Selection(**selection))
    return file.getvalue()


def imported(engine: Engine, content: bytes, **limits: int) -> ImportCounts:
    """What comes of a file."""
    return import_specs(
        engine,
        io.BytesIO(content),
        limits=Limits(**limits),
        directory=Path(tempfile.gettempdir()),
    )


def signed(lines: list[bytes]) -> bytes:
    """Lines with an end that has their hash and counts."""
    kinds = [line.split(b'"')[1].decode() for line in lines[1:]]
    end = {
        "end": True,
        **{f"{kind}s": kinds.count(kind) for kind in ("spec", "name", "version")},
        "sha256": hashlib.sha256(b"".join(lines)).hexdigest(),
    }
    return b"".join(lines) + json.dumps(end, separators=(",", ":")).encode() + b"\n"


def rows(engine: Engine) -> list[int]:
    """How many rows the tables have."""
    tables = (specs_table, spec_facts_table, names_table, name_versions_table)
    with engine.connect() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        ]
