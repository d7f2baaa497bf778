"""Files by their hash: fetched once, shared while they arrive, kept within a quota."""

from services.blobs.blob import BlobKey, OpenBlob, Origin, TransferBrokenError
from services.blobs.errors import BlobInUseError
from services.blobs.observer import BlobObserver, Outcome
from services.blobs.patience import Patience
from services.blobs.store import BlobStore
from services.blobs.stored_blob import StoredBlob
from services.blobs.writer import BlobWriter

__all__ = [
    "BlobInUseError",
    "BlobKey",
    "BlobObserver",
    "BlobStore",
    "BlobWriter",
    "OpenBlob",
    "Origin",
    "Outcome",
    "Patience",
    "StoredBlob",
    "TransferBrokenError",
]
