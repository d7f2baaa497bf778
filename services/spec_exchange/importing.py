"""A file of specs, checked as a whole and then put into a database: all of it, or nothing.

Theory of operation: the first reading checks every line and resolves nothing, but
parses each spec, which takes a processor for a while; its facts go into a second file.
Only then the database is written, from a second reading, in one transaction that waits
for nothing but the disk.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import IntegrityError

from services.database import (
    only_writer,
    spec_facts_table,
    specs_table,
    unavailable_as_error,
)
from services.spec_exchange.checking import NotASpecError, check_spec
from services.spec_exchange.errors import ImportConflictError, InvalidImportError
from services.spec_exchange.merging import NameMerger
from services.spec_exchange.reading import read_records
from services.spec_exchange.records import NameRecord, Record, SpecRecord
from weightbank.limits import Limits

_SPECS_AT_ONCE = 100
_BATCH_BYTES = 2**24
_ATTEMPTS = 3


@dataclass(slots=True)
class ImportCounts:
    """What became of a file.

    Attributes:
        new_specs: Stored.
        known_specs: That were stored here already.
        new_names: Made.
        known_names: That were here already.
        new_versions: Made.
        known_versions: That were here already, and stand for the same specs.
        retired_versions: That are retired here, and stay so.
    """

    new_specs: int = 0
    known_specs: int = 0
    new_names: int = 0
    known_names: int = 0
    new_versions: int = 0
    known_versions: int = 0
    retired_versions: int = 0

    def document(self) -> dict[str, int]:
        """Return it as JSON values."""
        return asdict(self)


def import_specs(
    engine: Engine, file: BinaryIO, *, limits: Limits, directory: Path
) -> ImportCounts:
    """Put a file of specs into a database.

    Args:
        engine: Of the database.
        file: From its beginning; it is read twice.
        limits: Bounds of a spec.
        directory: For a file of facts, meanwhile.

    Raises:
        InvalidImportError: If anything in it is wrong.
        ImportConflictError: If it does not agree with names here.
        StoreUnavailableError: If the database does not answer.
        OSError: If there is no room for facts.
    """
    with tempfile.TemporaryFile(dir=directory) as facts:
        _check(file, facts, limits)
        with unavailable_as_error():
            for attempt in range(_ATTEMPTS):
                try:
                    return _Import(engine, facts).write(file)
                except IntegrityError:
                    # A spec or a name was made or removed meanwhile. The next attempt
                    # sees that.
                    if attempt + 1 == _ATTEMPTS:
                        raise
    raise AssertionError


def _check(file: BinaryIO, facts: BinaryIO, limits: Limits) -> None:
    """Check all of a file, and write the facts of its specs, a line each."""
    for number, record in read_records(file):
        if isinstance(record, SpecRecord):
            try:
                found = check_spec(record.id, record.document, limits=limits)
            except NotASpecError as error:
                raise InvalidImportError(number, str(error)) from error
            facts.write(json.dumps(found.row()).encode() + b"\n")


@dataclass(slots=True)
class _Import:
    engine: Engine
    facts: BinaryIO
    counts: ImportCounts = field(default_factory=ImportCounts)

    def write(self, file: BinaryIO) -> ImportCounts:
        self.facts.seek(0)
        with only_writer(self.engine) as connection:
            names = NameMerger(connection)
            for batch in _batches(read_records(file)):
                self._add_specs(connection, batch)
                for number, record in batch:
                    if isinstance(record, NameRecord):
                        names.begin(record)
                    elif not isinstance(record, SpecRecord):
                        names.add(record, number)
            names.finish()
            if names.conflicts:
                raise ImportConflictError(names.conflicts)
        for what, count in names.counts.items():
            setattr(self.counts, what, count)
        return self.counts

    def _add_specs(self, connection: Connection, batch: Iterable[tuple[int, Record]]) -> None:
        specs = {record.id: record for _, record in batch if isinstance(record, SpecRecord)}
        if not specs:
            return
        facts = {spec_id: json.loads(self.facts.readline()) for spec_id in specs}
        seeds = _seeds(connection, specs)
        new = [record for record in specs.values() if record.id not in seeds]
        if new:
            connection.execute(specs_table.insert(), [_spec_row(record) for record in new])
            connection.execute(
                spec_facts_table.insert(), [_facts_row(record, facts[record.id]) for record in new]
            )
        for spec_id, seed in seeds.items():
            given = specs[spec_id].suggested_seed
            if seed is None and given is not None:
                connection.execute(
                    update(specs_table)
                    .where(specs_table.c.id == spec_id)
                    .values(suggested_seed=str(given))
                )
        self.counts.new_specs += len(new)
        self.counts.known_specs += len(seeds)


def _batches(records: Iterator[tuple[int, Any]]) -> Iterator[list[tuple[int, Any]]]:
    """Yield records in pieces, bounded in number and in bytes."""
    batch: list[tuple[int, Any]] = []
    size_bytes = 0
    for number, record in records:
        batch.append((number, record))
        size_bytes += len(record.document) if isinstance(record, SpecRecord) else 0
        if len(batch) == _SPECS_AT_ONCE or size_bytes >= _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _seeds(connection: Connection, ids: Iterable[str]) -> dict[str, str | None]:
    table = specs_table.c
    query = select(table.id, table.suggested_seed).where(table.id.in_(list(ids)))
    return {row.id: row.suggested_seed for row in connection.execute(query)}


def _spec_row(record: SpecRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "canonical_json": record.document.decode(),
        "suggested_seed": None if record.suggested_seed is None else str(record.suggested_seed),
        "created_at": record.created_at,
    }


def _facts_row(record: SpecRecord, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"spec_id": record.id, "created_at": record.created_at, **facts}
