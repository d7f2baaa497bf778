"""Pickled checkpoints: refused, or converted once and kept.

Theory of operation: what a pickle was converted to is a blob of its own, and a small
record beside the blobs says which: the pickle's hash and the converter's version lead
to the converted file's hash and size. A record whose blob was evicted leads nowhere,
and the pickle is converted again, to the same bytes.
"""

import json
import secrets
from pathlib import Path
from typing import Literal

from services.blobs.blob import BlobKey, OpenBlob
from services.blobs.hashing import HASH
from services.blobs.store import BlobStore
from services.bounded_executor import BoundedExecutor
from services.conversion.converter import VERSION, Converter
from services.hub.errors import InsufficientStorageError, NotCachedError, PickleRefusedError
from services.hub.located import LocatedFile
from services.single_flight import SingleFlight

PicklePolicy = Literal["refuse", "convert"]


class Pickles:
    """Converts pickles, one at a time each. For one event loop."""

    def __init__(
        self,
        directory: Path,
        *,
        policy: PicklePolicy,
        converter: Converter,
        blobs: BlobStore,
        disk: BoundedExecutor,
        converting: BoundedExecutor,
        file_bytes: int,
    ) -> None:
        """Convert nothing yet.

        Args:
            directory: For the records; made when the first is written.
            policy: Whether they are converted at all.
            converter: Does it, in a process of its own.
            blobs: Where the converted files are kept.
            disk: Runs what waits for a disk.
            converting: Runs conversions.
            file_bytes: Largest converted file.
        """
        self._directory = directory
        self._policy = policy
        self._converter = converter
        self._blobs = blobs
        self._disk = disk
        self._converting = converting
        self._file_bytes = file_bytes
        self._flights: SingleFlight[str, BlobKey] = SingleFlight()

    def check_allowed(self, located: LocatedFile) -> None:
        """Refuse a pickle where they are not converted.

        Raises:
            PickleRefusedError: If so.
        """
        if self._policy == "refuse":
            raise PickleRefusedError(
                "file",
                located.file.path,
                "is a pickle, which can run code when it is loaded, and this server refuses those",
                "a safetensors file; its operator can set WEIGHTBANK_ALLOW_PICKLE=convert",
            )

    async def find(self, located: LocatedFile) -> OpenBlob | None:
        """Return what a pickle was converted to before, if that is still here."""
        return await self._disk.run(lambda: self._find(located.file.hash))

    async def convert(self, located: LocatedFile, pickled: OpenBlob) -> OpenBlob:
        """Convert a pickle, or wait for who does it already.

        Args:
            located: What it is.
            pickled: Its bytes, all there; held open so that they stay.

        Raises:
            ConversionError: If it cannot be converted within its bounds.
            InsufficientStorageError: If there is no place for the result.
        """
        hash_ = located.file.hash
        key = await self._flights.run(
            hash_, lambda: self._converting.run(lambda: self._convert(pickled.key))
        )
        converted = await self._disk.run(lambda: self._blobs.open(key))
        if converted is None:  # others needed its place at once
            raise InsufficientStorageError(
                located.file.path,
                key.size_bytes,
                "bytes once converted, for which there is no place",
                "a larger WEIGHTBANK_CHECKPOINT_CACHE_BYTES",
            )
        return converted

    def key_of_converted(self, hash_: str) -> BlobKey | None:
        """Return what a pickle was converted to, whether or not that is still here. Blocking.

        Args:
            hash_: Of the pickle.
        """
        try:
            return _parse_record(self._record(hash_).read_bytes())
        except OSError:
            return None

    def _find(self, hash_: str) -> OpenBlob | None:
        key = self.key_of_converted(hash_)
        return None if key is None else self._blobs.open(key)

    def _convert(self, pickle: BlobKey) -> BlobKey:
        # Opened anew: who asked first may leave, and close what he has, before this ends.
        pickled = self._blobs.open(pickle)
        if pickled is None:
            raise NotCachedError("file", pickle.hash, "was removed before it was converted")
        with pickled:
            source = Path(f"/proc/self/fd/{pickled.fileno()}")
            key = self._blobs.put(
                lambda out: self._converter.convert(source, out), size_limit_bytes=self._file_bytes
            )
        self._write_record(pickle.hash, key)
        return key

    def _write_record(self, hash_: str, key: BlobKey) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._record(hash_)
        # Nobody reads half of one, and no two processes write the same draft.
        draft = path.with_suffix(f".{secrets.token_hex(8)}.draft")
        try:
            draft.write_text(json.dumps({"hash": key.hash, "size_bytes": key.size_bytes}))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def _record(self, hash_: str) -> Path:
        name = hash_.replace(":", "-")
        return self._directory / f"{name}-{VERSION}.json"


def _parse_record(text: bytes) -> BlobKey | None:
    """Return the key that a record has; None if it is damaged."""
    try:
        record = json.loads(text)
        key = BlobKey(record["hash"], record["size_bytes"])
        is_sound = HASH.fullmatch(key.hash) is not None and isinstance(key.size_bytes, int)
    except (ValueError, KeyError, TypeError):
        return None
    return key if is_sound else None
