"""Where resolved specs are kept, by id."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import IntegrityError

from services.database import (
    digests_table,
    name_versions_table,
    spec_facts_table,
    specs_table,
    unavailable_as_error,
)
from services.errors import SpecInUseError, UnknownSpecError
from services.spec_facts import SpecFacts

_NAMES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class StoredSpec:
    """A resolved spec as it is stored.

    Attributes:
        id: SHA-256 of ``canonical_json``, 64 lowercase hexadecimal digits.
        canonical_json: RFC 8785.
        suggested_seed: That of the first spec with one that resolved to this.
        facts: For lists, where they are at hand; else they are made later.
    """

    id: str
    canonical_json: bytes
    suggested_seed: int | None
    facts: SpecFacts | None = field(default=None, compare=False)


class SpecStore(Protocol):
    """Keeps resolved specs. Every method blocks, and may be called from any thread."""

    def add(self, spec: StoredSpec) -> bool:
        """Store a spec unless it is known; return whether it was new."""

    def find(self, spec_id: str) -> StoredSpec | None:
        """Return a stored spec."""


class DamagedSpecError(RuntimeError):
    """What is stored under an id does not have this id. Nobody's input did that."""


class SqlSpecStore:
    """Specs in a database, shared by any number of servers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, spec: StoredSpec) -> bool:
        """Store a spec unless it is known; return whether it was new.

        A seed is remembered if the spec had none yet: a suggestion that others may
        have read already does not change.
        """
        with unavailable_as_error():
            if not self._is_known(spec.id) and self._inserted(spec):
                return True
            if spec.suggested_seed is not None:
                self._suggest(spec.id, spec.suggested_seed)
            return False

    def find(self, spec_id: str) -> StoredSpec | None:
        """Return a stored spec, after checking that it is what its id says.

        Raises:
            DamagedSpecError: If it is not.
            StoreUnavailableError: If the database does not answer.
        """
        with unavailable_as_error(), self._engine.connect() as connection:
            row = connection.execute(
                select(specs_table.c.canonical_json, specs_table.c.suggested_seed).where(
                    specs_table.c.id == spec_id
                )
            ).one_or_none()
        if row is None:
            return None
        canonical_json = row.canonical_json.encode()
        if hashlib.sha256(canonical_json).hexdigest() != spec_id:
            raise DamagedSpecError(f"the spec stored as {spec_id} has another hash")
        seed = None if row.suggested_seed is None else int(row.suggested_seed)
        return StoredSpec(spec_id, canonical_json, seed)

    def remove(self, spec_id: str) -> None:
        """Remove a spec with its digests, unless a name needs it.

        Raises:
            UnknownSpecError: If there is none of this id.
            SpecInUseError: If a version of a name stands for it.
            StoreUnavailableError: If the database does not answer.
        """
        with unavailable_as_error():
            try:
                with self._engine.begin() as connection:
                    removed = connection.execute(
                        delete(specs_table).where(specs_table.c.id == spec_id)
                    )
                    if not removed.rowcount:
                        raise UnknownSpecError(spec_id)
                    connection.execute(
                        delete(digests_table).where(digests_table.c.spec_id == spec_id)
                    )
            except IntegrityError:
                # The database itself sees to it, also for names that were made meanwhile.
                raise SpecInUseError(spec_id, names=self._names(spec_id)) from None

    def _names(self, spec_id: str) -> list[str]:
        versions = name_versions_table.c
        query = (
            select(versions.team, versions.name, versions.version)
            .where(versions.spec_id == spec_id)
            .order_by(versions.team, versions.name, versions.version.desc())
            .limit(_NAMES_SHOWN)
        )
        with self._engine.connect() as connection:
            return [f"{row.team}/{row.name}@{row.version}" for row in connection.execute(query)]

    def _is_known(self, spec_id: str) -> bool:
        with self._engine.connect() as connection:
            found = connection.execute(select(specs_table.c.id).where(specs_table.c.id == spec_id))
            return found.one_or_none() is not None

    def _inserted(self, spec: StoredSpec) -> bool:
        seed = None if spec.suggested_seed is None else str(spec.suggested_seed)
        created_at = datetime.now(UTC)
        try:
            with self._engine.begin() as connection:
                connection.execute(
                    specs_table.insert().values(
                        id=spec.id,
                        canonical_json=spec.canonical_json.decode(),
                        suggested_seed=seed,
                        created_at=created_at,
                    )
                )
                if spec.facts is not None:
                    connection.execute(
                        spec_facts_table.insert().values(
                            spec_id=spec.id, created_at=created_at, **spec.facts.row()
                        )
                    )
        except IntegrityError:
            return False  # somebody else stored it in the meantime
        return True

    def _suggest(self, spec_id: str, seed: int) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                update(specs_table)
                .where(specs_table.c.id == spec_id, specs_table.c.suggested_seed.is_(None))
                .values(suggested_seed=str(seed))
            )
