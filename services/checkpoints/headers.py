"""Headers of safetensors files: from a blob that is here or arrives, or a glance at the Hub."""

from collections.abc import Awaitable, Callable

from services.blobs.blob import OpenBlob
from services.bounded_executor import BoundedExecutor
from services.checkpoints import arrivals
from services.single_flight_cache import SingleFlightCache
from weightbank.stored_header import LENGTH_BYTES, StoredHeader, header_length, parse_header

Read = Callable[[int, int], Awaitable[bytes]]
"""Returns the bytes ``start`` to ``stop`` of a file."""

_GLANCE_BYTES = 100_000
"""Holds most headers whole, so that one question is enough."""


class Headers:
    """Parses headers, and keeps those of files that cannot change. For one event loop."""

    def __init__(self, *, parsing: BoundedExecutor, cached_tensors: int, header_bytes: int) -> None:
        """Keep nothing yet.

        Args:
            parsing: Runs what keeps a processor busy.
            cached_tensors: Of all headers kept together.
            header_bytes: Largest header that is read.
        """
        self._parsing = parsing
        self._header_bytes = header_bytes
        self._verified = self._cache(cached_tensors)
        self._told = self._cache(cached_tensors)

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
        # Another transfer of this hash may bring other bytes: nothing is kept of this one.
        return await load()

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
        return await self._told.get(
            hash_, lambda: self._load(read, size_bytes, glance_bytes=_GLANCE_BYTES)
        )

    def forget(self, hash_: str) -> None:
        """Keep nothing of a file that proved to be another one than was told."""
        self._told.drop(hash_)

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

    @staticmethod
    def _cache(capacity: int) -> SingleFlightCache[str, StoredHeader]:
        return SingleFlightCache(
            capacity=capacity, weigh=lambda header: max(1, len(header.tensors))
        )
