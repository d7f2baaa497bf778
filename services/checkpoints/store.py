"""The bytes of checkpoints' files: fetched into blobs, pickles converted on the way."""

import asyncio
import errno
import resource
from collections.abc import Callable
from typing import TypeVar

from services.blobs.blob import BlobKey, OpenBlob
from services.blobs.store import BlobStore
from services.bounded_executor import BoundedExecutor
from services.checkpoints import arrivals
from services.checkpoints.formats import kind_of
from services.checkpoints.pickles import Pickles
from services.errors import OverloadedError
from services.hub.errors import InsufficientStorageError
from services.hub.hub import Hub
from services.hub.located import LocatedFile

Opened = TypeVar("Opened", bound=OpenBlob | None)

_PAUSES_SECONDS = (0.1, 0.4, 1.5)
"""What was sent to its end a moment ago may still be on its way to the disk, or be open."""


class CheckpointStore:
    """Opens files for callers whose rights were checked. For one event loop."""

    def __init__(
        self,
        *,
        hub: Hub,
        blobs: BlobStore,
        pickles: Pickles,
        disk: BoundedExecutor,
        file_bytes: int,
        most_open: int | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            hub: Where bytes come from.
            blobs: Where they are kept.
            pickles: Converts what is pickled.
            disk: Runs what waits for a disk.
            file_bytes: Largest file that is fetched.
            most_open: Files at one time; half of the descriptors if not given.
        """
        self._hub = hub
        self._blobs = blobs
        self._pickles = pickles
        self._disk = disk
        self._file_bytes = file_bytes
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most_open = most_open or max(1, descriptors // 2)

    def has(self, located: LocatedFile) -> bool:
        """Tell whether a file is here whole and found right; quick, and no use of it."""
        return self._blobs.has(key_of(located))

    async def find(self, located: LocatedFile) -> OpenBlob | None:
        """Return a file as it is in the repository, if it is here whole and found right."""
        return await self._on_disk(lambda: self._blobs.open(key_of(located)))

    async def open(self, located: LocatedFile, *, token: str | None) -> OpenBlob:
        """Return a file as it is in the repository: here, or on its way from now on.

        Raises:
            InsufficientStorageError: If there is no place for it.
            OverloadedError: If too many files are on their way.
        """
        if located.size_bytes > self._file_bytes:
            raise InsufficientStorageError(
                located.file.path,
                located.size_bytes,
                "bytes are more than one file may have here",
                f"{self._file_bytes} bytes or fewer",
            )
        origin = self._hub.origin(located, token=token)

        async def fetch() -> OpenBlob:
            return await self._on_disk(lambda: self._blobs.fetch(key_of(located), origin))

        for pause_seconds in _PAUSES_SECONDS:
            try:
                return await fetch()
            except InsufficientStorageError:
                if located.size_bytes > self._blobs.quota_bytes:
                    raise
            await asyncio.sleep(pause_seconds)
        return await fetch()

    async def _on_disk(self, call: Callable[[], Opened]) -> Opened:
        """Open something, unless too few descriptors would be left for connections."""
        if self._blobs.readers >= self._most_open:
            raise OverloadedError("places for open files", limit=self._most_open)
        try:
            return await self._disk.run(call)
        except OSError as error:
            if error.errno not in {errno.EMFILE, errno.ENFILE}:
                raise
        raise OverloadedError("descriptors of open files", limit=self._most_open)

    async def open_tensors(self, located: LocatedFile, *, token: str | None) -> OpenBlob:
        """Return a file of tensors as safetensors: as it is, or converted from a pickle.

        Raises:
            PickleRefusedError: If pickles are not converted here.
            ConversionError: If this one could not be.
            WeightbankError: As ``open``.
        """
        if kind_of(located.file.path) != "pickle":
            return await self.open(located, token=token)
        self._pickles.check_allowed(located)
        converted = await self._pickles.find(located)
        if converted is not None:
            return converted
        pickled = await self.open(located, token=token)
        with pickled:
            await arrivals.wait_verified(pickled)
            return await self._pickles.convert(located, pickled)

    async def content(self, located: LocatedFile, *, token: str | None) -> bytes:
        """Return all bytes of a small file, checked against its hash."""
        with await self.open(located, token=token) as blob:
            await arrivals.wait_verified(blob)
            return await arrivals.read(blob, 0, located.size_bytes)


def key_of(located: LocatedFile) -> BlobKey:
    """Return what names a file's bytes."""
    return BlobKey(located.file.hash, located.size_bytes)
