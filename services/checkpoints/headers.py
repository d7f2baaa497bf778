"""Headers of safetensors files: from a blob that is here or arrives, or a glance at the Hub.

Theory of operation: the header of a file whose hash was found right is known by that
hash for good. What only arrives, or is only glanced at, may be a lie; what was glanced
at is believed for a short while. All of them are parsed once for everybody, and known
by their bytes. A header that contradicts what was said of its file throws doubt on
that, too.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.blobs.blob import OpenBlob
from services.bounded_executor import BoundedExecutor
from services.checkpoints import arrivals
from services.single_flight_cache import SingleFlightCache
from weightbank.errors import InvalidCheckpointError, WeightbankError
from weightbank.limits import Limits
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
        self, *, parsing: BoundedExecutor, cached_tensors: int, limits: Limits, doubt: Doubt
    ) -> None:
        """Keep nothing yet.

        Args:
            parsing: Runs what keeps a processor busy.
            cached_tensors: Of all headers kept together.
            limits: Bounds of one header.
            doubt: Hears of files whose headers contradict what was said of them.
        """
        self._parsing = parsing
        self._limits = limits
        self._doubt = doubt
        self._parsed: SingleFlightCache[tuple[bytes, int], StoredHeader] = SingleFlightCache(
            capacity=cached_tensors, weigh=_weigh
        )
        self._verified: SingleFlightCache[str, StoredHeader] = SingleFlightCache(
            capacity=cached_tensors, weigh=_weigh
        )
        self._told: SingleFlightCache[str, _Told] = SingleFlightCache(
            capacity=cached_tensors, weigh=lambda told: _weigh(told.header)
        )

    async def of_blob(self, blob: OpenBlob) -> StoredHeader:
        """Return the header of a file as soon as it is here.

        Raises:
            InvalidCheckpointError: If it cannot be believed.
            Exception: What ended the file's arrival before.
        """
        hash_, size_bytes = blob.key.hash, blob.key.size_bytes
        self._told.drop(hash_)  # the file itself knows better
        is_verified = blob.is_verified
        known = self._verified.peek(hash_) if is_verified else None
        if known is not None:
            return known

        async def read(start: int, stop: int) -> bytes:
            return await arrivals.read(blob, start, stop)

        # Each reads for itself: whoever leaves closes the blob he has opened.
        if is_verified:
            header = await self._load(read, size_bytes, glance_bytes=LENGTH_BYTES)
            self._verified.put(hash_, header)
            return header
        return await self._doubting(hash_, self._load(read, size_bytes, glance_bytes=LENGTH_BYTES))

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

        is_own = False

        async def tell() -> _Told:
            nonlocal is_own
            is_own = True
            load = self._load(read, size_bytes, glance_bytes=_GLANCE_BYTES)
            return _Told(await self._doubting(hash_, load), now())

        while True:
            try:
                return (await self._told.get(hash_, tell)).header
            except InvalidCheckpointError:
                raise
            except WeightbankError:
                # Another who asked for this content may have failed at what is theirs alone.
                if is_own:
                    raise

    async def _doubting(self, hash_: str, load: Awaitable[StoredHeader]) -> StoredHeader:
        """Await a header; if it cannot be believed, neither can what was said of the file."""
        try:
            return await load
        except InvalidCheckpointError:
            await self._doubt(hash_)
            raise

    async def _load(self, read: Read, size_bytes: int, *, glance_bytes: int) -> StoredHeader:
        prefix = await read(0, min(glance_bytes, size_bytes))
        limit_bytes = self._limits.header_bytes
        length = header_length(prefix, file_bytes=size_bytes, limit_bytes=limit_bytes)
        if length > len(prefix):
            prefix += await read(len(prefix), length)
        return await self._parse(prefix[:length], size_bytes)

    async def _parse(self, text: bytes, size_bytes: int) -> StoredHeader:
        limits = self._limits

        async def parse() -> StoredHeader:
            return await self._parsing.run(
                lambda: parse_header(
                    text, file_bytes=size_bytes, limit_bytes=limits.header_bytes, limits=limits
                )
            )

        return await self._parsed.get((hashlib.sha256(text).digest(), size_bytes), parse)


def _weigh(header: StoredHeader) -> int:
    return max(1, len(header.tensors))
