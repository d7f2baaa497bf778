"""A fixed number of buffers that come back by themselves when nobody can read them any more.

Theory of operation: a transport may keep views of a buffer long after it took
them, so that a buffer handed back by its producer can still be on its way to a
client. The one safe moment is when the last view dies. A NumPy array over the
pages can be watched by a weak reference, and every memoryview (and slice of one)
keeps the array alive; so the array's death is that moment, by reference count and
without waiting for a garbage collection.

Worker processes write into the same pages: those are then a memfd, which needs no
mounted /dev/shm, has no name that could outlive us, and takes memory only where it
was written.
"""

import contextlib
import mmap
import os
import sys
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Address space is not memory: most of it may never be written.
_NO_RESERVE = 0x4000 if sys.platform == "linux" else 0  # of mmap(2)


@dataclass(frozen=True, slots=True)
class Lease:
    """A buffer that is out.

    Attributes:
        view: Its bytes, writable. The buffer returns when the last view dies.
        offset: Where it is in the pool's memory, for those who share that.
    """

    view: memoryview
    offset: int


class BufferPool:
    """Lends buffers of one size, and reuses their pages.

    Reused pages cost no page faults: they are several times as fast as new ones.
    The one that came back last goes out first, so that what is not needed is never
    touched.

    Examples:
        >>> pool = BufferPool(buffer_bytes=1 << 16, buffers=1)
        >>> returned = []
        >>> lease = pool.lend(lambda: returned.append("back"))
        >>> pool.free
        0
        >>> tail = lease.view[-10:]
        >>> del lease
        >>> returned
        []
        >>> del tail
        >>> returned, pool.free
        (['back'], 1)
    """

    def __init__(self, *, buffer_bytes: int, buffers: int, is_shared: bool = False) -> None:
        """Take address space; memory is taken by those who write.

        Args:
            buffer_bytes: Of one buffer.
            buffers: How many there are.
            is_shared: Whether other processes can map the memory, by ``descriptor``.
        """
        self.buffer_bytes = buffer_bytes
        self.buffers = buffers
        self.descriptor: int | None = None
        size_bytes = buffer_bytes * buffers
        if is_shared:
            self.descriptor = os.memfd_create("weightbank-chunks", os.MFD_CLOEXEC)
            os.ftruncate(self.descriptor, size_bytes)
            self._pages = mmap.mmap(self.descriptor, size_bytes)
        else:
            # Private: of anonymous memory, only that can have huge pages.
            flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
            self._pages = mmap.mmap(-1, size_bytes, flags=flags)
        with contextlib.suppress(OSError, AttributeError):
            self._pages.madvise(mmap.MADV_HUGEPAGE)
        # Appending and popping are atomic: a finalizer may run anywhere, even in
        # the middle of a call to this pool, and must not wait for a lock.
        self._free = deque(buffer_bytes * number for number in reversed(range(buffers)))

    @property
    def free(self) -> int:
        """Buffers that can be lent now."""
        return len(self._free)

    @property
    def size_bytes(self) -> int:
        """Bytes of all buffers."""
        return self.buffer_bytes * self.buffers

    def lend(self, returned: Callable[[], None]) -> Lease:
        """Return a buffer, with whatever bytes were in it before.

        Args:
            returned: Called once, from any thread, when the last view has died.
                It must neither block nor raise.

        Raises:
            IndexError: If none is free; those who borrow see to it that one is.
        """
        offset = self._free.pop()
        array = np.frombuffer(self._pages, np.uint8, self.buffer_bytes, offset)
        finalizer = weakref.finalize(array, self._take_back, offset, returned)
        finalizer.atexit = False
        return Lease(array.data, offset)

    def close(self) -> None:
        """Let no new process map the memory. Leases that are out stay valid."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def _take_back(self, offset: int, returned: Callable[[], None]) -> None:
        self._free.append(offset)
        returned()
