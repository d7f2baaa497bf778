"""Files of a checkpoint, opened together; what cannot be fetched yet is brought in its turn.

Theory of operation: a file that finds no place among the fetches is promised: a blob
stands for it, with the header that the Hub shows. A task brings what was promised, one
file after the other, for as long as somebody reads: it holds none of those blobs itself.
"""

import asyncio
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from services.blobs.errors import without_frames
from services.checkpoints.catalogue import Catalogue
from services.checkpoints.coming import ComingBlob
from services.checkpoints.formats import kind_of
from services.checkpoints.headers import Headers
from services.checkpoints.parallel import in_parallel
from services.checkpoints.reader import OpenFile
from services.checkpoints.store import CheckpointStore, key_of
from services.checkpoints.totals import TensorTotal
from services.errors import OverloadedError, ShuttingDownError
from services.hub.errors import CorruptFileError
from services.hub.located import LocatedFile
from weightbank.errors import NO_VALUE
from weightbank.stored_header import StoredHeader


@dataclass(frozen=True, slots=True)
class _Promise:
    """A file that comes later.

    Attributes:
        located: The file.
        header: That readers of its blob believe it to have.
        blob: What stands for it, until nobody has that any more.
    """

    located: LocatedFile
    header: StoredHeader
    blob: "weakref.ref[ComingBlob]"

    @property
    def is_wanted(self) -> bool:
        """Whether anybody waits for it."""
        blob = self.blob()
        return blob is not None and blob.error is None


class Opening:
    """Opens files as blobs with headers. For one event loop."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        store: CheckpointStore,
        headers: Headers,
        pause_seconds: float = 0.25,
    ) -> None:
        """Open nothing yet.

        Args:
            catalogue: Shows headers of files that are not here.
            store: Opens files.
            headers: Reads the headers of those.
            pause_seconds: Until a fetch that found no place is tried again.
        """
        self._catalogue = catalogue
        self._store = store
        self._headers = headers
        self._pause_seconds = pause_seconds
        self._bringing: set[asyncio.Task[None]] = set()

    async def open_all(self, files: Sequence[LocatedFile], *, token: str | None) -> list[OpenFile]:
        """Open files, and have fetched what is not here: some at once, others after them.

        Args:
            files: Of one checkpoint, or of one spec.
            token: Of the caller, whose rights were checked.

        Raises:
            OverloadedError: If none of them is here, on its way, or can be begun; or a
                pickle cannot, whose header nobody can tell beforehand.
            WeightbankError: If one cannot be had, or not believed.
        """
        refusals: list[Exception] = []
        total = self._catalogue.total(checkpoints=len(files))

        async def open_one(located: LocatedFile) -> OpenFile | None:
            try:
                return await self._open(located, token=token, total=total)
            except OverloadedError as error:
                if kind_of(located.file.path) == "pickle":
                    raise
                refusals.append(without_frames(error))
                return None

        opened = await in_parallel(files, open_one)
        if refusals and len(refusals) == len(opened):
            raise refusals[0]
        missing = [place for place, file in zip(files, opened, strict=True) if file is None]
        promised = iter(await self._promise(missing, total, token=token))
        return [next(promised) if file is None else file for file in opened]

    async def close(self) -> None:
        """Bring nothing more."""
        tasks = list(self._bringing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(
        self, located: LocatedFile, *, token: str | None, total: TensorTotal | None = None
    ) -> OpenFile:
        blob = await self._store.open_tensors(located, token=token)
        try:
            header = await self._headers.of_blob(blob)
            return OpenFile(blob, header if total is None else total.add(header))
        except BaseException:
            blob.close()
            raise

    async def _promise(
        self, files: Sequence[LocatedFile], total: TensorTotal, *, token: str | None
    ) -> Sequence[OpenFile]:
        """Return what stands for files, and have them brought."""
        if not files:
            return []

        async def header(located: LocatedFile) -> StoredHeader:
            return total.add(await self._catalogue.header(located, token=token))

        headers = await in_parallel(files, header)
        blobs = [ComingBlob(key_of(located)) for located in files]
        promises = list(map(_Promise, files, headers, map(weakref.ref, blobs)))
        task = asyncio.ensure_future(self._bring(promises, token=token))
        self._bringing.add(task)
        task.add_done_callback(partial(self._ended, promises))
        return list(map(OpenFile, blobs, headers))

    async def _bring(self, promises: Sequence[_Promise], *, token: str | None) -> None:
        """Open one file after the other, as soon as each can be fetched."""
        for promise in promises:
            await self._keep(promise, token=token)

    def _ended(self, promises: Sequence[_Promise], task: "asyncio.Task[None]") -> None:
        """Have whoever reads what never comes hear why. A task may have ended before it began."""
        self._bringing.discard(task)
        error = ShuttingDownError() if task.cancelled() else task.exception()
        for blob in [promise.blob() for promise in promises]:
            if blob is not None and isinstance(error, Exception):
                blob.fail(error)

    async def _keep(self, promise: _Promise, *, token: str | None) -> None:
        """Open a file, and have it give its bytes to the blob that stands for it."""
        while promise.is_wanted:
            try:
                opened = await self._open(promise.located, token=token)
            except OverloadedError:
                await asyncio.sleep(self._pause_seconds)
                continue
            _check(opened, promise)
            blob = promise.blob()
            if blob is None:
                opened.blob.close()
            else:
                blob.arrive(opened.blob)
            return


def _check(opened: OpenFile, promise: _Promise) -> None:
    """Refuse a file that is not what its readers believe it to be."""
    if opened.header != promise.header:
        opened.blob.close()
        path = promise.located.file.path
        raise CorruptFileError(path, NO_VALUE, "has another header than the Hub showed before")
