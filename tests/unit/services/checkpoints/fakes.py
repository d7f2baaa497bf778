"""Checkpoints for tests: a Hub in memory, real blobs on disk, and what works with them."""

import asyncio
import gc
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from services.blobs import BlobKey, BlobStore
from services.bounded_executor import BoundedExecutor
from services.checkpoints.catalogue import Catalogue
from services.checkpoints.description import Descriptions
from services.checkpoints.fitted import Fitting
from services.checkpoints.headers import Headers
from services.checkpoints.inventory import Inventory
from services.checkpoints.opening import Opening
from services.checkpoints.pickles import Pickles
from services.checkpoints.prefetching import Prefetching
from services.checkpoints.questions import Questions
from services.checkpoints.sources import Sources
from services.checkpoints.store import CheckpointStore
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
    """All that works with checkpoints, on a fake Hub.

    Attributes:
        hub: The Hub.
        blobs: The real store.
        witness: Of what that does.
        converter: Of pickles.
        doubted: Hashes of files that contradict what was said of them.
        make_pickles: Makes what converts them, with other parts.
    """

    hub: FakeHub
    blobs: BlobStore
    witness: CountingWitness
    converter: FakeConverter
    make_pickles: Callable[..., Pickles] = field(init=False)
    doubted: list[str] = field(default_factory=list)
    headers: Headers = field(init=False)
    pickles: Pickles = field(init=False)
    store: CheckpointStore = field(init=False)
    catalogue: Catalogue = field(init=False)
    opening: Opening = field(init=False)
    sources: Sources = field(init=False)
    descriptions: Descriptions = field(init=False)
    fitting: Fitting = field(init=False)
    prefetching: Prefetching = field(init=False)
    inventory: Inventory = field(init=False)

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
        bench = Bench(hub, blobs, witness, converter)
        asking, disk, converting = (
            BoundedExecutor(name, threads=4, limit=1000)
            for name in ("asking", "disk", "converting")
        )
        parsing = BoundedExecutor("parsing", threads=1, limit=most_parses)
        as_hub: Any = hub

        async def doubt(hash_: str) -> None:
            bench.doubted.append(hash_)

        bench.headers = Headers(
            parsing=parsing, cached_tensors=cached_tensors, limits=limits, doubt=doubt
        )
        as_converter: Any = converter
        bench.make_pickles = partial(
            Pickles,
            directory / "converted",
            policy=policy,
            converter=as_converter,
            blobs=blobs,
            disk=disk,
            converting=converting,
            file_bytes=file_bytes,
        )
        bench.pickles = bench.make_pickles()
        bench.store = CheckpointStore(
            hub=as_hub, blobs=blobs, pickles=bench.pickles, disk=disk, file_bytes=file_bytes
        )
        bench.catalogue = Catalogue(
            questions=Questions(as_hub, asking=asking, recalling=asking),
            store=bench.store,
            headers=bench.headers,
            parsing=parsing,
            limits=limits,
        )
        bench.opening = Opening(
            catalogue=bench.catalogue,
            store=bench.store,
            headers=bench.headers,
            pause_seconds=PAUSE_SECONDS,
        )
        bench.sources = Sources(catalogue=bench.catalogue, opening=bench.opening)
        bench.descriptions = Descriptions(catalogue=bench.catalogue, store=bench.store)
        bench.fitting = Fitting(
            catalogue=bench.catalogue,
            sources=bench.sources,
            descriptions=bench.descriptions,
            resolving=parsing,
            backend=ReferenceBackend(),
            prepared=PreparedTensors(),
            limits=limits,
            cached_tensors=cached_tensors,
        )
        bench.prefetching = Prefetching(
            catalogue=bench.catalogue,
            store=bench.store,
            blobs=blobs,
            pickles=bench.pickles,
            disk=disk,
            at_once=prefetches_at_once,
            limit=prefetches,
            pause_seconds=PAUSE_SECONDS,
        )
        bench.inventory = Inventory(
            hub=as_hub, blobs=blobs, pickles=bench.pickles, disk=disk, asking=asking
        )
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
