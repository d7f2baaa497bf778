"""Warming the cache up: files fetched for nobody yet, with their progress."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from services.blobs.blob import OpenBlob
from services.blobs.store import BlobStore
from services.bounded_executor import BoundedExecutor
from services.checkpoints.catalogue import Catalogue, Chosen
from services.checkpoints.formats import kind_of
from services.checkpoints.pickles import Pickles
from services.checkpoints.store import CheckpointStore, key_of
from services.errors import OverloadedError
from services.hub.located import LocatedFile
from weightbank.stored import CheckpointName

State = Literal["complete", "fetching", "waiting", "failed"]


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far one file is.

    Attributes:
        located: The file.
        state: Waiting ones begin when asked for again: too many are on their way.
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
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._blobs = blobs
        self._pickles = pickles
        self._disk = disk

    async def begin(
        self, name: CheckpointName, *, token: str | None, pinned: bool | None = None
    ) -> Progress:
        """Begin to fetch what is not here of a checkpoint, and tell how far it is.

        Args:
            name: Of the checkpoint.
            token: Of the caller, whose rights are checked.
            pinned: Whether its files are to stay from now on; None leaves that as it is.

        Raises:
            WeightbankError: If it cannot be fetched.
        """
        chosen = await self._catalogue.choose(name, token=token)
        for located in chosen.files:
            if kind_of(located.file.path) == "pickle":
                self._pickles.check_allowed(located)
        files = [await self._fetch(located, token=token) for located in chosen.files]
        if pinned is not None:
            for located in chosen.files:
                await self._disk.run(partial(self._blobs.pin, located.file.hash, pinned=pinned))
        return Progress(chosen, tuple(files))

    async def _fetch(self, located: LocatedFile, *, token: str | None) -> FileProgress:
        try:
            blob = await self._store.open(located, token=token)
        except OverloadedError:
            return FileProgress(located, "waiting", 0)
        with blob:
            return _progress(located, blob)


def _progress(located: LocatedFile, blob: OpenBlob) -> FileProgress:
    if blob.is_verified:
        return FileProgress(located, "complete", key_of(located).size_bytes)
    if blob.error is not None:
        return FileProgress(located, "failed", blob.available_bytes, str(blob.error))
    return FileProgress(located, "fetching", blob.available_bytes)
