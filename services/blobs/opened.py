"""A blob, open for reading: there, or on its way."""

import os
import weakref
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from services.blobs.arrival import Arrival
from services.blobs.blob import BlobKey


class Readers:
    """How many open blobs there are of each hash, in this process.

    Dictionaries change and are copied atomically: whoever leaves may be a finalizer, which can run
    in the middle of any call and must not wait for a lock.

    Examples:
        >>> readers = Readers()
        >>> token = readers.enter("sha256:00")
        >>> readers.count("sha256:00")
        1
        >>> readers.leave(token)
        >>> readers.count("sha256:00")
        0
    """

    def __init__(self) -> None:
        self._hashes: dict[object, str] = {}

    def enter(self, blob_hash: str) -> object:
        """Count one more; return what ``leave`` takes."""
        token = object()
        self._hashes[token] = blob_hash
        return token

    def leave(self, token: object) -> None:
        """Count one less; once."""
        self._hashes.pop(token, None)

    def __len__(self) -> int:
        """Return how many read anything."""
        return len(self._hashes)

    def count(self, blob_hash: str) -> int:
        """Return how many read a blob."""
        return list(self._hashes.copy().values()).count(blob_hash)


class OpenedBlob:
    """See ``OpenBlob``.

    The descriptor is its own, but may be a duplicate: then its position is shared,
    so read by ``os.pread``. It bears a lock that other processes see.
    """

    def __init__(self, key: BlobKey, descriptor: int, arrival: Arrival, readers: Readers) -> None:
        """Take over a descriptor.

        Args:
            key: What it is.
            descriptor: To read from; it is closed with this.
            arrival: How much may be read.
            readers: Where this one is counted.
        """
        self.key = key
        self._descriptor = descriptor
        self._arrival = arrival
        self._watches: set[object] = set()
        self._end = weakref.finalize(
            self, _end, descriptor, arrival, self._watches, readers, readers.enter(key.hash)
        )
        self._end.atexit = False

    @property
    def available_bytes(self) -> int:
        """See ``OpenBlob.available_bytes``."""
        return self._arrival.available_bytes

    @property
    def is_verified(self) -> bool:
        """See ``OpenBlob.is_verified``."""
        return self._arrival.is_verified

    @property
    def error(self) -> Exception | None:
        """See ``OpenBlob.error``."""
        return self._arrival.error

    def fileno(self) -> int:
        """See ``OpenBlob.fileno``.

        Raises:
            ValueError: If it was closed.
        """
        if not self._end.alive:
            raise ValueError("the blob was closed")
        return self._descriptor

    def wait_beyond(self, offset: int, timeout_seconds: float | None = None) -> int:
        """See ``OpenBlob.wait_beyond``; ``close`` ends it too."""
        return self._arrival.wait_beyond(
            offset, timeout_seconds, is_closed=lambda: not self._end.alive
        )

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """See ``OpenBlob.watch``. What came before is not told of: look after the call."""
        token = self._arrival.watch(callback)
        self._watches.add(token)
        if not self._end.alive:
            self._arrival.forget(token)
        return partial(_unwatch, self._arrival, self._watches, token)

    def close(self) -> None:
        """See ``OpenBlob.close``."""
        self._end()
        self._arrival.wake()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _unwatch(arrival: Arrival, watches: set[object], token: object) -> None:
    arrival.forget(token)
    watches.discard(token)


def _end(
    descriptor: int, arrival: Arrival, watches: set[object], readers: Readers, reader: object
) -> None:
    """End a reader. It may be called by a garbage collection: no lock is taken."""
    for watch in watches.copy():
        arrival.forget(watch)
    readers.leave(reader)
    os.close(descriptor)
