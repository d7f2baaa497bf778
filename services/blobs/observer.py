"""What a blob store tells those who watch it."""

from typing import Literal, Protocol

from services.blobs.blob import BlobKey

Outcome = Literal["complete", "corrupt", "no_storage", "stopped", "failed"]


class BlobObserver(Protocol):
    """Hears what happens, from any thread; must be quick, and not raise."""

    def hit(self, key: BlobKey) -> None:
        """Hear of a blob that was opened, and was there."""

    def joined(self, key: BlobKey) -> None:
        """Hear of a reader of a blob that is on its way already."""

    def began(self, key: BlobKey, *, kept_bytes: int) -> None:
        """Hear of a fetch, and how much of the blob was kept of an earlier one."""

    def followed(self, key: BlobKey) -> None:
        """Hear of a blob that another process is fetching."""

    def resumed(self, key: BlobKey, *, offset: int) -> None:
        """Hear of a broken transfer that is continued."""

    def ended(
        self,
        key: BlobKey,
        outcome: Outcome,
        *,
        transferred_bytes: int,
        seconds: float,
        error: Exception | None,
    ) -> None:
        """Hear of a fetch that is over, and what this process got from its origin."""

    def evicted(self, blob_hash: str, *, size_bytes: int) -> None:
        """Hear of a blob, complete or not, that made room for others."""


class Unobserved:
    """Hears, and forgets."""

    def hit(self, key: BlobKey) -> None:
        """See ``BlobObserver.hit``."""

    def joined(self, key: BlobKey) -> None:
        """See ``BlobObserver.joined``."""

    def began(self, key: BlobKey, *, kept_bytes: int) -> None:
        """See ``BlobObserver.began``."""

    def followed(self, key: BlobKey) -> None:
        """See ``BlobObserver.followed``."""

    def resumed(self, key: BlobKey, *, offset: int) -> None:
        """See ``BlobObserver.resumed``."""

    def ended(
        self,
        key: BlobKey,
        outcome: Outcome,
        *,
        transferred_bytes: int,
        seconds: float,
        error: Exception | None,
    ) -> None:
        """See ``BlobObserver.ended``."""

    def evicted(self, blob_hash: str, *, size_bytes: int) -> None:
        """See ``BlobObserver.evicted``."""


UNOBSERVED = Unobserved()
"""Nobody watches."""
