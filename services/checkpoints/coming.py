"""A blob whose fetch has not begun yet: others have to end before it.

Theory of operation: a checkpoint may be in hundreds of files, and only some are fetched
at one time. What is made from them needs not wait for the last to begin: it reads
blobs that stand for the later ones, and give way to the real ones when their time comes.
"""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from services.blobs.blob import BlobKey, OpenBlob
from services.blobs.errors import twin_of, without_frames
from services.errors import ShuttingDownError


class ComingBlob:
    """See ``OpenBlob``. Nothing of it is there until ``arrive`` is called."""

    def __init__(self, key: BlobKey) -> None:
        """Stand for a blob."""
        self.key = key
        self._changed = threading.Condition()
        self._blob: OpenBlob | None = None
        self._error: Exception | None = None
        self._watches: dict[object, Callable[[], None]] = {}
        self._ends: dict[object, Callable[[], None]] = {}

    def arrive(self, blob: OpenBlob) -> None:
        """Give way to the real blob, which is closed with this one."""
        with self._changed:
            if self._error is not None:
                blob.close()
                return
            self._blob = blob
            watches = dict(self._watches)
            self._ends = {token: blob.watch(callback) for token, callback in watches.items()}
            self._changed.notify_all()
        for callback in watches.values():
            callback()

    def fail(self, error: Exception) -> None:
        """Say that it will not come."""
        with self._changed:
            if self._blob is not None or self._error is not None:
                return
            self._error = without_frames(error)
            watches = list(self._watches.values())
            self._changed.notify_all()
        for callback in watches:
            callback()

    @property
    def available_bytes(self) -> int:
        """See ``OpenBlob.available_bytes``."""
        return 0 if self._blob is None else self._blob.available_bytes

    @property
    def is_verified(self) -> bool:
        """See ``OpenBlob.is_verified``."""
        return self._blob is not None and self._blob.is_verified

    @property
    def error(self) -> Exception | None:
        """See ``OpenBlob.error``."""
        if self._blob is not None:
            return self._blob.error
        return None if self._error is None else twin_of(self._error)

    def fileno(self) -> int:
        """See ``OpenBlob.fileno``."""
        assert self._blob is not None, "nothing of it is available"
        return self._blob.fileno()

    def wait_beyond(self, offset: int, timeout_seconds: float | None = None) -> int:
        """See ``OpenBlob.wait_beyond``."""
        begun = time.monotonic()
        with self._changed:
            self._changed.wait_for(
                lambda: self._blob is not None or self._error is not None, timeout_seconds
            )
            blob, error = self._blob, self._error
        if error is not None:
            raise twin_of(error)
        if blob is None:
            return 0
        if timeout_seconds is not None:
            timeout_seconds = max(0.0, timeout_seconds - (time.monotonic() - begun))
        return blob.wait_beyond(offset, timeout_seconds)

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """See ``OpenBlob.watch``."""
        token = object()
        with self._changed:
            self._watches[token] = callback
            if self._blob is not None:
                self._ends[token] = self._blob.watch(callback)

        def end() -> None:
            with self._changed:
                self._watches.pop(token, None)
                end_real = self._ends.pop(token, None)
            if end_real is not None:
                end_real()

        return end

    def close(self) -> None:
        """See ``OpenBlob.close``."""
        self.fail(ShuttingDownError())  # unless it has come: it cannot come any more
        if self._blob is not None:
            self._blob.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
