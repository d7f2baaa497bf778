"""Checkpoints for tests: a Hub in memory, real blobs on disk, and what works with them."""

import asyncio
import gc
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from services.blobs import BlobKey, BlobStore
from services.bounded_executor import BoundedExecutor
from services.checkpoints.assembly import (
    CheckpointOptions,
    Foundations,
    assemble,
    make_pickles,
)
from services.checkpoints.parts import Checkpoints
from services.checkpoints.pickles import Pickles
from services.errors import ShuttingDownError
from services.hub.errors import UnknownFileError, UnknownRepositoryError
from services.hub.located import LocatedFile, RepositoryFile, RepositorySnapshot
from tests.blobs import PATIENCE_SECONDS, FakeOrigin, Witness, store_in
from weightbank.backends.reference import ReferenceBackend
from weightbank.limits import Limits
from weightbank.prepared import PreparedTensors
from weightbank.stored import CheckpointName, StoredFile

REPOSITORY = "owner/model"
COMMIT = "0123456789" * 4
NAME = CheckpointName(REPOSITORY)
MEMBER = "hf_member"
"""Token of somebody who may read what is restricted."""

PAUSE_SECONDS = 0.001
LIMITS = Limits()

Shapes = Mapping[str, tuple[int, ...]]


def safetensors_of(shapes: Shapes, *, fill: int = 1, code: str = "F32") -> bytes:
    """Return a file of tensors of four bytes an element, all of one byte's value."""
    entries: dict[str, Any] = {}
    stop = 0
    for name, shape in shapes.items():
        start, stop = stop, stop + 4 * _product(shape)
        entries[name] = {"dtype": code, "shape": list(shape), "data_offsets": [start, stop]}
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + bytes([fill]) * stop


def header_bytes_of(content: bytes) -> int:
    """Return how much of a file is its header."""
    return 8 + int.from_bytes(content[:8], "little")


def index_of(files: Mapping[str, Shapes]) -> bytes:
    """Return the index of a checkpoint in several files."""
    weight_map = {name: path for path, shapes in files.items() for name in shapes}
    return json.dumps({"weight_map": weight_map}).encode()


def located_of(path: str, content: bytes, *, repository: str = REPOSITORY) -> LocatedFile:
    """Return what the Hub says of a file."""
    digest = hashlib.sha256(content).hexdigest()
    return LocatedFile(StoredFile(repository, COMMIT, path, f"sha256:{digest}"), len(content))


class FakeHub:
    """A Hub in memory; see ``Hub``.

    Attributes:
        files: What repositories have, by their names and by path.
        origins: Of all files, by hash.
        restricted: Repositories that are not for everybody.
        reads: What was glanced at: path, start and stop.
        tokens: Of all callers so far.
        distrusted: Hashes of which something was said that proved to be wrong.
    """

    def __init__(self) -> None:
        self.files: dict[str, dict[str, LocatedFile]] = {}
        self.origins: dict[str, FakeOrigin] = {}
        self.restricted: set[str] = set()
        self.reads: list[tuple[str, int, int]] = []
        self.tokens: list[str | None] = []
        self.distrusted: list[str] = []

    def add(
        self,
        path: str,
        content: bytes,
        *,
        repository: str = REPOSITORY,
        sent: bytes | None = None,
        origin: FakeOrigin | None = None,
    ) -> LocatedFile:
        """Have a file.

        Args:
            path: Of it.
            content: That it is said to have.
            repository: That has it.
            sent: What transfers bring and glances see instead.
            origin: Where transfers come from instead.
        """
        located = located_of(path, content, repository=repository)
        self.files.setdefault(repository, {})[path] = located
        sent = content if sent is None else sent
        self.origins[located.file.hash] = origin or FakeOrigin(sent)
        return located

    def origin_of(self, located: LocatedFile) -> FakeOrigin:
        """Return where a file's bytes come from."""
        return self.origins[located.file.hash]

    def snapshot(
        self, repository: str, revision: str = "main", *, token: str | None = None
    ) -> RepositorySnapshot:
        """See ``Hub.snapshot``."""
        del revision
        self.tokens.append(token)
        if repository not in self.files:
            raise UnknownRepositoryError("repository", repository, "does not exist")
        files = {
            path: RepositoryFile(path, located.size_bytes, located.file.hash)
            for path, located in self.files[repository].items()
        }
        return RepositorySnapshot(repository, COMMIT, "mit", repository in self.restricted, files)

    def locate(
        self, repository: str, revision: str, path: str, *, token: str | None = None
    ) -> LocatedFile:
        """See ``Hub.locate``."""
        self.snapshot(repository, revision, token=token)
        located = self.files[repository].get(path)
        if located is None:
            raise UnknownFileError("file", path, "does not exist")
        return located

    def recall_snapshot(
        self, repository: str, revision: str, *, token: str | None = None
    ) -> RepositorySnapshot | None:
        """See ``Hub.recall_snapshot``: it remembers nothing."""

    def recall_file(
        self, repository: str, revision: str, path: str, *, token: str | None = None
    ) -> LocatedFile | None:
        """See ``Hub.recall_file``."""

    def origin(self, located: LocatedFile, *, token: str | None = None) -> FakeOrigin:
        """See ``Hub.origin``."""
        self.tokens.append(token)
        return self.origin_of(located)

    def read(
        self, located: LocatedFile, start: int, stop: int, *, token: str | None = None
    ) -> bytes:
        """See ``Hub.read``."""
        self.tokens.append(token)
        self.reads.append((located.file.path, start, stop))
        return self.origin_of(located).content[start:stop]

    def known_files(self, repository: str, revision: str | None = None) -> list[LocatedFile]:
        """See ``Hub.known_files``."""
        if revision not in {None, "main", COMMIT}:
            return []
        return list(self.files.get(repository, {}).values())

    def places(self, file_hash: str) -> list[LocatedFile]:
        """See ``Hub.places``."""
        return [
            located
            for repository, files in self.files.items()
            for located in files.values()
            if located.file.hash == file_hash and repository not in self.restricted
        ]

    def may_know(self, repository: str, commit: str, *, token: str | None = None) -> bool:
        """See ``Hub.may_know``."""
        assert commit == COMMIT
        return repository not in self.restricted or token == MEMBER

    def distrust(self, file_hash: str) -> None:
        """See ``Hub.distrust``."""
        self.distrusted.append(file_hash)


