"""Warming the cache up: files fetched for nobody yet, with their progress.

Theory of operation: what is asked for is fetched by a task, some files at a time, so
that others find places for theirs. Whoever asks again is told how far it is, from what
is on disk. A task that failed is remembered until somebody has heard why.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from services.blobs.store import BlobStore
from services.blobs.stored_blob import StoredBlob
from services.bounded_executor import BoundedExecutor
from services.checkpoints import arrivals
from services.checkpoints.catalogue import Catalogue, Chosen
from services.checkpoints.formats import kind_of
from services.checkpoints.pickles import Pickles
from services.checkpoints.store import CheckpointStore
from services.errors import OverloadedError
from services.hub.errors import NotCachedError
from services.hub.located import LocatedFile
from weightbank.errors import WeightbankError
from weightbank.stored import CheckpointName

State = Literal["complete", "fetching", "waiting", "failed"]

_TRY_AGAIN_SECONDS = 0.25


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
        files: All of its files.
    """

    chosen: Chosen
    files: tuple[FileProgress, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all is here."""
        return all(file.state == "complete" for file in self.files)

    @property
    def arrived_bytes(self) -> int:
        """Of all files together."""
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
    ) -> None:
        """Fetch nothing yet.

        Args:
            catalogue: Finds checkpoints.
            store: Opens their files.
            blobs: Where they are kept.
            pickles: Says whether pickles are let in.
            disk: Runs what waits for a disk.
            at_once: Files of one checkpoint that are fetched at one time.
            limit: Most files that are fetched ahead or wait for it.
        """
        self._catalogue = catalogue
        self._store = store
        self._blobs = blobs
        self._pickles = pickles
        self._disk = disk
        self._at_once = at_once
        self._limit = limit
        self._tasks: dict[str, asyncio.Task[None]] = {}

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
        for located in chosen.files:
            if kind_of(located.file.path) == "pickle":
                self._pickles.check_allowed(located)
        kept = await self._kept()
        failures = self._take_failures(chosen)
        missing = [file for file in chosen.files if not _is_complete(file, kept)]
        wanted = [file for file in missing if file.file.hash not in failures]
        self._begin(wanted, token=token, pinned=pinned)
        if pinned is not None:
            for located in chosen.files:
                await self._pin(located.file.hash, pinned=pinned)
        return Progress(
            chosen, tuple(_progress(file, kept, failures, self._tasks) for file in chosen.files)
        )

    async def close(self) -> None:
        """Fetch nothing more ahead."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _begin(self, files: list[LocatedFile], *, token: str | None, pinned: bool | None) -> None:
        fresh = [file for file in files if file.file.hash not in self._tasks]
        if not fresh:
            return
        running = sum(not task.done() for task in self._tasks.values())
        if running + len(fresh) > self._limit:
            raise OverloadedError("places for fetches ahead", limit=self._limit)
        places = asyncio.Semaphore(self._at_once)
        for located in fresh:
            self._tasks[located.file.hash] = asyncio.ensure_future(
                self._fetch(located, places, token=token, is_pinned=bool(pinned))
            )

    async def _fetch(
        self,
        located: LocatedFile,
        places: asyncio.Semaphore,
        *,
        token: str | None,
        is_pinned: bool,
    ) -> None:
        async with places:
            while True:
                try:
                    blob = await self._store.open(located, token=token)
                except OverloadedError:
                    await asyncio.sleep(_TRY_AGAIN_SECONDS)
                    continue
                break
            with blob:
                if is_pinned:
                    await self._pin(located.file.hash, pinned=True)
                await arrivals.wait_verified(blob)
        del self._tasks[located.file.hash]

    async def _pin(self, hash_: str, *, pinned: bool) -> None:
        try:
            await self._disk.run(partial(self._blobs.pin, hash_, pinned=pinned))
        except NotCachedError:
            return  # it has not begun: it is pinned when it does

    async def _kept(self) -> Mapping[str, StoredBlob]:
        blobs = await self._disk.run(self._blobs.blobs)
        return {blob.hash: blob for blob in blobs}

    def _take_failures(self, chosen: Chosen) -> dict[str, str]:
        """Return why files could not be fetched, once; then they are tried again."""
        failures = {}
        for located in chosen.files:
            task = self._tasks.get(located.file.hash)
            if task is not None and task.done() and not task.cancelled():
                del self._tasks[located.file.hash]
                error = task.exception()
                assert error is not None, "a task that went well forgets itself"
                if not isinstance(error, WeightbankError):
                    raise error
                failures[located.file.hash] = str(error)
        return failures


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
    if hash_ in failures:
        return FileProgress(located, "failed", arrived_bytes, failures[hash_])
    if blob is None:
        return FileProgress(located, "waiting", 0)
    if blob.is_complete:
        return FileProgress(located, "complete", arrived_bytes)
    return FileProgress(located, "fetching" if hash_ in tasks else "waiting", arrived_bytes)
