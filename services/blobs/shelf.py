"""Where blobs are on the disk, and who may change that.

    blobs/ab/sha256-ab…       complete; its time of change is that of its last use
    partial/sha256-ab….SIZE   on its way; it may become SIZE bytes
    unnamed/TOKEN.SIZE        being made; its hash is not known yet
    pins/sha256-ab…           empty: that blob is not to be evicted
    lock                      held while names come and go, never while bytes do

The files are the truth; there is no index that could contradict them.
"""

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from services.blobs.blob import BlobKey
from services.blobs.directory_lock import DirectoryLock
from services.blobs.hashing import HASH
from services.blobs.partial import Partial, sync_directory, try_lock
from services.blobs.shelved import KeptFile, ShelvedFile, UnfinishedFile
from services.hub.errors import NotCachedError

_SAME_USE_SECONDS = 60.0


class Shelf:
    """The directory of a store; several processes may have it.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     shelf = Shelf(Path(directory))
        ...     path = shelf.kept_path("sha256:" + 64 * "a")
        ...     str(path.relative_to(directory))[:20]
        'blobs/aa/sha256-aaaa'
    """

    def __init__(self, directory: Path) -> None:
        """Make the directories that are missing."""
        self.directory = directory
        self._kept = directory / "blobs"
        self._partial = directory / "partial"
        self._unnamed = directory / "unnamed"
        self._pins = directory / "pins"
        self._lock = DirectoryLock(directory / "lock")
        for path in (self._kept, self._partial, self._unnamed, self._pins):
            path.mkdir(parents=True, exist_ok=True)

    def kept_path(self, blob_hash: str) -> Path:
        """Return where a complete blob is.

        Raises:
            NotCachedError: If it is no hash at all.
        """
        name = _name_of(blob_hash)
        return self._kept / name.rpartition("-")[2][:2] / name

    def partial_path(self, blob_hash: str, size_bytes: int) -> Path:
        """Return where a blob is while it arrives; raise as ``kept_path``."""
        return self._partial / f"{_name_of(blob_hash)}.{size_bytes}"

    def unnamed_path(self, reserved_bytes: int) -> Path:
        """Return a new place for a file that may become so large."""
        return self._unnamed / f"{secrets.token_hex(8)}.{reserved_bytes}"

    def locked(self) -> AbstractContextManager[None]:
        """Keep all others, threads and processes, from changing names. May be nested.

        Raises:
            RetryError: If others do not let go of it.
        """
        return self._lock.held()

    def has(self, key: BlobKey) -> bool:
        """Tell whether a blob is complete, without using it."""
        try:
            return self.kept_path(key.hash).stat().st_size == key.size_bytes
        except FileNotFoundError:
            return False

    def open_kept(self, key: BlobKey) -> int | None:
        """Open a complete blob to use it, so that nobody evicts it; None if there is none.

        One of another size than the key says is none: either is wrong.
        """
        path = self.kept_path(key.hash)
        try:
            descriptor = _open_shared(path)
        except BlockingIOError:
            # Somebody looks whether it is in use, which takes no time and needs the lock.
            with self.locked():
                descriptor = _open_shared(path)
        if descriptor is None:
            return None
        status = os.fstat(descriptor)
        if status.st_size != key.size_bytes:
            os.close(descriptor)
            return None
        # A time to come is that of a clock that was wrong: it would never be the oldest.
        if not 0 <= time.time() - status.st_mtime <= _SAME_USE_SECONDS:
            # Of another user's file nobody else may say when it was used.
            with contextlib.suppress(PermissionError):
                os.utime(descriptor)
        return descriptor

    def kept(self) -> Iterator[KeptFile]:
        """List the complete blobs."""
        pinned = self._pinned()
        for directory in _entries(self._kept):
            for entry in _entries(Path(directory.path)):
                blob_hash = _hash_of(entry.name)
                status = _status(entry)
                if blob_hash is not None and status is not None:
                    yield KeptFile(
                        Path(entry.path),
                        blob_hash,
                        status.st_size,
                        status.st_mtime,
                        entry.name in pinned,
                    )

    def unfinished(self) -> Iterator[UnfinishedFile]:
        """List the files that are not complete."""
        pinned = self._pinned()
        for entry in (*_entries(self._partial), *_entries(self._unnamed)):
            name, _, size = entry.name.rpartition(".")
            status = _status(entry)
            if size.isdecimal() and status is not None:
                yield UnfinishedFile(
                    Path(entry.path),
                    _hash_of(name),
                    status.st_size,
                    int(size),
                    status.st_mtime,
                    name in pinned,
                )

    def remove_abandoned(self) -> None:
        """Remove what was being made by processes that are no more."""
        with self.locked():
            for entry in _entries(self._unnamed):
                self.remove(Path(entry.path))

    def remove(self, path: Path) -> bool:
        """Remove a file unless somebody reads or writes it; return whether it is gone.

        The caller holds the lock, or a blob could be published in between.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return True
        try:
            if not try_lock(descriptor, is_exclusive=True):
                return False
            path.unlink()
        finally:
            os.close(descriptor)
        return True

    def is_in_use(self, path: Path) -> bool:
        """Tell whether somebody reads or writes a file. The caller holds the lock."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return not try_lock(descriptor, is_exclusive=True)
        finally:
            os.close(descriptor)

    def publish(self, partial: Partial, blob_hash: str) -> None:
        """Give a synced file its final name."""
        with self.locked():
            partial.publish(self.kept_path(blob_hash))

    def sync_names(self, blob_hash: str) -> None:
        """Have the name of a published file outlast a loss of power."""
        directory = self.kept_path(blob_hash).parent
        sync_directory(directory)
        sync_directory(directory.parent)

    def is_pinned(self, blob_hash: str) -> bool:
        """Tell whether a blob must not be evicted."""
        return (self._pins / _name_of(blob_hash)).exists()

    def pin(self, blob_hash: str, *, pinned: bool) -> None:
        """Have a blob evicted no more, or again; it need not be there."""
        path = self._pins / _name_of(blob_hash)
        with self.locked():
            if pinned:
                path.touch()
            else:
                path.unlink(missing_ok=True)
        sync_directory(self._pins)

    def files(self, blob_hash: str) -> Sequence[ShelvedFile]:
        """List what there is of one blob."""
        files: tuple[ShelvedFile, ...] = (*self.kept(), *self.unfinished())
        return [file for file in files if file.hash == blob_hash]

    def _pinned(self) -> frozenset[str]:
        return frozenset(entry.name for entry in _entries(self._pins))


def _open_shared(path: Path) -> int | None:
    """Open a file and lock it, unless it is unlinked before that is done.

    Raises:
        BlockingIOError: If somebody has it locked for himself.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        is_linked = os.fstat(descriptor).st_nlink > 0
    except OSError:
        os.close(descriptor)
        raise
    if not is_linked:
        os.close(descriptor)
        return None
    return descriptor


def _entries(directory: Path) -> Iterator[os.DirEntry[str]]:
    """List a directory, which may be none."""
    try:
        with os.scandir(directory) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return what a file is, unless it is gone by now."""
    try:
        return entry.stat()
    except FileNotFoundError:
        return None


def _name_of(blob_hash: str) -> str:
    if HASH.fullmatch(blob_hash) is None:
        raise NotCachedError(
            "hash", blob_hash, "is no hash of a file", "sha256:, git-sha1: and lowercase digits"
        )
    return blob_hash.replace(":", "-")


def _hash_of(name: str) -> str | None:
    algorithm, _, digits = name.rpartition("-")
    blob_hash = f"{algorithm}:{digits}"
    return blob_hash if HASH.fullmatch(blob_hash) else None
