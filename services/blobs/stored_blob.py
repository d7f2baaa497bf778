"""What a store says of a blob that it has."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob on the disk.

    Attributes:
        hash: As ``BlobKey.hash``.
        size_bytes: Of its content, also of what has not arrived yet.
        arrived_bytes: What there is of it.
        last_used: In UTC, to a minute or so; of what is on its way, when it last grew.
        is_complete: Whether all of it is there, and its hash was found right.
        is_pinned: Whether it is not to be evicted.
        readers: Who has it open, in this process.
    """

    hash: str
    size_bytes: int
    arrived_bytes: int
    last_used: datetime
    is_complete: bool
    is_pinned: bool
    readers: int
