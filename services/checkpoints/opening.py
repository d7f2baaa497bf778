"""Files of a checkpoint, opened together; what cannot be fetched yet is brought in its turn."""

import asyncio
from collections.abc import Sequence

from services.checkpoints.catalogue import Catalogue
from services.checkpoints.coming import ComingBlob
from services.checkpoints.headers import Headers
from services.checkpoints.parallel import in_parallel
from services.checkpoints.reader import OpenFile
from services.checkpoints.store import CheckpointStore, key_of
from services.errors import OverloadedError
from services.hub.errors import CorruptFileError
from services.hub.located import LocatedFile
from weightbank.errors import NO_VALUE

_TRY_AGAIN_SECONDS = 0.25


class Opening:
    """Opens files as blobs with headers. For one event loop."""

    def __init__(self, *, catalogue: Catalogue, store: CheckpointStore, headers: Headers) -> None:
        self._catalogue = catalogue
        self._store = store
        self._headers = headers
        self._bringing: set[asyncio.Task[None]] = set()

    async def open_all(self, files: Sequence[LocatedFile], *, token: str | None) -> list[OpenFile]:
        """Open files, and have fetched what is not here: some at once, others after them.

        Args:
            files: Of one checkpoint, or of one spec.
            token: Of the caller, whose rights were checked.

        Raises:
            OverloadedError: If not even one of those that are missing can be begun.
            WeightbankError: If one cannot be had, or not believed.
        """
        refused: list[OverloadedError] = []

        async def open_one(located: LocatedFile) -> OpenFile | None:
            try:
                return await self._open(located, token=token)
            except OverloadedError as error:
                refused.append(error)
                return None

        opened = await in_parallel(files, open_one)
        if refused and not any(file is not None for file in opened):
            raise refused[0]
        waiting: list[tuple[LocatedFile, OpenFile]] = []
        found: list[OpenFile] = []
        for located, file in zip(files, opened, strict=True):
            if file is None:
                file = await self._glance(located, token=token)  # noqa: PLW2901 - stands for it
                waiting.append((located, file))
            found.append(file)
        if waiting:
            task = asyncio.ensure_future(self._bring(waiting, token=token))
            self._bringing.add(task)
            task.add_done_callback(self._bringing.discard)
        return found

    async def close(self) -> None:
        """Bring nothing more."""
        tasks = list(self._bringing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self, located: LocatedFile, *, token: str | None) -> OpenFile:
        blob = await self._store.open_tensors(located, token=token)
        try:
            return OpenFile(blob, await self._headers.of_blob(blob))
        except BaseException:
            blob.close()
            raise

    async def _glance(self, located: LocatedFile, *, token: str | None) -> OpenFile:
        header = await self._catalogue.header(located, token=token)
        return OpenFile(ComingBlob(key_of(located)), header)

    async def _bring(
        self, waiting: Sequence[tuple[LocatedFile, OpenFile]], *, token: str | None
    ) -> None:
        """Open one file after the other, as soon as each can be fetched."""
        try:
            for located, file in waiting:
                assert isinstance(file.blob, ComingBlob)
                file.blob.arrive((await self._open_as_promised(located, file, token=token)).blob)
        except BaseException as error:
            # Whoever reads what never comes hears why; a task that is cancelled, too.
            known = error if isinstance(error, Exception) else OverloadedError("files", limit=0)
            for _, file in waiting:
                assert isinstance(file.blob, ComingBlob)
                file.blob.fail(known)
            if not isinstance(error, Exception):
                raise

    async def _open_as_promised(
        self, located: LocatedFile, promised: OpenFile, *, token: str | None
    ) -> OpenFile:
        while True:
            try:
                opened = await self._open(located, token=token)
            except OverloadedError:
                await asyncio.sleep(_TRY_AGAIN_SECONDS)
                continue
            if opened.header == promised.header:
                return opened
            opened.blob.close()
            self._headers.forget(located.file.hash)
            raise CorruptFileError(
                located.file.path, NO_VALUE, "has another header than the Hub showed before"
            )
