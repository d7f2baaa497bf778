"""One file of specs at a time, out of the database or into it."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Engine

from services.bounded_executor import BoundedExecutor, WorkObserver
from services.errors import OverloadedError
from services.full_disk import no_room_as_error
from services.spec_exchange.exporting import Selection, export_specs
from services.spec_exchange.importing import ImportCounts, import_specs
from weightbank.limits import Limits

_RETRY_SECONDS = 10


class SpecExchange:
    """Exports and imports specs. For one event loop; has to be closed."""

    def __init__(
        self,
        engine: Engine,
        *,
        limits: Limits,
        directory: Path,
        observer: WorkObserver | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            engine: Of the database.
            limits: Of one spec.
            directory: For files that are exported or imported, meanwhile.
            observer: Hears of exports and imports.
        """
        self._engine = engine
        self._limits = limits
        self._directory = directory
        # One file at a time: each takes a thread and some disk for as long as it lasts.
        self._executor = BoundedExecutor(
            "exports and imports", threads=1, limit=1, observer=observer
        )
        self._is_busy = False

    def close(self) -> None:
        """Wait for what runs."""
        self._executor.close()

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
            return await self._executor.run(job)

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

        return await self._executor.run(job)
