"""Room on the disk: what there is, and who has to go when it is too little.

Theory of operation: a file that is being written bears in its name what it may become.
What it has not become yet is spoken for, in the quota and on the disk, as long as its
writer lives. A fetch or a conversion first makes its file, empty and locked, and then
asks for room, so that all processes count it. If there is not enough, stale partial
files go first, the oldest ahead, then complete blobs, those used longest ago ahead;
never what is pinned, being read or being written, in whatever process. Whether all
that would be enough is found out before anything goes.
"""

import os
from dataclasses import dataclass

from services.blobs.observer import BlobObserver
from services.blobs.partial import DiskFullError, Partial
from services.blobs.shelf import Shelf
from services.blobs.shelved import KeptFile, ShelvedFile, UnfinishedFile
from services.hub.errors import InsufficientStorageError


@dataclass(frozen=True, slots=True)
class _Census:
    """What is there.

    Attributes:
        kept: Complete blobs.
        stale: Files that nobody is writing.
        written_bytes: What files that are being written have and may become.
        outstanding_bytes: What of that is not on the disk yet.
    """

    kept: tuple[KeptFile, ...]
    stale: tuple[UnfinishedFile, ...]
    written_bytes: int
    outstanding_bytes: int

    @property
    def committed_bytes(self) -> int:
        """All that counts against the quota."""
        return self.written_bytes + sum(file.size_bytes for file in self.unwritten)

    @property
    def unwritten(self) -> tuple[ShelvedFile, ...]:
        """Files that nobody is writing, in the order in which they should go."""
        stale = sorted(self.stale, key=lambda file: file.changed_seconds)
        kept = sorted(self.kept, key=lambda file: file.used_seconds)
        return (*stale, *kept)


class Room:
    """Keeps a shelf within its quota, and some of the disk free."""

    def __init__(
        self, shelf: Shelf, *, quota_bytes: int, reserve_bytes: int, observer: BlobObserver
    ) -> None:
        """Look at nothing yet.

        Args:
            shelf: Whose files are counted.
            quota_bytes: Most bytes of all files together.
            reserve_bytes: What is to be left free on the disk.
            observer: Told of evictions.
        """
        self._shelf = shelf
        self._quota_bytes = quota_bytes
        self._reserve_bytes = reserve_bytes
        self._observer = observer

    def make(self, size_bytes: int, *, at_least_bytes: int = 0) -> None:
        """Evict what must go for the files that are being written now.

        Args:
            size_bytes: Of the file that asks for it, to be named if there is no room.
            at_least_bytes: What to evict although there seems to be room: the disk
                was found full.

        Raises:
            InsufficientStorageError: If there cannot be enough; nothing was evicted.
            RetryError: If another process has the files locked.
        """
        with self._shelf.locked():
            excess = max(self._excess_bytes(self._census()), at_least_bytes)
            while excess > 0:
                census = self._census()
                chosen = self._choose(census, excess)
                if chosen is None:
                    raise self._refusal(size_bytes, census)
                excess -= sum(self._evict(file) for file in chosen)

    def can_be_made(self) -> bool:
        """Tell whether anything could go.

        Raises:
            RetryError: If another process has the files locked.
        """
        with self._shelf.locked():
            return self._choose(self._census(), 1) is not None

    def append(self, partial: Partial, piece: bytes | memoryview, *, size_bytes: int) -> None:
        """Write a piece to a file, and evict others if the disk is full.

        Args:
            partial: Locked by the caller.
            piece: What to write at its end.
            size_bytes: What it may become.

        Raises:
            InsufficientStorageError: If there cannot be place for all of the file.
        """
        rest = memoryview(piece)
        while rest:
            try:
                rest = rest[partial.append(rest) :]
            except DiskFullError:
                self.make(size_bytes, at_least_bytes=size_bytes - partial.size_bytes)

    def _census(self) -> _Census:
        written = outstanding = 0
        stale = []
        for file in self._shelf.unfinished():
            if self._shelf.is_in_use(file.path):
                written += max(file.size_bytes, file.reserved_bytes)
                outstanding += max(0, file.reserved_bytes - file.size_bytes)
            else:
                stale.append(file)
        return _Census(tuple(self._shelf.kept()), tuple(stale), written, outstanding)

    def _excess_bytes(self, census: _Census) -> int:
        over_quota = census.committed_bytes - self._quota_bytes
        over_disk = census.outstanding_bytes + self._reserve_bytes - self._free_bytes()
        return max(over_quota, over_disk if census.outstanding_bytes else 0)

    def _choose(self, census: _Census, excess_bytes: int) -> list[ShelvedFile] | None:
        """Return what has to go, or None if that cannot be enough."""
        chosen: list[ShelvedFile] = []
        for file in census.unwritten:
            if not file.is_pinned and not self._shelf.is_in_use(file.path):
                chosen.append(file)
                excess_bytes -= file.size_bytes
                if excess_bytes <= 0:
                    return chosen
        return None

    def _evict(self, file: ShelvedFile) -> int:
        """Remove a file unless somebody came to use it; return what that freed."""
        if not self._shelf.remove(file.path):
            return 0
        if file.hash is not None:
            self._observer.evicted(file.hash, size_bytes=file.size_bytes)
        return file.size_bytes

    def _refusal(self, size_bytes: int, census: _Census) -> InsufficientStorageError:
        pinned = sum(file.size_bytes for file in census.unwritten if file.is_pinned)
        read = sum(
            file.size_bytes
            for file in census.unwritten
            if not file.is_pinned and self._shelf.is_in_use(file.path)
        )
        written = max(0, census.written_bytes - size_bytes)
        return InsufficientStorageError(
            "file",
            size_bytes,
            f"bytes find no room: the quota is {self._quota_bytes:,} bytes, the disk has "
            f"{self._free_bytes():,} free, {pinned:,} bytes are pinned, and "
            f"{read + written:,} are being read or fetched",
            "files for which there is room within quota and disk beside those",
        )

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._shelf.directory)
        return disk.f_bavail * disk.f_frsize
