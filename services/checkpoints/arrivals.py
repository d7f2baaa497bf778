"""Waiting, on an event loop, for the bytes of a blob."""

import asyncio
import contextlib
import os
from collections.abc import Callable

from services.blobs.blob import OpenBlob


async def wait_beyond(blob: OpenBlob, offset: int) -> None:
    """Return once byte ``offset`` of a blob may be read.

    Raises:
        Exception: What ended its arrival before.
    """
    await _wait(blob, lambda: blob.available_bytes > offset)


async def wait_verified(blob: OpenBlob) -> None:
    """Return once all of a blob is there, and its hash is right.

    Raises:
        Exception: What ended its arrival before.
    """
    await _wait(blob, lambda: blob.is_verified)


async def read(blob: OpenBlob, start: int, stop: int) -> bytes:
    """Return bytes of a blob once they are there; a few, since reading may block a little.

    Raises:
        Exception: What ended its arrival before.
    """
    if start < stop:
        await wait_beyond(blob, stop - 1)
    return os.pread(blob.fileno(), stop - start, start)


async def _wait(blob: OpenBlob, holds: Callable[[], bool]) -> None:
    if holds():
        return
    loop = asyncio.get_running_loop()
    news = asyncio.Event()

    def tell() -> None:
        # A loop that is closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(news.set)

    end = blob.watch(tell)
    try:
        while not holds():
            news.clear()
            error = blob.error
            if holds():
                return
            if error is not None:
                raise error
            await news.wait()
    finally:
        end()
