"""Buffers: lent, watched, reused, shared."""

import gc
import mmap
import os

import pytest

from services.engine.buffers import BufferPool


def test_buffers_are_reused() -> None:
    """By one stream after the other: the one that came back last goes out first."""
    pool = BufferPool(buffer_bytes=2**16, buffers=3)
    first = pool.lend(lambda: None)
    first.view[:5] = b"hello"
    del first
    second = pool.lend(lambda: None)
    assert bytes(second.view[:5]) == b"hello"
    assert pool.free == 2


def test_there_are_no_more_than_that() -> None:
    """Whoever borrows has to look first."""
    pool = BufferPool(buffer_bytes=2**16, buffers=1)
    lease = pool.lend(lambda: None)
    with pytest.raises(IndexError):
        pool.lend(lambda: None)
    del lease
    assert pool.free == 1


def test_a_buffer_is_out_while_a_view_of_it_lives() -> None:
    """However small, and with no garbage collector to help."""
    pool = BufferPool(buffer_bytes=2**16, buffers=2)
    gc.disable()
    try:
        view = pool.lend(lambda: None).view
        byte = view[100:101]
        del view
        assert pool.free == 1
        del byte
        assert pool.free == 2
    finally:
        gc.enable()


def test_buffers_do_not_meet() -> None:
    """Each has bytes of its own."""
    pool = BufferPool(buffer_bytes=2**16, buffers=4)
    leases = [pool.lend(lambda: None) for _ in range(4)]
    for number, lease in enumerate(leases):
        lease.view[:] = bytes([number]) * 2**16
    assert [set(lease.view) for lease in leases] == [{0}, {1}, {2}, {3}]


def test_another_process_sees_the_same_bytes() -> None:
    """By the descriptor, at the offset of the lease; until the pool is closed."""
    pool = BufferPool(buffer_bytes=2**16, buffers=2, is_shared=True)
    assert pool.descriptor is not None
    pages = mmap.mmap(pool.descriptor, 0)
    leases = [pool.lend(lambda: None) for _ in range(2)]
    pages[leases[1].offset : leases[1].offset + 5] = b"hello"
    assert bytes(leases[1].view[:5]) == b"hello"
    assert bytes(leases[0].view[:5]) == bytes(5)
    descriptor = pool.descriptor
    pool.close()
    pool.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    assert bytes(leases[1].view[:5]) == b"hello"
