"""A file on the disk of this server that is sent as blobs are: all there, and unchanging."""

import os
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO, Self

from services.blobs.blob import BlobKey


class SpooledFile:
    """See ``OpenBlob``. It closes the file, which is gone then.

    Examples:
        >>> import tempfile
        >>> file = tempfile.TemporaryFile()
        >>> _, _ = file.write(b"abc"), file.flush()
        >>> with SpooledFile(file) as spooled:
        ...     spooled.available_bytes
        3
    """

    error = None
    is_verified = True

    def __init__(self, file: BinaryIO) -> None:
        """Take over a file that is written and flushed."""
        self._file = file
        self.key = BlobKey("", os.fstat(file.fileno()).st_size)

    @property
    def available_bytes(self) -> int:
        """All of it."""
        return self.key.size_bytes

    def fileno(self) -> int:
        """See ``OpenBlob.fileno``."""
        return self._file.fileno()

    def wait_beyond(self, offset: int, timeout_seconds: float | None = None) -> int:
        """See ``OpenBlob.wait_beyond``; there is nothing to wait for."""
        del offset, timeout_seconds
        return self.key.size_bytes

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """See ``OpenBlob.watch``; there will be no news."""
        del callback
        return _nothing

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def _nothing() -> None:
    pass
