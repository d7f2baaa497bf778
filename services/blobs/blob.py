"""What a blob is to those who read it, and to those who have it fetched."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class BlobKey:
    r"""What names a blob.

    Attributes:
        hash: ``sha256:`` with 64 lowercase hexadecimal digits, or ``git-sha1:`` with
            40: that of git, SHA-1 over ``blob SIZE\0`` and the content.
        size_bytes: Of the content.
    """

    hash: str
    size_bytes: int


class TransferBrokenError(Exception):
    """A transfer ended before its end; it may be continued from where it broke.

    Attributes:
        retry_after_seconds: When the upstream wants to be asked again; None if it did
            not say.
    """

    def __init__(self, problem: str = "", *, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(problem)


class Origin(Protocol):
    """Where the bytes of a blob come from."""

    def open(self, offset: int) -> AbstractContextManager[Iterator[bytes]]:
        """Begin a transfer of the bytes from ``offset`` on. Blocking.

        The iterator yields non-empty pieces of at most a megabyte; it ends where the
        upstream's answer ends, which may be too early or too late.

        Raises:
            TransferBrokenError: On opening or within: worth another attempt.
            WeightbankError: What no attempt will mend, in words for the caller.
        """


class OpenBlob(Protocol):
    """A blob, open for reading: there, or on its way.

    While it is open it is not evicted. Every method may be called from any thread.
    """

    key: BlobKey

    @property
    def available_bytes(self) -> int:
        """How many bytes from the beginning may be handed out now.

        Until the hash has been found right, the last byte is not among them.
        """

    @property
    def is_verified(self) -> bool:
        """Whether all is there and its hash is right."""

    @property
    def error(self) -> Exception | None:
        """What ended its arrival, if it cannot be completed."""

    def fileno(self) -> int:
        """A file descriptor to read from, at offsets below ``available_bytes``."""

    def wait_beyond(self, offset: int, timeout_seconds: float | None = None) -> int:
        """Wait until ``available_bytes > offset`` or it is over; return what is available.

        Raises:
            WeightbankError: What ended its arrival, unless that byte is there.
        """

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have a function called whenever more is available, or it is over.

        It is called from any thread, must neither block nor raise, and may be called
        once more than there is news.

        Returns:
            What ends that.
        """

    def close(self) -> None:
        """Read no more; may be called more than once, and is by the garbage collector."""

    def __enter__(self) -> Self:
        """Return it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
