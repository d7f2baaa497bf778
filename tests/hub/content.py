"""The content of a repository's file: bytes, or a file on disk, with what names it."""

import hashlib
import os
from collections.abc import Generator
from functools import cached_property, lru_cache
from pathlib import Path

PIECE_BYTES = 2**20


class FileContent:
    r"""What a file holds. Its hashes are computed when somebody asks.

    Examples:
        >>> content = FileContent(b"hello\n")
        >>> content.size_bytes, content.git_sha1
        (6, 'ce013625030ba8dba906f756967f9e9ca394464a')
        >>> [bytes(piece) for piece in content.pieces(1, 3)]
        [b'el']
    """

    def __init__(self, source: bytes | Path) -> None:
        """Read nothing yet.

        Args:
            source: The bytes, or the path of a file that nobody changes.
        """
        self._source = source
        self.size_bytes = len(source) if isinstance(source, bytes) else source.stat().st_size

    def pieces(
        self, start: int = 0, stop: int | None = None
    ) -> Generator[bytes | memoryview, None, None]:
        """Return the bytes from ``start`` to ``stop``, at most a megabyte at a time."""
        stop = self.size_bytes if stop is None else stop
        if isinstance(self._source, bytes):
            view = memoryview(self._source)
            for offset in range(start, stop, PIECE_BYTES):
                yield view[offset : min(offset + PIECE_BYTES, stop)]
        else:
            with self._source.open("rb") as file:
                for offset in range(start, stop, PIECE_BYTES):
                    yield os.pread(file.fileno(), min(PIECE_BYTES, stop - offset), offset)

    def read(self) -> bytes:
        """Return all of it."""
        return b"".join(self.pieces())

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content, in hexadecimal: what LFS names it by."""
        if isinstance(self._source, bytes):
            return hashlib.sha256(self._source).hexdigest()
        return _sha256_of(self._source, self._source.stat().st_mtime_ns)

    @cached_property
    def git_sha1(self) -> str:
        """SHA-1 of git's blob, in hexadecimal: what git names it by."""
        digest = hashlib.sha1(f"blob {self.size_bytes}\0".encode(), usedforsecurity=False)
        for piece in self.pieces():
            digest.update(piece)
        return digest.hexdigest()


@lru_cache(maxsize=256)
def _sha256_of(path: Path, changed_nanoseconds: int) -> str:
    """Hash a file once per process: full-size checkpoints are served by many tests."""
    del changed_nanoseconds
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
