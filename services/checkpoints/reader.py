"""Stored tensors, read from open blobs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from services.blobs.blob import OpenBlob
from services.checkpoints import arrivals
from services.checkpoints.arrival import join_arrival
from services.hub.errors import CorruptFileError
from weightbank.prepared import Flight
from weightbank.stored import StoredFile, StoredTensor
from weightbank.stored_header import StoredHeader


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file of a checkpoint, open for reading.

    Attributes:
        blob: Its bytes, here or on their way.
        header: Where its tensors are in it.
    """

    blob: OpenBlob
    header: StoredHeader


class BlobReader:
    """Reads the tensors of some files; a ``TensorReader``.

    It has no end of its own: its blobs close when nobody reads through it any more.

    Args:
        files: Open, by what names them for good.
    """

    def __init__(self, files: Mapping[StoredFile, OpenFile]) -> None:
        self._files = files

    @property
    def is_verified(self) -> bool:
        """Whether all files are here, and their hashes are right."""
        return all(file.blob.is_verified for file in self._files.values())

    @property
    def headers(self) -> list[StoredHeader]:
        """Those of all files."""
        return [file.header for file in self._files.values()]

    @property
    def blobs(self) -> list[OpenBlob]:
        """All that are open."""
        return [file.blob for file in self._files.values()]

    async def wait_verified(self) -> None:
        """Return once all files are here, and their hashes are right.

        Raises:
            Exception: What ended the arrival of one.
        """
        for blob in self.blobs:
            await arrivals.wait_verified(blob)

    def check(self, tensor: StoredTensor) -> None:
        """Refuse a tensor that a file does not have as it was promised.

        Raises:
            CorruptFileError: If dtype or shape are others, or it is missing.
        """
        found = self._files[tensor.file].header.tensors.get(tensor.name)
        if found is None or found.shape != tensor.shape or found.dtype is not tensor.dtype:
            raise CorruptFileError(
                tensor.file.path,
                tensor.name,
                "is not in this file as its header said before",
                f"{tensor.dtype.name} of shape {list(tensor.shape)}",
            )

    def read_into(self, tensor: StoredTensor, offset: int, buffer: memoryview) -> None:
        """See ``TensorReader.read_into``."""
        blob, position = self._position(tensor, offset)
        view = buffer.cast("B")
        while view:
            if blob.available_bytes < position + len(view) and not blob.is_verified:
                blob.wait_beyond(position + len(view) - 1)
            count = os.preadv(blob.fileno(), [view], position)
            assert count, "a blob ended before its end"
            view, position = view[count:], position + count

    def arrival(self, tensor: StoredTensor, start: int, stop: int) -> Flight:
        """See ``TensorReader.arrival``."""
        blob, position = self._position(tensor, start)
        return join_arrival(blob, position + stop - start)

    def verification(self, file: StoredFile) -> Flight:
        """See ``TensorReader.verification``."""
        return join_arrival(self._files[file].blob, None)

    def _position(self, tensor: StoredTensor, offset: int) -> tuple[OpenBlob, int]:
        file = self._files[tensor.file]
        return file.blob, file.header.tensors[tensor.name].start + offset
