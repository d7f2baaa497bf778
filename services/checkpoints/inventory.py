"""What is kept of checkpoints: listed and removed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.blobs.errors import BlobInUseError
from services.blobs.store import BlobStore
from services.blobs.stored_blob import StoredBlob
from services.bounded_executor import BoundedExecutor
from services.checkpoints.formats import is_pickle
from services.checkpoints.pickles import Pickles
from services.errors import RetryError
from services.hub.errors import NotCachedError
from services.hub.hub import Hub
from services.hub.located import LocatedFile


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A blob, and where the Hub has it.

    Attributes:
        blob: Its bytes.
        places: Files that are or were known to have this content; of repositories that
            are for everybody.
    """

    blob: StoredBlob
    places: tuple[LocatedFile, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """What came of removing a repository's files.

    Attributes:
        freed_bytes: Of disk space.
        removed: Files that are not kept any longer.
        left: Files that others read, need or pinned.
    """

    freed_bytes: int
    removed: tuple[LocatedFile, ...]
    left: tuple[LocatedFile, ...]


class Inventory:
    """Knows what is on disk, and where it is from. For one event loop."""

    def __init__(
        self,
        *,
        hub: Hub,
        blobs: BlobStore,
        pickles: Pickles,
        disk: BoundedExecutor,
        asking: BoundedExecutor,
    ) -> None:
        """Look at nothing yet.

        Args:
            hub: Knows where files are from.
            blobs: Where they are kept.
            pickles: Knows what was converted from which of them.
            disk: Runs what waits for a disk.
            asking: Runs questions to the Hub.
        """
        self._hub = hub
        self._blobs = blobs
        self._pickles = pickles
        self._disk = disk
        self._asking = asking

    @property
    def quota_bytes(self) -> int:
        """Disk space for checkpoints."""
        return self._blobs.quota_bytes

    def can_make_room(self) -> bool:
        """Tell whether anything that is kept could go; blocking."""
        try:
            return self._blobs.can_make_room()
        except RetryError:
            return True  # another process is at work on the files, and they are not stuck

    def is_public(self, repository: str) -> bool:
        """Whether everybody may know of a repository, as the Hub said last.

        It looks at a disk, but asks nobody; what was never asked for is not public.
        """
        return self._hub.is_public(repository)

    async def are_public(self, repositories: Collection[str]) -> bool:
        """Return whether everybody may know of all of these; see ``is_public``."""
        return await self._disk.run(lambda: all(map(self.is_public, repositories)))

    async def files(self) -> list[KeptFile]:
        """Return all that is kept, what was used last first."""
        return await self._disk.run(self._files)

    async def remove(self, repository: str, revision: str, *, token: str | None) -> Removal:
        """Remove the files of a repository from disk, but what others read or pinned.

        Raises:
            NotCachedError: If nothing of it is kept here that this caller may know of.
        """
        kept = await self._disk.run(lambda: self._known(repository, revision))
        known = await self._asking.run(lambda: self._told(kept, token))
        if not known:
            shown = f"{repository}@{revision}" if revision else repository
            raise NotCachedError(
                "repository",
                shown,
                "has no file that is kept here, or is private and this caller's token may not "
                "read it",
                "what GET /v1/checkpoints lists",
            )
        return await self._disk.run(lambda: self._remove(known))

    def _remove(self, files: Sequence[LocatedFile]) -> Removal:
        freed_bytes = 0
        removed: list[LocatedFile] = []
        left: list[LocatedFile] = []
        for located in files:
            target = removed
            for hash_ in self._hashes(located):
                try:
                    freed_bytes += self._blobs.remove(hash_)
                except BlobInUseError:
                    target = left
            target.append(located)
        return Removal(freed_bytes, tuple(removed), tuple(left))

    def _hashes(self, located: LocatedFile) -> list[str]:
        """Return the hashes of a file, and of what was converted from it."""
        hash_ = located.file.hash
        converted = self._pickles.key_of_converted(hash_) if is_pickle(located.file.path) else None
        return [hash_] if converted is None else [hash_, converted.hash]

    def _files(self) -> list[KeptFile]:
        return [KeptFile(blob, tuple(self._hub.places(blob.hash))) for blob in self._blobs.blobs()]

    def _known(self, repository: str, revision: str) -> list[LocatedFile]:
        kept = {blob.hash for blob in self._blobs.blobs()}
        known = self._hub.known_files(repository, revision or None)
        files = {located.file.hash: located for located in known}
        return [file for file in files.values() if not kept.isdisjoint(self._hashes(file))]

    def _told(self, files: Sequence[LocatedFile], token: str | None) -> list[LocatedFile]:
        """Return the files that a caller may know of."""
        commits = {located.file.repository: located.file.commit for located in files}
        told = {
            repository
            for repository, commit in commits.items()
            if self._hub.may_know(repository, commit, token=token)
        }
        return [located for located in files if located.file.repository in told]
