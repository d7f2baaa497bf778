"""A file that is being written: by one process at a time, at its end alone.

The writer holds an exclusive ``flock`` of it, which goes away with the process. Bytes
that were once written are never changed, so that whoever has it open may go on
reading, whatever comes of it: it is published, given up, taken up by another process,
or unlinked.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_READ_BYTES = 2**20
_NO_WRITING = 0o444
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class DiskFullError(Exception):
    """There is no place on the disk for the rest of a piece."""


def try_lock(descriptor: int, *, is_exclusive: bool) -> bool:
    """Lock an open file, unless another open file has it locked; never wait."""
    kind = fcntl.LOCK_EX if is_exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sync_directory(path: Path) -> None:
    """Have a directory's names outlast a loss of power."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Partial:
    """An open partial file. Its owner sees to it that it is closed once, and by one thread.

    Attributes:
        path: Its name while it is partial.
        descriptor: Open for reading, and for writing at its end.
    """

    def __init__(self, path: Path) -> None:
        """Open a file, or make an empty one. It is not locked yet."""
        self.path = path
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self.descriptor = os.open(path, flags, 0o666)

    @property
    def size_bytes(self) -> int:
        """How much is there."""
        return os.fstat(self.descriptor).st_size

    @property
    def is_named(self) -> bool:
        """Whether it still has its name: it was neither published nor removed."""
        return self._is_at(self.path)

    def is_published(self, path: Path) -> bool:
        """Tell whether its writer found it right and gave it a name, which it may have lost."""
        is_read_only = not os.fstat(self.descriptor).st_mode & stat.S_IWUSR
        # Its writer may have died in between.
        return is_read_only or self._is_at(path)

    def _is_at(self, path: Path) -> bool:
        try:
            return os.path.samestat(path.stat(), os.fstat(self.descriptor))
        except FileNotFoundError:
            return False

    def try_write_lock(self) -> bool:
        """Become its only writer, unless there is another; never wait."""
        return try_lock(self.descriptor, is_exclusive=True)

    def try_read_lock(self) -> bool:
        """Keep it from being written and evicted, unless it has a writer; never wait."""
        return try_lock(self.descriptor, is_exclusive=False)

    def unlock(self) -> None:
        """Let others write or evict it. Duplicates of its descriptor lose the lock too."""
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def duplicate(self) -> int:
        """Return a descriptor for a reader, which shares the lock and bears it longer."""
        return os.dup(self.descriptor)

    def pieces(self) -> Iterator[bytes]:
        """Read what is there from its beginning."""
        offset = 0
        while piece := os.pread(self.descriptor, _READ_BYTES, offset):
            yield piece
            offset += len(piece)

    def append(self, piece: bytes | memoryview) -> int:
        """Write at its end what there is place for; return how much that was.

        Raises:
            DiskFullError: If that is nothing.
        """
        try:
            return os.write(self.descriptor, piece)
        except OSError as error:
            if error.errno in _FULL:
                raise DiskFullError from error
            raise

    def sync(self) -> None:
        """Have its content outlast a loss of power."""
        os.utime(self.descriptor)
        os.fsync(self.descriptor)

    def publish(self, path: Path) -> None:
        """Give it its final name, at once and whole, and keep it from being evicted.

        The caller holds the lock of the shelf, or it could be evicted while one lock
        of it is exchanged for another.
        """
        path.parent.mkdir(exist_ok=True)
        self.path.replace(path)
        os.fchmod(self.descriptor, stat.S_IMODE(os.fstat(self.descriptor).st_mode) & _NO_WRITING)
        fcntl.flock(self.descriptor, fcntl.LOCK_SH)

    def rename(self, path: Path) -> None:
        """Have another name while it is partial."""
        self.path.replace(path)
        self.path = path

    def unlink(self) -> int:
        """Remove its name, if it has it; return the size of what goes when it is closed.

        The caller holds its write lock and that of the shelf.
        """
        if not self.is_named:
            return 0
        self.path.unlink()
        return self.size_bytes

    def leave(self) -> None:
        """Close it, and let others go on with it."""
        if self.descriptor >= 0:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)
            self.close()

    def close(self) -> None:
        """Close it; readers keep the lock. May be called more than once."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
