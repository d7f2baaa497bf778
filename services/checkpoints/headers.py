"""Headers of safetensors files: from a blob that is here or arrives, or a glance at the Hub.

Theory of operation: the header of a file whose hash was found right is kept for good.
What only arrives, or is only glanced at, may be a lie. The first is parsed once for all
who wait for it, and not kept; the second is kept for a short while. A header that
contradicts what was said of its file throws doubt on that, too.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.blobs.blob import OpenBlob
from services.bounded_executor import BoundedExecutor
from services.checkpoints import arrivals
from services.single_flight import SingleFlight
from services.single_flight_cache import SingleFlightCache
from weightbank.errors import InvalidCheckpointError
from weightbank.stored_header import LENGTH_BYTES, StoredHeader, header_length, parse_header

Read = Callable[[int, int], Awaitable[bytes]]
"""Returns the bytes ``start`` to ``stop`` of a file."""

Doubt = Callable[[str], Awaitable[None]]
"""Hears the hash of a file of which something may have been said that is not so."""

_GLANCE_BYTES = 100_000
"""Holds most headers whole, so that one question is enough."""

_TOLD_SECONDS = 60


@dataclass(frozen=True, slots=True)
class _Told:
    """A header that nothing vouches for, and when it was read on the loop's clock."""

    header: StoredHeader
    read_at: float


class Headers:
    """Parses headers, and keeps those of files that cannot change. For one event loop."""

    def __init__(
        self, *, parsing: BoundedExecutor, cached_tensors: int, header_bytes: int, doubt: Doubt
    ) -> None:
        """Keep nothing yet.

        Args:
            parsing: Runs what keeps a processor busy.
            cached_tensors: Of all headers kept together.
            header_bytes: Largest header that is read.
            doubt: Hears of files whose headers contradict what was said of them.
        """
        self._parsing = parsing
        self._header_bytes = header_bytes
        self._doubt = doubt
        self._verified: SingleFlightCache[str, StoredHeader] = SingleFlightCache(
            capacity=cached_tensors, weigh=_weigh
        )
        self._told: SingleFlightCache[str, _Told] = SingleFlightCache(
            capacity=cached_tensors, weigh=lambda told: _weigh(told.header)
        )
        self._arriving: SingleFlight[tuple[int, int], StoredHeader] = SingleFlight()

    async def of_blob(self, blob: OpenBlob) -> StoredHeader:
        """Return the header of a file as soon as it is here.

        Raises:
            InvalidCheckpointError: If it cannot be believed.
            Exception: What ended the file's arrival before.
        """

        async def read(start: int, stop: int) -> bytes:
            return await arrivals.read(blob, start, stop)

        def load() -> Awaitable[StoredHeader]:
            return self._load(read, blob.key.size_bytes, glance_bytes=LENGTH_BYTES)

        if blob.is_verified:
            return await self._verified.get(blob.key.hash, load)
        self._told.drop(blob.key.hash)
        # Another transfer of this hash may bring other bytes: only those who share this
        # one's file share its header. It is open meanwhile, so no other file can be it.
        status = os.fstat(blob.fileno())
        return await self._arriving.run(
            (status.st_dev, status.st_ino), lambda: self._doubting(blob.key.hash, load)
        )

    async def glance(self, hash_: str, size_bytes: int, read: Read) -> StoredHeader:
        """Return the header of a file that stays where it is.

        Args:
            hash_: Of the file.
            size_bytes: Of the file.
            read: Asks whoever has it.

        Raises:
            InvalidCheckpointError: If it cannot be believed.
        """
        verified = self._verified.peek(hash_)
        if verified is not None:
            return verified
        now = asyncio.get_running_loop().time
        known = self._told.peek(hash_)
        if known is not None and now() - known.read_at >= _TOLD_SECONDS:
            self._told.drop(hash_)

        def load() -> Awaitable[StoredHeader]:
            return self._load(read, size_bytes, glance_bytes=_GLANCE_BYTES)

        async def tell() -> _Told:
            return _Told(await self._doubting(hash_, load), now())

        return (await self._told.get(hash_, tell)).header

    async def _doubting(
        self, hash_: str, load: Callable[[], Awaitable[StoredHeader]]
    ) -> StoredHeader:
        """Load a header; if it cannot be believed, neither can what was said of the file."""
        try:
            return await load()
        except InvalidCheckpointError:
            await self._doubt(hash_)
            raise

    async def _load(self, read: Read, size_bytes: int, *, glance_bytes: int) -> StoredHeader:
        prefix = await read(0, min(glance_bytes, size_bytes))
        length = header_length(prefix, file_bytes=size_bytes, limit_bytes=self._header_bytes)
        if length > len(prefix):
            prefix += await read(len(prefix), length)
        return await self._parsing.run(
            lambda: parse_header(
                prefix[:length], file_bytes=size_bytes, limit_bytes=self._header_bytes
            )
        )


def _weigh(header: StoredHeader) -> int:
    return max(1, len(header.tensors))
