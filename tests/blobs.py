"""Stores of blobs for tests, and origins that send what and when a test says."""

import hashlib
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.blobs import BlobKey, BlobStore, OpenBlob, Patience, TransferBrokenError
from services.blobs.observer import Outcome, Unobserved

PATIENCE_SECONDS = 30.0
"""How long a test waits for what must come."""

HASTE = Patience(attempts=3, first_pause_seconds=0.001, longest_pause_seconds=0.001)
"""Breaks are tried again at once."""


def content_of(size_bytes: int, *, seed: int = 0) -> bytes:
    """Bytes that follow from a seed."""
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311 - no secret


def key_of(content: bytes) -> BlobKey:
    """What names content by its SHA-256."""
    return BlobKey(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))


def git_key_of(content: bytes) -> BlobKey:
    """What names content as git does."""
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return BlobKey(f"git-sha1:{digest.hexdigest()}", len(content))


def read_all(blob: OpenBlob) -> bytes:
    """All of a blob, once all of it is there."""
    size = blob.key.size_bytes
    blob.wait_beyond(size - 1, PATIENCE_SECONDS)
    assert blob.is_verified
    return pread(blob, 0, size)


def pread(blob: OpenBlob, start: int, stop: int) -> bytes:
    """Some bytes of a blob that are there."""
    return os.pread(blob.fileno(), stop - start, start)


class FakeOrigin:
    """Sends content in pieces; may wait, break, end early or fail.

    Attributes:
        offsets: From where it was asked to send.
        sent_bytes: In all transfers.
        open_transfers: That were begun and not left.
        failures: What is raised, one by one, in place of a transfer; None for none.
        breaks: Where transfers break, one after the other; then none does.
        ends: Where transfers end too early, one after the other.
    """

    def __init__(self, content: bytes, *, piece_bytes: int = 1000) -> None:
        self.content = content
        self.offsets: list[int] = []
        self.sent_bytes = 0
        self.open_transfers = 0
        self.failures: list[Exception | None] = []
        self.breaks: list[int] = []
        self.ends: list[int] = []
        self._piece_bytes = piece_bytes
        self._changed = threading.Condition()
        self._allowed_bytes: int | None = None
        self._is_cut = False

    def hold(self, allowed_bytes: int) -> None:
        """Send only bytes before a position, until there is another."""
        with self._changed:
            self._allowed_bytes = allowed_bytes
            self._changed.notify_all()

    def cut(self) -> None:
        """Break off the transfer that waits, and have every further one fail."""
        with self._changed:
            self._is_cut = True
            self._changed.notify_all()

    def let_go(self) -> None:
        """Send all."""
        self.hold(2**62)

    def wait_opened(self, count: int) -> None:
        """Wait until so many transfers were begun."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.offsets) >= count, PATIENCE_SECONDS)

    @contextmanager
    def open(self, offset: int) -> Iterator[Iterator[bytes]]:
        """See ``Origin.open``."""
        with self._changed:
            self.offsets.append(offset)
            self.open_transfers += 1
            self._changed.notify_all()
        try:
            failure = self.failures.pop(0) if self.failures else None
            if failure is not None:
                raise failure
            yield self._pieces(offset)
        finally:
            self.open_transfers -= 1

    def _pieces(self, offset: int) -> Iterator[bytes]:
        break_at = self.breaks.pop(0) if self.breaks else None
        end = self.ends.pop(0) if self.ends else len(self.content)
        while offset < end:
            stop = min(offset + self._piece_bytes, end, end if break_at is None else break_at)
            stop = self._wait_allowed(offset, stop)
            if offset == stop:
                break
            self.sent_bytes += stop - offset
            yield self.content[offset:stop]
            offset = stop
        if break_at is not None and offset >= break_at:
            raise TransferBrokenError

    def _wait_allowed(self, start: int, stop: int) -> int:
        with self._changed:
            if self._allowed_bytes is None:
                return stop

            def allowed() -> int:
                return min(stop, self._allowed_bytes or 0)

            assert self._changed.wait_for(
                lambda: allowed() > start or start == stop or self._is_cut, PATIENCE_SECONDS
            )
            if self._is_cut:
                raise TransferBrokenError
            return max(start, allowed())


class Witness(Unobserved):
    """Remembers what a store tells.

    Attributes:
        events: In their order, by name.
        outcomes: Of fetches that are over.
        evicted_hashes: In their order.
    """

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.outcomes: list[Outcome] = []
        self.evicted_hashes: list[str] = []
        self.transferred_bytes: list[int] = []
        self._changed = threading.Condition()

    def wait_ended(self, count: int = 1) -> None:
        """Wait until so many fetches are over."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.outcomes) >= count, PATIENCE_SECONDS)

    def hit(self, key: BlobKey) -> None:
        """Remember it."""
        self.events.append(("hit", key))

    def joined(self, key: BlobKey) -> None:
        """Remember it."""
        self.events.append(("joined", key))

    def began(self, key: BlobKey, *, kept_bytes: int) -> None:
        """Remember it."""
        self.events.append(("began", key, kept_bytes))

    def followed(self, key: BlobKey) -> None:
        """Remember it."""
        self.events.append(("followed", key))

    def resumed(self, key: BlobKey, *, offset: int) -> None:
        """Remember it."""
        self.events.append(("resumed", key, offset))

    def ended(
        self,
        key: BlobKey,
        outcome: Outcome,
        *,
        transferred_bytes: int,
        seconds: float,
        error: Exception | None,
    ) -> None:
        """Remember it."""
        assert seconds >= 0
        assert (error is None) == (outcome == "complete")
        with self._changed:
            self.events.append(("ended", key, outcome))
            self.outcomes.append(outcome)
            self.transferred_bytes.append(transferred_bytes)
            self._changed.notify_all()

    def evicted(self, blob_hash: str, *, size_bytes: int) -> None:
        """Remember it."""
        assert size_bytes >= 0
        self.evicted_hashes.append(blob_hash)


_open_stores: list[BlobStore] = []


@contextmanager
def store_in(directory: Path, **options: Any) -> Iterator[BlobStore]:
    """A store; the outermost leaves neither threads nor descriptors behind."""
    threads, descriptors = threading.active_count(), open_descriptors()
    options = {"quota_bytes": 2**30, "fetches": 4, "patience": HASTE, "reserve_bytes": 0} | options
    store = BlobStore(directory, **options)
    _open_stores.append(store)
    try:
        yield store
    finally:
        store.close()
        _open_stores.remove(store)
    if not _open_stores:
        assert threading.active_count() == threads
        assert open_descriptors() == descriptors


def open_descriptors() -> list[str]:
    """Names of what this process has open, but for what lists them."""
    paths = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            paths.append(str(path.readlink()))
        except FileNotFoundError:
            continue
    return sorted(paths)


def fill(store: BlobStore, content: bytes) -> BlobKey:
    """Put content into a store."""

    def produce(out: Any) -> None:
        out.write(content)

    return store.put(produce, size_limit_bytes=len(content))