class FakeConverter:
    """Converts what begins with ``pickle`` by leaving that out; see ``Converter``.

    Attributes:
        sources: What it was given, so far.
        copies: How often it writes what it makes of it.
        error: What it raises instead.
    """

    def __init__(self) -> None:
        self.sources: list[bytes] = []
        self.copies = 1
        self.error: Exception | None = None
        self._gate = threading.Event()
        self._gate.set()
        self._begun = threading.Semaphore(0)

    def hold(self) -> None:
        """Convert nothing until ``let_go``."""
        self._gate.clear()

    def let_go(self) -> None:
        """Convert."""
        self._gate.set()

    def wait_begun(self) -> None:
        """Wait until a conversion begins."""
        assert self._begun.acquire(timeout=PATIENCE_SECONDS)

    def convert(self, source: Path, out: Any) -> None:
        """See ``Converter.convert``."""
        self._begun.release()
        if not self._gate.wait(PATIENCE_SECONDS):
            raise ShuttingDownError
        content = source.read_bytes()
        self.sources.append(content)
        if self.error is not None:
            raise self.error
        assert content.startswith(b"pickle")
        out.write(self.copies * content.removeprefix(b"pickle"))


class CountingWitness(Witness):
    """A witness that knows whether anything is being fetched."""

    @property
    def is_idle(self) -> bool:
        """Whether all that began has ended, and what came of it is kept."""
        begun = [event for event in self.events.copy() if event[0] == "began"]
        return len(begun) == len(self.outcomes)


@dataclass
class Bench:
    """All that works with checkpoints, on a fake Hub; its parts are a server's.

    Attributes:
        hub: The Hub.
        blobs: The real store.
        witness: Of what that does.
        converter: Of pickles.
        base: What the parts stand on.
        options: Their bounds.
        parts: All of them; each is also an attribute of the bench.
    """

    hub: FakeHub
    blobs: BlobStore
    witness: CountingWitness
    converter: FakeConverter
    base: Foundations
    options: CheckpointOptions
    parts: Checkpoints

    def __getattr__(self, name: str) -> Any:
        """Return a part by its name."""
        return getattr(self.parts, name)

    def make_pickles(self, *, blobs: Any) -> Pickles:
        """Return what converts pickles, with another store."""
        return make_pickles(replace(self.base, blobs=blobs), self.options)

    def fill(self, located: LocatedFile, content: bytes) -> None:
        """Have a file here, whole."""
        key = self.blobs.put(lambda out: _write(out, content), size_limit_bytes=2**30)
        assert key == BlobKey(located.file.hash, located.size_bytes)

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run a test on an event loop, and close what is for one loop."""

        async def main() -> None:
            try:
                await asyncio.wait_for(work(), PATIENCE_SECONDS)
            finally:
                await self.prefetching.close()
                await self.opening.close()

        asyncio.run(main())


@contextmanager
def bench_in(
    directory: Path,
    *,
    fetches: int = 4,
    file_bytes: int = 2**30,
    limits: Limits = LIMITS,
    most_parses: int = 64,
    cached_tensors: int = 1000,
    policy: Any = "convert",
    prefetches: int = 100,
    prefetches_at_once: int = 2,
    **options: Any,
) -> Iterator[Bench]:
    """A bench; neither threads nor descriptors are left behind."""
    hub, witness, converter = FakeHub(), CountingWitness(), FakeConverter()
    with store_in(directory, fetches=fetches, observer=witness, **options) as blobs:
        asking, disk, converting = (
            BoundedExecutor(name, threads=4, limit=1000)
            for name in ("asking", "disk", "converting")
        )
        parsing = BoundedExecutor("parsing", threads=1, limit=most_parses)
        as_hub: Any = hub
        as_converter: Any = converter
        base = Foundations(
            hub=as_hub,
            blobs=blobs,
            converter=as_converter,
            backend=ReferenceBackend(),
            prepared=PreparedTensors(),
            asking=asking,
            recalling=asking,
            disk=disk,
            converting=converting,
            resolving=parsing,
        )
        bounds = CheckpointOptions(
            records=directory / "converted",
            pickles=policy,
            file_bytes=file_bytes,
            limits=limits,
            cached_tensors=cached_tensors,
            prefetches=prefetches,
            prefetches_at_once=prefetches_at_once,
            pause_seconds=PAUSE_SECONDS,
        )
        bench = Bench(hub, blobs, witness, converter, base, bounds, assemble(base, bounds))
        try:
            yield bench
        finally:
            converter.let_go()
            for origin in hub.origins.values():
                origin.cut()
            for executor in (asking, disk, converting, parsing):
                executor.close()
            for thread in threading.enumerate():
                if thread.name == "blob":
                    thread.join(PATIENCE_SECONDS)  # a store knows no more of those that end
            gc.collect()  # a result that came after its loop was closed is in a cycle


async def run_thread(work: Callable[[], Any]) -> Any:
    """Run what blocks in a thread."""
    return await asyncio.to_thread(work)


def _write(out: Any, content: bytes) -> None:
    out.write(content)


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product
