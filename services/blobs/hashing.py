r"""Hashes that name content: SHA-256, and git's SHA-1 over ``blob SIZE\0`` and the content."""

import hashlib
import re

from services.blobs.blob import BlobKey

SHA256 = "sha256"
GIT_SHA1 = "git-sha1"
HASH = re.compile(rf"(?:{SHA256}:[0-9a-f]{{64}}|{GIT_SHA1}:[0-9a-f]{{40}})")
"""What a hash looks like; it becomes a file's name."""


class ContentHash:
    """The hash of content that comes piece by piece.

    Examples:
        Of an empty file, as git has it:

        >>> key = BlobKey("git-sha1:e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", 0)
        >>> ContentHash(key).is_right
        True
    """

    def __init__(self, key: BlobKey) -> None:
        self._expected = key.hash
        self._algorithm = key.hash.partition(":")[0]
        if self._algorithm == SHA256:
            self._hash = hashlib.sha256()
        else:
            # It names what git names; whether that can be forged is the Hub's matter.
            self._hash = hashlib.sha1(b"blob %d\0" % key.size_bytes, usedforsecurity=False)

    def update(self, piece: bytes | memoryview) -> None:
        """Go on with the next piece; others run meanwhile."""
        self._hash.update(piece)

    @property
    def is_right(self) -> bool:
        """Whether what came so far is the content that the key names."""
        return f"{self._algorithm}:{self._hash.hexdigest()}" == self._expected
