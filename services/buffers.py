"""Page-backed buffers that come back by themselves when nobody can read them any more.

Theory of operation: a transport may keep views of a buffer long after it took
them, so that a buffer handed back by its producer can still be on its way to a
client. The one safe moment is when the last view dies. A NumPy array over the
pages can be watched by a weak reference, and every memoryview (and slice of one)
keeps the array alive; so the array's death is that moment, by reference count and
without waiting for a garbage collection.
"""

import contextlib
import mmap
import weakref
from collections import deque
from collections.abc import Callable

import numpy as np


class BufferPool:
    """Lends buffers of one size, and reuses their pages.

    Reused pages cost no page faults: they are several times as fast as new ones.
    How many are out at once is bounded by those who borrow.

    Examples:
        >>> pool = BufferPool(buffer_bytes=1 << 16)
        >>> returned = []
        >>> view = pool.lend(lambda: returned.append("back"))
        >>> tail = view[-10:]
        >>> del view
        >>> returned
        []
        >>> del tail
        >>> returned
        ['back']
    """

    def __init__(self, *, buffer_bytes: int) -> None:
        self._buffer_bytes = buffer_bytes
        # Appending and popping are atomic: a finalizer may run anywhere, even in
        # the middle of a call to this pool, and must not wait for a lock.
        self._free: deque[mmap.mmap] = deque()

    @property
    def free(self) -> int:
        """Buffers that wait for their next use."""
        return len(self._free)

    def lend(self, returned: Callable[[], None]) -> memoryview:
        """Return a writable buffer, with whatever bytes were in it before.

        Args:
            returned: Called once, from any thread, when the last view has died.
                It must neither block nor raise.
        """
        try:
            pages = self._free.pop()
        except IndexError:
            pages = _new_pages(self._buffer_bytes)
        array = np.frombuffer(pages, dtype=np.uint8)
        finalizer = weakref.finalize(array, self._take_back, pages, returned)
        finalizer.atexit = False
        return array.data

    def _take_back(self, pages: mmap.mmap, returned: Callable[[], None]) -> None:
        self._free.append(pages)
        returned()


def _new_pages(size_bytes: int) -> mmap.mmap:
    pages = mmap.mmap(-1, size_bytes)
    with contextlib.suppress(OSError, AttributeError):
        pages.madvise(mmap.MADV_HUGEPAGE)
    return pages
