"""Warming the cache up: files fetched for nobody yet, with their progress.

Theory of operation: what is asked for is fetched by a task a file, some files at a time,
so that others find places for theirs. Whoever asks again is told how far it is, from what
is on disk. Why a task failed is remembered until somebody has heard it.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from services.blobs.blob import OpenBlob
from services.blobs.errors import without_frames
from services.blobs.store import BlobStore
from services.blobs.stored_blob import StoredBlob
from services.bounded_executor import BoundedExecutor
from services.checkpoints import arrivals
from services.checkpoints.catalogue import Catalogue, Chosen
from services.checkpoints.formats import documents_of, kind_of
from services.checkpoints.parallel import in_parallel
from services.checkpoints.pickles import Pickles
from services.checkpoints.store import CheckpointStore
from services.errors import OverloadedError
from services.hub.located import LocatedFile
from weightbank.errors import WeightbankError
from weightbank.stored import CheckpointName, StoredFile

State = Literal["complete", "fetching", "waiting", "failed"]


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far one file is.

    Attributes:
        located: The file.
        state: Waiting ones begin when others have ended.
        arrived_bytes: Of it.
        error: What went wrong, in words; empty if nothing did.
    """

    located: LocatedFile
    state: State
    arrived_bytes: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a checkpoint is.

    Attributes:
        chosen: What is fetched.
        files: All of its files, those that describe it included.
    """

    chosen: Chosen
    files: tuple[FileProgress, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all is here."""
        return all(file.state == "complete" for file in self.files)

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.located.size_bytes for file in self.files)

    @property
    def arrived_bytes(self) -> int:
        """Of them, here already."""
        return sum(file.arrived_bytes for file in self.files)


class Prefetching:
    """Begins fetches and tells how far they are. For one event loop."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        store: CheckpointStore,
        blobs: BlobStore,
        pickles: Pickles,
        disk: BoundedExecutor,
        at_once: int,
        limit: int,
        pause_seconds: float = 0.25,
    ) -> None:
        """Fetch nothing yet.

        Args:
            catalogue: Finds checkpoints.
            store: Opens their files.
            blobs: Where they are kept.
            pickles: Says whether pickles are let in.
            disk: Runs what waits for a disk.
            at_once: Files that are fetched ahead at one time.
            limit: Most files that are fetched ahead or wait for it, and most failures
                that are remembered.
            pause_seconds: Until a fetch that found no place is tried again.
        """
        self._catalogue = catalogue
        self._store = store
        self._blobs = blobs
        self._pickles = pickles
        self._disk = disk
        self._places = asyncio.Semaphore(at_once)
        self._limit = limit
        self._pause_seconds = pause_seconds
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # By file, not by content: what is told may name a repository that others have not.
        self._failures: dict[StoredFile, Exception] = {}

    async def begin(
        self, name: CheckpointName, *, token: str | None, pinned: bool | None = None
    ) -> Progress:
        """Begin to fetch what is not here of a checkpoint, and tell how far it is.

        Args:
            name: Of the checkpoint.
            token: Of the caller, whose rights are checked.
            pinned: Whether its files are to stay from now on; None leaves that as it is.

        Raises:
            OverloadedError: If too many files wait to be fetched ahead.
            WeightbankError: If it cannot be fetched.
        """
        chosen = await self._catalogue.choose(name, token=token)
        files = (*chosen.files, *await self._documents(chosen, token=token))
        for located in files:
            if kind_of(located.file.path) == "pickle":
                self._pickles.check_allowed(located)
        kept = await self._kept()
        missing = [file for file in files if not _is_complete(file, kept)]
        wanted = [file for file in missing if file.file not in self._failures]
        self._begin(wanted, token=token)
        failures = self._take_failures(files)
        if pinned is not None:
            for located in files:
                pin = partial(self._blobs.pin, located.file.hash, pinned=pinned)
                await self._disk.run(pin)
        progress = [_progress(file, kept, failures, self._tasks) for file in files]
        return Progress(chosen, tuple(progress))

    async def close(self) -> None:
        """Fetch nothing more ahead."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, files: Iterable[LocatedFile], *, token: str | None) -> None:
        fresh = {file.file.hash: file for file in files if file.file.hash not in self._tasks}
        if len(self._tasks) + len(fresh) > self._limit:
            raise OverloadedError("places for fetches ahead", limit=self._limit)
        for hash_, located in fresh.items():
            task = asyncio.ensure_future(self._fetch(located, token=token))
            self._tasks[hash_] = task
            task.add_done_callback(partial(self._ended, located.file))

    async def _fetch(self, located: LocatedFile, *, token: str | None) -> None:
        async with self._places:
            with await self._open(located, token=token) as blob:
                await arrivals.wait_verified(blob)

    async def _open(self, located: LocatedFile, *, token: str | None) -> OpenBlob:
        """Open a file as soon as there is a place for its fetch."""
        while True:
            try:
                return await self._store.open(located, token=token)
            except OverloadedError:
                await asyncio.sleep(self._pause_seconds)

    def _ended(self, file: StoredFile, task: "asyncio.Task[None]") -> None:
        del self._tasks[file.hash]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._failures[file] = without_frames(error)
            if len(self._failures) > self._limit:
                del self._failures[next(iter(self._failures))]

    def _take_failures(self, files: Iterable[LocatedFile]) -> dict[str, str]:
        """Return why files could not be fetched, once; then they are tried again."""
        failures = {}
        for located in files:
            error = self._failures.pop(located.file, None)
            if isinstance(error, WeightbankError):
                failures[located.file.hash] = str(error)
            elif error is not None:
                raise error
        return failures

    async def _documents(self, chosen: Chosen, *, token: str | None) -> list[LocatedFile]:
        """Return what has to be here too, for a checkpoint that is needed without the Hub."""
        paths = documents_of(chosen.snapshot, chosen.choice)
        return await in_parallel(
            paths, lambda path: self._catalogue.locate(chosen.snapshot, path, token=token)
        )

    async def _kept(self) -> Mapping[str, StoredBlob]:
        blobs = await self._disk.run(self._blobs.blobs)
        return {blob.hash: blob for blob in blobs}


def _is_complete(located: LocatedFile, kept: Mapping[str, StoredBlob]) -> bool:
    blob = kept.get(located.file.hash)
    return blob is not None and blob.is_complete


def _progress(
    located: LocatedFile,
    kept: Mapping[str, StoredBlob],
    failures: Mapping[str, str],
    tasks: Mapping[str, object],
) -> FileProgress:
    hash_ = located.file.hash
    blob = kept.get(hash_)
    arrived_bytes = 0 if blob is None else blob.arrived_bytes
    if blob is not None and blob.is_complete:
        return FileProgress(located, "complete", arrived_bytes)
    if hash_ in failures:
        return FileProgress(located, "failed", arrived_bytes, failures[hash_])
    is_fetched = blob is not None and hash_ in tasks
    return FileProgress(located, "fetching" if is_fetched else "waiting", arrived_bytes)
