"""What routes ask of the specs as a whole."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Engine

from services.bounded_executor import BoundedExecutor, WorkObserver
from services.errors import OverloadedError
from services.files import Files
from services.hub.errors import InsufficientStorageError
from services.spec_catalogue.filter import SpecFilter
from services.spec_catalogue.listing import MayKnow, SpecList, SpecPage
from services.spec_catalogue.position import Position
from services.spec_exchange.exporting import Selection, export_specs
from services.spec_exchange.importing import ImportCounts, import_specs
from services.spec_store import SqlSpecStore
from weightbank.errors import NO_VALUE
from weightbank.limits import Limits

_RETRY_SECONDS = 10
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class SpecCatalogue:
    """Lists, removes, exports and imports specs. For one event loop; has to be closed."""

    def __init__(
        self,
        engine: Engine,
        *,
        executor: BoundedExecutor,
        files: Files,
        limits: Limits,
        directory: Path,
        observer: WorkObserver | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            engine: Of the database.
            executor: Runs what waits for it.
            files: Keeps specs that were read.
            limits: Of one spec.
            directory: For files that are exported or imported, meanwhile.
            observer: Hears of exports and imports.
        """
        self._engine = engine
        self._executor = executor
        self._files = files
        self._limits = limits
        self._directory = directory
        self._list = SpecList(engine)
        self._store = SqlSpecStore(engine)
        # One file at a time: each takes a thread and some disk for as long as it lasts.
        self._exchanges = BoundedExecutor(
            "exports and imports", threads=1, limit=1, observer=observer
        )
        self._is_busy = False

    def close(self) -> None:
        """Wait for what runs."""
        self._exchanges.close()

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

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Hold the one place for an export or an import.

        Raises:
            OverloadedError: If it is taken.
        """
        if self._is_busy:
            raise OverloadedError(
                "places for exports and imports", limit=1, retry_after_seconds=_RETRY_SECONDS
            )
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False

    def temporary_file(self) -> BinaryIO:
        """Return a file without a name, which is gone once it is closed.

        Raises:
            InsufficientStorageError: If there is no room for it.
        """
        with no_room_as_error():
            return tempfile.TemporaryFile(dir=self._directory)

    async def export(self, selection: Selection) -> BinaryIO:
        """Return a file with specs and names, as they stand at one moment.

        Raises:
            InsufficientStorageError: If there is no room for it.
            StoreUnavailableError: If the database does not answer.
        """

        def job() -> BinaryIO:
            with contextlib.ExitStack() as stack, no_room_as_error():
                file = stack.enter_context(self.temporary_file())
                export_specs(self._engine, file, selection)
                file.flush()
                stack.pop_all()
                return file

        with self.place():
            return await self._exchanges.run(job)

    async def import_file(self, file: BinaryIO) -> ImportCounts:
        """Put a file into the database: all of it, or nothing. Within ``place``.

        Raises:
            InvalidImportError: If anything in it is wrong.
            ImportConflictError: If it does not agree with names here.
            InsufficientStorageError: If there is no room for what is kept meanwhile.
            StoreUnavailableError: If the database does not answer.
        """

        def job() -> ImportCounts:
            with no_room_as_error():
                return import_specs(
                    self._engine, file, limits=self._limits, directory=self._directory
                )

        return await self._exchanges.run(job)


@contextlib.contextmanager
def no_room_as_error() -> Iterator[None]:
    """Turn a full disk into our own error.

    Raises:
        InsufficientStorageError: Instead of the system's.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        problem = f"has no room: {os.strerror(error.errno or 0)}"
        raise InsufficientStorageError("disk", NO_VALUE, problem, "try again later") from error
