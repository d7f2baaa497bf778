"""Facts of specs that servers stored which wrote none, made in the background.

Until a spec has its facts it is in no list; everything else works. The thread begins
with the server, reads one spec after the other, and looks again now and then: during a
roll-out older servers still store specs.
"""

import threading
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from services.database import spec_facts_table, specs_table, unavailable_as_error
from services.errors import StoreUnavailableError
from services.spec_facts import SpecFacts
from services.spec_store import SqlSpecStore
from weightbank.resolved import ResolvedSpec

_SPECS_AT_ONCE = 500
_JOIN_SECONDS = 30
PAUSE_SECONDS = 600


class FactsFiller:
    """One thread that fills in what is missing."""

    def __init__(
        self,
        engine: Engine,
        *,
        on_error: Callable[[str, Exception], None],
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        """Start nothing yet.

        Args:
            engine: Of the database.
            on_error: Told of specs that cannot be read, by id; and of a database that
                does not answer, with an empty id.
            pause_seconds: Between two looks.
        """
        self._engine = engine
        self._store = SqlSpecStore(engine)
        self._on_error = on_error
        self._pause_seconds = pause_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="facts of specs", daemon=True)

    def start(self) -> None:
        """Begin to look, again and again."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the spec that is being read. May be called without ``start``."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_SECONDS)

    def fill(self) -> int:
        """Fill in all that is missing; return of how many specs.

        Raises:
            StoreUnavailableError: If the database does not answer.
        """
        filled, after = 0, ""
        while specs := self._without_facts(after):
            after, _ = specs[-1]
            for spec_id, created_at in specs:
                if self._stopping.is_set():
                    return filled
                filled += self._fill_one(spec_id, created_at)
        return filled

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.fill()
            except StoreUnavailableError as error:
                self._on_error("", error)
            self._stopping.wait(self._pause_seconds)

    def _without_facts(self, after: str) -> list[tuple[str, datetime]]:
        query = (
            select(specs_table.c.id, specs_table.c.created_at)
            .outerjoin(spec_facts_table, spec_facts_table.c.spec_id == specs_table.c.id)
            .where(specs_table.c.id > after, spec_facts_table.c.spec_id.is_(None))
            .order_by(specs_table.c.id)
            .limit(_SPECS_AT_ONCE)
        )
        with unavailable_as_error(), self._engine.connect() as connection:
            return [(row.id, row.created_at) for row in connection.execute(query)]

    def _fill_one(self, spec_id: str, created_at: datetime) -> bool:
        """Fill in one; a spec that cannot be read is passed over until the next look."""
        try:
            stored = self._store.find(spec_id)
            if stored is None:
                return False
            facts = SpecFacts.of(ResolvedSpec.from_json(stored.canonical_json))
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - of another algorithm, or damaged
            self._on_error(spec_id, error)
            return False
        return self._insert(spec_id, created_at, facts)

    def _insert(self, spec_id: str, created_at: datetime, facts: SpecFacts) -> bool:
        try:
            with unavailable_as_error(), self._engine.begin() as connection:
                connection.execute(
                    spec_facts_table.insert().values(
                        spec_id=spec_id, created_at=created_at, **facts.row()
                    )
                )
        except IntegrityError:
            return False  # another server was faster, or the spec was removed
        return True
