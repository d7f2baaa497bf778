"""The store of blobs: what is asked of it, by those who know nothing of its files."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from services.blobs.blob import BlobKey, OpenBlob, Origin
from services.blobs.flights import Flights
from services.blobs.observer import UNOBSERVED, BlobObserver
from services.blobs.patience import DEFAULT_PATIENCE, Patience
from services.blobs.room import Room
from services.blobs.shelf import Shelf
from services.blobs.shelved import KeptFile, UnfinishedFile
from services.blobs.stored_blob import StoredBlob
from services.blobs.writer import BlobWriter

_RESERVE_BYTES = 2**26


class BlobStore:
    """Files by their hash, in a directory that several processes may share. Thread-safe.

    No method waits for the network; all but ``has`` may wait for the disk, so call
    them off an event loop. The directory has to be on a local file system: the locks
    of others are not seen through NFS.

    Examples:
        >>> import contextlib, hashlib, os, tempfile
        >>> class Hello:
        ...     def open(self, offset):
        ...         return contextlib.nullcontext(iter([b"hello"[offset:]]))
        >>> key = BlobKey("sha256:" + hashlib.sha256(b"hello").hexdigest(), 5)
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     store = BlobStore(Path(directory), quota_bytes=10**6, fetches=2)
        ...     with store.fetch(key, Hello()) as blob:
        ...         size = blob.wait_beyond(4)
        ...         os.pread(blob.fileno(), size, 0), blob.is_verified
        ...     store.close()
        (b'hello', True)
    """

    def __init__(
        self,
        directory: Path,
        *,
        quota_bytes: int,
        fetches: int,
        patience: Patience = DEFAULT_PATIENCE,
        reserve_bytes: int = _RESERVE_BYTES,
        observer: BlobObserver = UNOBSERVED,
    ) -> None:
        """Make the directory if need be, and remove what was being made when it was left.

        Args:
            directory: Of this store's files alone; its mode says who may read them.
            quota_bytes: Most bytes of all files together.
            fetches: Most blobs that are being fetched at one time, each by a thread.
            patience: With transfers that break.
            reserve_bytes: What is to be left free on the disk.
            observer: Told of what happens.
        """
        self.quota_bytes = quota_bytes
        self._shelf = Shelf(directory)
        self._room = Room(
            self._shelf, quota_bytes=quota_bytes, reserve_bytes=reserve_bytes, observer=observer
        )
        self._flights = Flights(
            self._shelf, self._room, threads=fetches, patience=patience, observer=observer
        )
        self._shelf.remove_abandoned()

    def open(self, key: BlobKey) -> OpenBlob | None:
        """Open a blob if all of it is here; that counts as a use.

        Raises:
            NotCachedError: If the key's hash is no hash at all.
            RetryError: If another process has the files locked.
        """
        return self._flights.open(key)

    def has(self, key: BlobKey) -> bool:
        """Tell whether all of a blob is here; that is quick, and counts as no use.

        Raises:
            NotCachedError: If the key's hash is no hash at all.
        """
        return self._flights.has(key)

    def fetch(self, key: BlobKey, origin: Origin) -> OpenBlob:
        """Open a blob that is here or on its way; begin to fetch it if it is neither.

        A fetch goes on when nobody reads any more, until it is complete, ``remove`` or
        ``close``; whoever asks in the meantime joins it.

        Args:
            key: What it is; ``CorruptFileError`` is what its readers get if it is not.
            origin: Where to fetch it, if that has to be; asked by a thread of the store.

        Raises:
            OverloadedError: If too much is being fetched.
            InsufficientStorageError: If there is no room for it; nothing was evicted.
            NotCachedError: If the key's hash is no hash at all.
            RetryError: If another process has the files locked.
            ShuttingDownError: If the store was closed.
        """
        return self._flights.open(key) or self._flights.join(key, origin)

    @property
    def readers(self) -> int:
        """How many blobs are open, each as often as it is."""
        return len(self._flights.readers)

    def can_make_room(self) -> bool:
        """Tell whether a file could go if the disk were full.

        Raises:
            RetryError: If another process has the files locked.
        """
        return self._room.can_be_made()

    def blobs(self) -> Sequence[StoredBlob]:
        """List what is here or on its way, what was used last ahead."""
        # First, so that what is complete in between is found there, and not nowhere.
        unfinished = tuple(self._shelf.unfinished())
        kept = {file.hash: self._stored(file) for file in self._shelf.kept()}
        coming = (
            self._coming(file, file.hash)
            for file in unfinished
            if file.hash is not None and file.hash not in kept
        )
        return sorted((*kept.values(), *coming), key=lambda blob: blob.last_used, reverse=True)

    def pin(self, blob_hash: str, *, pinned: bool) -> None:
        """Have a blob evicted and removed no more, or again; it need not be here yet.

        Raises:
            NotCachedError: If that is no hash at all.
            RetryError: If another process has the files locked.
        """
        self._shelf.pin(blob_hash, pinned=pinned)

    def remove(self, blob_hash: str) -> int:
        """Remove a blob, complete or not, and end its fetch.

        Returns:
            How many bytes that frees; 0 if there is none.

        Raises:
            BlobInUseError: If it is pinned, being read, or fetched by another process.
            NotCachedError: If that is no hash at all.
            RetryError: If another process has the files locked.
        """
        return self._flights.remove(blob_hash)

    def put(self, produce: Callable[[BinaryIO], None], *, size_limit_bytes: int) -> BlobKey:
        """Keep a file that is made here. It appears when it is whole, or not at all.

        Args:
            produce: Writes the file, from its beginning to its end: there is no ``seek``.
            size_limit_bytes: Most that it may write.

        Returns:
            The file's key, with its SHA-256.

        Raises:
            LimitExceededError: If it becomes too large.
            InsufficientStorageError: If there is no room for it.
            RetryError: If another process has the files locked.
            ShuttingDownError: If the store was closed.
            Exception: What ``produce`` raises.
        """
        writer = BlobWriter(
            self._shelf,
            self._room,
            size_limit_bytes=size_limit_bytes,
            is_stopped=lambda: self._flights.is_closed,
        )
        try:
            produce(cast("BinaryIO", writer))
            return writer.publish()
        finally:
            writer.leave()

    def close(self) -> None:
        """End all fetches, promptly; their files stay for later ones.

        Open blobs stay readable as far as they are available.
        """
        self._flights.close()

    def _stored(self, file: KeptFile) -> StoredBlob:
        return StoredBlob(
            file.hash,
            size_bytes=file.size_bytes,
            arrived_bytes=file.size_bytes,
            last_used=datetime.fromtimestamp(file.used_seconds, UTC),
            is_complete=True,
            is_pinned=file.is_pinned,
            readers=self._flights.readers.count(file.hash),
        )

    def _coming(self, file: UnfinishedFile, blob_hash: str) -> StoredBlob:
        return StoredBlob(
            blob_hash,
            size_bytes=file.reserved_bytes,
            arrived_bytes=file.size_bytes,
            last_used=datetime.fromtimestamp(file.changed_seconds, UTC),
            is_complete=False,
            is_pinned=file.is_pinned,
            readers=self._flights.readers.count(blob_hash),
        )
