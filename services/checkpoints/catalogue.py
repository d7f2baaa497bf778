"""What checkpoints there are: chosen among a repository's files, and their tensors."""

import json
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass

from services.blobs.blob import OpenBlob
from services.bounded_executor import BoundedExecutor
from services.checkpoints.formats import Choice, choose, kind_of
from services.checkpoints.headers import Headers
from services.checkpoints.parallel import in_parallel
from services.checkpoints.questions import Questions
from services.checkpoints.store import CheckpointStore
from services.checkpoints.totals import TensorTotal
from services.hub.errors import CorruptFileError, InvalidCheckpointError, InvalidFileError
from services.hub.located import LocatedFile, RepositorySnapshot
from services.single_flight import SingleFlight
from weightbank.errors import NO_VALUE, LimitExceededError
from weightbank.limits import Limits
from weightbank.stored import Checkpoint, CheckpointName, StoredFile, StoredTensor
from weightbank.stored_header import StoredHeader
from weightbank.weight_map import WeightMap, parse_weight_map

_INDEX_BYTES = 2**26
_DOCUMENT_BYTES = 2**22
_MOST_CHECKPOINTS = 64


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a name of a checkpoint led to.

    Attributes:
        snapshot: The repository at its commit.
        choice: What is meant by it.
        files: With tensors, in the order of their paths; of a document, itself.
        weight_map: Which tensor is in which of them, where there is an index.
    """

    snapshot: RepositorySnapshot
    choice: Choice
    files: tuple[LocatedFile, ...]
    weight_map: WeightMap | None

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)


class Catalogue:
    """Finds checkpoints. For one event loop; what blocks runs in threads."""

    def __init__(
        self,
        *,
        questions: Questions,
        store: CheckpointStore,
        headers: Headers,
        parsing: BoundedExecutor,
        limits: Limits,
    ) -> None:
        """Ask nothing yet.

        Args:
            questions: To the Hub, what there is and who may read it.
            store: Has the bytes.
            headers: Reads the headers of files.
            parsing: Runs what keeps a processor busy.
            limits: Bounds of a checkpoint's tensors.
        """
        self._questions = questions
        self._store = store
        self._headers = headers
        self._parsing = parsing
        self._limits = limits
        self._indexes: SingleFlight[str, WeightMap] = SingleFlight()
        self._documents: SingleFlight[tuple[str, str], object] = SingleFlight()

    async def choose(self, name: CheckpointName, *, token: str | None) -> Chosen:
        """Return the files of a checkpoint, which this caller may read.

        Raises:
            WeightbankError: If there is no such checkpoint, or not for this caller.
        """
        snapshot = await self._questions.snapshot(name.repository, name.revision, token=token)
        choice = choose(snapshot, name.file)
        located = await self.locate(snapshot, choice.path, token=token)
        if choice.kind != "sharded":
            return Chosen(snapshot, choice, (located,), None)
        weight_map = await self._weight_map(located, token=token)
        files = await in_parallel(
            weight_map.files, lambda path: self.locate(snapshot, path, token=token)
        )
        return Chosen(snapshot, choice, tuple(files), weight_map)

    async def locate(
        self, snapshot: RepositorySnapshot, path: str, *, token: str | None
    ) -> LocatedFile:
        """Return where a file is, which this caller may read.

        Raises:
            WeightbankError: If it is not there, or not for this caller.
        """
        return await self._questions.locate(snapshot.repository, snapshot.commit, path, token=token)

    async def locate_stored(self, file: StoredFile, *, token: str | None) -> LocatedFile:
        """Return where a pinned file is, which this caller may read.

        Raises:
            CorruptFileError: If the Hub has other content there now.
            WeightbankError: If it is not there, or not for this caller.
        """
        located = await self._questions.locate(file.repository, file.commit, file.path, token=token)
        if located.file.hash != file.hash:
            await self._questions.distrust(located.file.hash)
            raise CorruptFileError(
                file.path, located.file.hash, "is its hash at the Hub now", file.hash
            )
        # A repository may have been renamed: it is named as the spec names it.
        return LocatedFile(file, located.size_bytes)

    async def is_restricted(self, file: StoredFile, *, token: str | None) -> bool:
        """Return whether not everybody may read a pinned file; this caller may.

        Raises:
            WeightbankError: If this caller may not.
        """
        await self.locate_stored(file, token=token)
        snapshot = await self._questions.snapshot(file.repository, file.commit, token=token)
        return snapshot.is_restricted

    async def header(self, located: LocatedFile, *, token: str | None) -> StoredHeader:
        """Return the header of a file of tensors, without having it fetched.

        A pickle has none: it is fetched and converted for it.

        Raises:
            WeightbankError: If it cannot be had, or not believed.
        """
        found = await self._kept(located, token=token)
        if found is not None:
            with found:
                return await self._headers.of_blob(found)

        async def read(start: int, stop: int) -> bytes:
            return await self._questions.read(located, start, stop, token=token)

        return await self._headers.glance(located.file.hash, located.size_bytes, read)

    def total(self, *, checkpoints: int = 1) -> TensorTotal:
        """Return what bounds the tensors of some checkpoints together."""
        return TensorTotal.of(self._limits, checkpoints=checkpoints)

    async def checkpoint(
        self, name: CheckpointName, *, token: str | None, total: TensorTotal | None = None
    ) -> tuple[Chosen, Checkpoint]:
        """Return a checkpoint with all of its tensors.

        Raises:
            WeightbankError: If there is no such checkpoint, not for this caller, or
                not to be believed.
        """
        chosen = await self.choose(name, token=token)
        return chosen, await self.tensors(name, chosen, token=token, total=total)

    async def tensors(
        self,
        name: CheckpointName,
        chosen: Chosen,
        *,
        token: str | None,
        total: TensorTotal | None = None,
    ) -> Checkpoint:
        """Return the tensors of a checkpoint from the headers of its files.

        Raises:
            WeightbankError: If it has none, or they cannot be believed.
        """
        if chosen.choice.kind == "document":
            raise InvalidFileError("file", chosen.choice.path, "has no tensors", "a checkpoint")
        counted = total or self.total()

        async def header(located: LocatedFile) -> StoredHeader:
            return counted.add(await self.header(located, token=token))

        return self.assemble(name, chosen, await in_parallel(chosen.files, header))

    def assemble(
        self, name: CheckpointName, chosen: Chosen, headers: Sequence[StoredHeader]
    ) -> Checkpoint:
        """Put a checkpoint together from the headers of its files.

        Raises:
            InvalidCheckpointError: If index and files do not agree.
        """
        if chosen.weight_map is not None:
            paths = [located.file.path for located in chosen.files]
            chosen.weight_map.check(dict(zip(paths, headers, strict=True)))
        tensors: dict[str, StoredTensor] = {}
        for located, header in zip(chosen.files, headers, strict=True):
            tensors.update(_tensors(located.file, header))
        if not tensors:
            raise InvalidCheckpointError(
                chosen.choice.path, NO_VALUE, "has no tensors", "a checkpoint with one or more"
            )
        return Checkpoint(name, chosen.snapshot.commit, tensors)

    async def checkpoints(
        self, names: Iterable[CheckpointName], *, token: str | None
    ) -> dict[CheckpointName, Checkpoint]:
        """Return all checkpoints that a spec names.

        Raises:
            LimitExceededError: If it names too many.
            WeightbankError: If one cannot be had, or not for this caller.
        """
        named = list(names)
        if len(named) > _MOST_CHECKPOINTS:
            raise LimitExceededError(
                "checkpoints",
                len(named),
                "are more than a spec may name",
                f"{_MOST_CHECKPOINTS} or fewer",
            )
        total = self.total(checkpoints=len(named))
        found = await in_parallel(named, lambda one: self.checkpoint(one, token=token, total=total))
        return {name: checkpoint for name, (_, checkpoint) in zip(named, found, strict=True)}

    async def document(
        self, snapshot: RepositorySnapshot, path: str, *, token: str | None
    ) -> object | None:
        """Return a parsed JSON document of a repository; None if it has none of this path.

        Raises:
            InvalidCheckpointError: If it is no JSON, or too long.
        """
        if path not in snapshot.files:
            return None
        located = await self.locate(snapshot, path, token=token)
        content = await self._content(located, limit_bytes=_DOCUMENT_BYTES, token=token)
        return await self._documents.run(
            (located.file.hash, path),
            lambda: self._parsing.run(lambda: _parse_document(path, content)),
        )

    async def _kept(self, located: LocatedFile, *, token: str | None) -> OpenBlob | None:
        if kind_of(located.file.path) == "pickle":
            return await self._store.open_tensors(located, token=token)
        return await self._store.find(located)

    async def _weight_map(self, located: LocatedFile, *, token: str | None) -> WeightMap:
        content = await self._content(located, limit_bytes=_INDEX_BYTES, token=token)
        return await self._indexes.run(
            located.file.hash,
            lambda: self._parsing.run(lambda: parse_weight_map(content, limits=self._limits)),
        )

    def _content(
        self, located: LocatedFile, *, limit_bytes: int, token: str | None
    ) -> Awaitable[bytes]:
        if located.size_bytes > limit_bytes:
            raise InvalidCheckpointError(
                located.file.path,
                located.size_bytes,
                "bytes are too many for such a document",
                f"{limit_bytes} bytes or fewer",
            )
        return self._store.content(located, token=token)


def _parse_document(path: str, content: bytes) -> object:
    try:
        parsed: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidCheckpointError(path, NO_VALUE, "is not JSON") from error
    return parsed


def _tensors(file: StoredFile, header: StoredHeader) -> Iterable[tuple[str, StoredTensor]]:
    for name, stored in header.tensors.items():
        if stored.dtype is None:
            raise InvalidCheckpointError(
                file.path,
                name,
                f"has dtype {stored.code}, whose elements are less than a byte",
                "the file itself, with ?file=",
            )
        yield name, StoredTensor(file, name, stored.dtype, stored.shape)
