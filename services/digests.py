"""Digests of whole files, computed in the background and kept.

A digest needs every byte of a file, which may take hours, so nobody waits for it in
a request: the first to ask queues the work, and everybody sees how far it is.
"""

import hashlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from services.blobs.errors import twin_of
from services.bounded_executor import BoundedExecutor
from services.digest_store import Digests, DigestStore, FileKey
from services.errors import OverloadedError
from weightbank.errors import LimitExceededError
from weightbank.file import WeightsFile

BLOCK_BYTES = 2**26
"""Bytes of a block that has a digest of its own; part of the interface."""

_READ_BYTES = 2**22
_ASSUMED_BYTES_PER_SECOND = 2 * 10**8
_LONGEST_RETRY_SECONDS = 60
_JOIN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class DigestProgress:
    """Digests that are not finished.

    Attributes:
        bytes_done: Bytes of the file that were hashed.
        bytes_total: Bytes of the file.
        retry_after_seconds: When to ask again.
    """

    bytes_done: int
    bytes_total: int
    retry_after_seconds: int


@dataclass(slots=True)
class _Job:
    key: FileKey
    size_bytes: int
    bytes_done: int = 0
    error: Exception | None = None

    def progress(self) -> DigestProgress:
        seconds = (self.size_bytes - self.bytes_done) // _ASSUMED_BYTES_PER_SECOND
        retry = min(max(1, seconds), _LONGEST_RETRY_SECONDS)
        return DigestProgress(self.bytes_done, self.size_bytes, retry)


@dataclass(slots=True)
class DigestJobs:
    """One thread that hashes files, one after the other.

    Attributes:
        store: Where finished digests are kept.
        waiting: Most files that wait for the thread.
        on_error: Called from the thread when a file could not be hashed.
    """

    store: DigestStore
    waiting: int
    on_error: Callable[[FileKey, Exception], None]
    _jobs: dict[FileKey, _Job] = field(default_factory=dict, init=False)
    # What waits has its file; what is over must not keep one open.
    _queue: queue.SimpleQueue[tuple[_Job, WeightsFile] | None] = field(
        default_factory=queue.SimpleQueue, init=False
    )
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def progress(self, key: FileKey) -> DigestProgress | None:
        """Return how far a file is, or None if it is not being hashed.

        Raises:
            Exception: What went wrong since somebody asked last. It is forgotten
                then, so that the next call may begin anew.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                return None
            if job.error is not None:
                del self._jobs[key]
                raise job.error
            return job.progress()

    def begin(self, key: FileKey, file: WeightsFile) -> DigestProgress:
        """Queue a file unless it is queued.

        Raises:
            OverloadedError: If too many files wait.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                self._forget_errors_when_full()
                if len(self._jobs) > self.waiting:
                    raise OverloadedError(
                        "places for digests", limit=self.waiting + 1, retry_after_seconds=30
                    )
                job = self._jobs[key] = _Job(key, file.size_bytes)
                self._queue.put((job, file))
                self._start_thread()
            return job.progress()

    def close(self) -> None:
        """Stop after the chunk that is being hashed; nothing of it is kept."""
        self._stopping.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _forget_errors_when_full(self) -> None:
        if len(self._jobs) > self.waiting:
            for key in [key for key, job in self._jobs.items() if job.error is not None]:
                del self._jobs[key]

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="digests", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (queued := self._queue.get()) is not None and not self._stopping.is_set():
            self._compute(*queued)
            del queued  # or its file would be open until another one comes

    def _compute(self, job: _Job, file: WeightsFile) -> None:
        try:
            digests = compute_digests(file, advance=partial(self._advance, job))
            if digests is None:
                return
            self.store.add(job.key, digests)
        except Exception as error:  # noqa: BLE001 - the thread must outlive any file
            job.error = twin_of(error)  # without frames, which have the file
            self.on_error(job.key, error)
        else:
            with self._lock:
                self._jobs.pop(job.key)

    def _advance(self, job: _Job, bytes_done: int) -> bool:
        job.bytes_done = bytes_done
        return not self._stopping.is_set()


class DigestService:
    """Digests of files: kept ones at once, others after a while."""

    def __init__(
        self,
        *,
        store: DigestStore,
        executor: BoundedExecutor,
        jobs: DigestJobs,
        file_bytes: int,
    ) -> None:
        self._store = store
        self._executor = executor
        self._jobs = jobs
        self._file_bytes = file_bytes

    async def find(self, key: FileKey, file: WeightsFile) -> Digests | DigestProgress:
        """Return the digests of a file, or how far they are; begin if need be.

        Raises:
            LimitExceededError: If the file is too large to be hashed.
            OverloadedError: If too many files wait.
            StoreUnavailableError: If the database does not answer.
        """
        if file.size_bytes > self._file_bytes:
            raise LimitExceededError(
                "file",
                file.size_bytes,
                "bytes are too many to be hashed here",
                f"files of at most {self._file_bytes:,} bytes",
            )
        progress = self._jobs.progress(key)
        if progress is not None:
            return progress
        kept = await self._executor.run(lambda: self._store.find(key))
        if kept is not None:
            return kept
        return self._jobs.begin(key, file)


def compute_digests(file: WeightsFile, *, advance: Callable[[int], bool]) -> Digests | None:
    """Return the digests of a file, reading it once.

    Args:
        file: What to hash.
        advance: Told the bytes done after each read; answers whether to go on.

    Returns:
        The digests, or None if ``advance`` said to stop.
    """
    whole, blocks = hashlib.sha256(), []
    buffer = memoryview(bytearray(min(_READ_BYTES, file.size_bytes)))
    for block_start in range(0, file.size_bytes, BLOCK_BYTES):
        block_stop = min(block_start + BLOCK_BYTES, file.size_bytes)
        block = hashlib.sha256()
        for start in range(block_start, block_stop, _READ_BYTES):
            stop = min(start + _READ_BYTES, block_stop)
            part = buffer[: stop - start]
            file.read_into(start, part)
            whole.update(part)
            block.update(part)
            if not advance(stop):
                return None
        blocks.append(block.hexdigest())
    return Digests(
        size=file.size_bytes,
        header_sha256=hashlib.sha256(file.header).hexdigest(),
        block_bytes=BLOCK_BYTES,
        blocks=tuple(blocks),
        sha256=whole.hexdigest(),
    )
