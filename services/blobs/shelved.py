"""What a shelf has: files, complete or not."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from services.blobs.errors import Use


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A complete blob on the disk.

    Attributes:
        path: Of its file.
        hash: Of its content.
        size_bytes: Of its content.
        used_seconds: When it was last used, in seconds since 1970.
        is_pinned: Whether it must not be evicted.
        use: What others do with it if they have it locked.
    """

    path: Path
    hash: str
    size_bytes: int
    used_seconds: float
    is_pinned: bool
    use: ClassVar[Use] = "is being read"


@dataclass(frozen=True, slots=True)
class UnfinishedFile:
    """A file that is not complete, or has no name yet.

    Attributes:
        path: Of the file.
        hash: What it is to become; None if that is not known yet.
        size_bytes: What is there.
        reserved_bytes: What it may become.
        changed_seconds: When it was last written, in seconds since 1970.
        is_pinned: Whether it must not be evicted.
        use: What others do with it if they have it locked.
    """

    path: Path
    hash: str | None
    size_bytes: int
    reserved_bytes: int
    changed_seconds: float
    is_pinned: bool
    use: ClassVar[Use] = "is being fetched by another process"


ShelvedFile = KeptFile | UnfinishedFile
