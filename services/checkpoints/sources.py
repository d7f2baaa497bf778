"""Readers of stored tensors, for callers who may read them."""

from collections.abc import Iterable, Sequence

from services.checkpoints.catalogue import Catalogue, Chosen
from services.checkpoints.opening import Opening
from services.checkpoints.parallel import in_parallel
from services.checkpoints.reader import BlobReader, OpenFile
from services.hub.located import LocatedFile
from weightbank.stored import Checkpoint, CheckpointName, StoredFile, StoredTensor


class Sources:
    """Opens files whose tensors others are made of. For one event loop."""

    def __init__(self, *, catalogue: Catalogue, opening: Opening) -> None:
        self._catalogue = catalogue
        self._opening = opening

    async def open_checkpoint(
        self, name: CheckpointName, chosen: Chosen, *, token: str | None
    ) -> tuple[Checkpoint, BlobReader]:
        """Open all files of a checkpoint, and have fetched what is not here.

        Args:
            name: As it was asked for.
            chosen: What it led to.
            token: Of the caller.

        Returns:
            Its tensors, as soon as all headers are here, and what reads them.

        Raises:
            WeightbankError: If a file cannot be had, or not believed.
        """
        opened = await self._opening.open_all(chosen.files, token=token)
        headers = [file.header for file in opened]
        checkpoint = self._catalogue.assemble(name, chosen, headers)
        return checkpoint, _reader(chosen.files, opened)

    async def open_files(
        self, files: Iterable[StoredFile], tensors: Iterable[StoredTensor], *, token: str | None
    ) -> BlobReader:
        """Open the files that a resolved spec pins, and have fetched what is not here.

        Args:
            files: That it is made from.
            tensors: Those of their tensors that it needs.
            token: Of the caller, whose rights are checked.

        Raises:
            WeightbankError: If this caller may not read one, if one cannot be had, or
                is not what the spec was resolved with.
        """
        located = await in_parallel(
            files, lambda file: self._catalogue.locate_stored(file, token=token)
        )
        opened = await self._opening.open_all(located, token=token)
        reader = _reader(located, opened)
        for tensor in tensors:
            reader.check(tensor)
        return reader

    async def check_rights(self, files: Iterable[StoredFile], *, token: str | None) -> bool:
        """See that a caller may read files; return whether not everybody may.

        Raises:
            WeightbankError: If this caller may not.
        """
        restricted = await in_parallel(
            files, lambda file: self._catalogue.is_restricted(file, token=token)
        )
        return any(restricted)


def _reader(located: Sequence[LocatedFile], opened: Sequence[OpenFile]) -> BlobReader:
    return BlobReader({place.file: file for place, file in zip(located, opened, strict=True)})
