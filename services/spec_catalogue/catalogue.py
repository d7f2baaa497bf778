"""What routes ask of the specs as a whole."""

from sqlalchemy import Engine

from services.bounded_executor import BoundedExecutor
from services.files import Files
from services.spec_catalogue.filter import SpecFilter
from services.spec_catalogue.listing import MayKnow, SpecList, SpecPage
from services.spec_catalogue.position import Position
from services.spec_store import SqlSpecStore


class SpecCatalogue:
    """Lists and removes specs. For one event loop."""

    def __init__(self, engine: Engine, *, executor: BoundedExecutor, files: Files) -> None:
        """Ask nothing yet.

        Args:
            engine: Of the database.
            executor: Runs what waits for it.
            files: Keeps specs that were read.
        """
        self._executor = executor
        self._files = files
        self._list = SpecList(engine)
        self._store = SqlSpecStore(engine)

    async def page(
        self, filter_: SpecFilter, *, limit: int, after: Position | None, may_know: MayKnow
    ) -> SpecPage:
        """Return a page of specs, newest first.

        Raises:
            StoreUnavailableError: If the database does not answer.
        """
        return await self._executor.run(
            lambda: self._list.page(filter_, limit=limit, after=after, may_know=may_know)
        )

    async def remove(self, spec_id: str) -> None:
        """Remove a spec; this server serves it no more.

        Raises:
            UnknownSpecError: If there is none of this id.
            SpecInUseError: If a name stands for it.
            StoreUnavailableError: If the database does not answer.
        """
        await self._executor.run(lambda: self._store.remove(spec_id))
        self._files.forget(spec_id)
