"""All blobs on their way into a store: begun once, joined, followed, taken over, landed.

Theory of operation: the first who asks for a blob opens its partial file and tries its
lock. Whoever gets it brings the blob, in a thread of its own. Otherwise another
process does; then its file is followed as it grows. Once the lock is free there are
three cases. The file has its final name: it is complete. It has its partial name: its
writer is gone, and whoever gets the lock goes on. It has none: it was given up, and
nobody can tell which bytes would have come next.

Locks are taken in this order: that of the flights, then that of the shelf. Readers are
told of news when neither is held.
"""

import contextlib
import threading
import time
from collections.abc import Sequence

from services.blobs.arrival import Arrival
from services.blobs.blob import BlobKey, Origin
from services.blobs.errors import BlobInUseError, without_frames
from services.blobs.flight import Flight, StoppedError, outcome_of
from services.blobs.follower import Follower
from services.blobs.observer import BlobObserver
from services.blobs.opened import OpenedBlob, Readers
from services.blobs.partial import Partial
from services.blobs.patience import Patience
from services.blobs.room import Room
from services.blobs.shelf import Shelf
from services.blobs.shelved import ShelvedFile
from services.errors import OverloadedError, RetryError, ShuttingDownError
from services.hub.errors import CorruptFileError, InsufficientStorageError, NotCachedError

_JOIN_SECONDS = 5.0
_MOST_LANDING = 32


class Flights:
    """The flights of a process."""

    def __init__(
        self,
        shelf: Shelf,
        room: Room,
        *,
        threads: int,
        patience: Patience,
        observer: BlobObserver,
    ) -> None:
        """Begin nothing yet.

        Args:
            shelf: Where the files are.
            room: Makes room for them.
            threads: Most flights that this process brings at one time.
            patience: With their origins.
            observer: Told of them.
        """
        self.readers = Readers()
        self._shelf = shelf
        self._room = room
        self._limit = threads
        self._patience = patience
        self._observer = observer
        self._lock = threading.Lock()
        self._flights: dict[BlobKey, Flight] = {}
        self._threads: set[threading.Thread] = set()
        # Those of them that wait for the disk alone, and need no place any more.
        self._landing: set[threading.Thread] = set()
        self._is_closed = False
        self._follower = Follower(
            settle=self._settle, give_up=self._give_up, stalled_seconds=patience.foreign_seconds
        )

    @property
    def is_closed(self) -> bool:
        """Whether no flight may begin any more."""
        return self._is_closed

    def has(self, key: BlobKey) -> bool:
        """Tell whether a blob is complete, on the disk or in a flight."""
        flight = self._flights.get(key)
        return self._shelf.has(key) or (flight is not None and flight.arrival.is_verified)

    def open(self, key: BlobKey) -> OpenedBlob | None:
        """Open a blob if it is complete, on the disk or in a flight."""
        descriptor = self._shelf.open_kept(key)
        if descriptor is None:
            with self._lock:
                flight = self._flights.get(key)
                if flight is not None and flight.arrival.is_verified:
                    return self._reader(flight)
                # It may have landed in between.
                descriptor = self._shelf.open_kept(key)
        return None if descriptor is None else self._kept(key, descriptor)

    def join(self, key: BlobKey, origin: Origin) -> OpenedBlob:
        """Open a blob, wherever it is; begin to bring it if it is nowhere.

        Raises:
            OverloadedError: If as many are being brought as may be.
            InsufficientStorageError: If there is no room for it.
            RetryError: If another process has the files locked.
            ShuttingDownError: If this was closed.
        """
        with self._lock:
            if self._is_closed:
                raise ShuttingDownError
            flight = self._flights.get(key)
            if flight is not None:
                flight.origins.add(origin)
                self._observer.joined(key)
                return self._reader(flight)
            with self._shelf.locked():
                descriptor = self._shelf.open_kept(key)
                if descriptor is not None:
                    return self._kept(key, descriptor)
                flight = self._flights[key] = self._begin(key, origin)
                return self._reader(flight)

    def remove(self, blob_hash: str) -> int:
        """Remove a blob and end its flight; see ``BlobStore.remove``."""
        with self._lock, self._shelf.locked():
            files = self._shelf.files(blob_hash)
            self._refuse_if_in_use(blob_hash, files)
            flights = [flight for key, flight in self._flights.items() if key.hash == blob_hash]
            for flight in flights:
                flight.partial.unlink()
                del self._flights[flight.key]
            for file in files:
                self._shelf.remove(file.path)
        for flight in flights:
            flight.stop(_removed(blob_hash))
        return sum(file.size_bytes for file in files)

    def _refuse_if_in_use(self, blob_hash: str, files: Sequence[ShelvedFile]) -> None:
        """See whether anything but flights of this process needs a blob."""
        if self._shelf.is_pinned(blob_hash):
            raise BlobInUseError(blob_hash, "is pinned")
        if self.readers.count(blob_hash):
            raise BlobInUseError(blob_hash, "is being read")
        ours = {flight.partial.path for flight in self._flights.values() if not flight.is_followed}
        for file in files:
            if file.path not in ours and self._shelf.is_in_use(file.path):
                raise BlobInUseError(blob_hash, file.use)

    def close(self) -> None:
        """End all flights; what is there of them stays for later ones."""
        with self._lock:
            self._is_closed = True
            flights, threads = tuple(self._flights.values()), tuple(self._threads)
        for flight in flights:
            flight.stop(ShuttingDownError())
        deadline = time.monotonic() + _JOIN_SECONDS
        self._follower.close(_JOIN_SECONDS)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _kept(self, key: BlobKey, descriptor: int) -> OpenedBlob:
        self._observer.hit(key)
        return OpenedBlob(key, descriptor, Arrival.completed(key.size_bytes), self.readers)

    def _reader(self, flight: Flight) -> OpenedBlob:
        descriptor = flight.partial.duplicate()
        return OpenedBlob(flight.key, descriptor, flight.arrival, self.readers)

    def _begin(self, key: BlobKey, origin: Origin) -> Flight:
        partial = Partial(self._shelf.partial_path(key.hash, key.size_bytes))
        try:
            flight = Flight(
                key,
                origin,
                partial,
                room=self._room,
                patience=self._patience,
                observer=self._observer,
            )
            if partial.try_write_lock():
                self._take_off(flight)
            else:
                self._follow(flight)
        except BaseException:
            if partial.size_bytes == 0 and partial.try_write_lock():
                partial.unlink()
            partial.leave()
            raise
        return flight

    def _follow(self, flight: Flight) -> None:
        flight.is_followed = True
        self._follower.follow(flight)
        self._observer.followed(flight.key)

    def _take_off(self, flight: Flight) -> None:
        """Bring a blob whose file is locked for that."""
        if self._is_full():
            raise OverloadedError("fetches", limit=self._limit)
        self._room.make(flight.key.size_bytes)
        kept_bytes = flight.partial.size_bytes
        thread = threading.Thread(target=self._run, args=(flight,), name="blob", daemon=True)
        thread.start()
        self._threads.add(thread)
        self._observer.began(flight.key, kept_bytes=kept_bytes)

    def _is_full(self) -> bool:
        bringing = len(self._threads) - len(self._landing)
        return bringing >= self._limit or len(self._landing) >= _MOST_LANDING

    def _settle(self, flight: Flight) -> bool:
        """See what became of a file that nobody writes; return whether to follow it on."""
        with self._lock, self._shelf.locked():
            kept_path = self._shelf.kept_path(flight.key.hash)
            is_complete = flight.partial.is_published(kept_path)
            if is_complete:
                self._forget(flight)
                flight.partial.close()  # readers keep its lock
            elif not flight.partial.is_named:
                # What would have come next may not go with what was handed out.
                raise _lost(flight.key.hash)
            elif self._is_full() or not flight.partial.try_write_lock():
                flight.partial.unlock()
                return True
            else:
                flight.is_followed = False
                self._take_off(flight)
        if is_complete:
            flight.arrival.complete()
        return False

    def _run(self, flight: Flight) -> None:
        """Bring a blob. The life of a thread."""
        begun = time.monotonic()
        error: Exception | None = None
        try:
            flight.bring()
            self._land(flight)
        except Exception as caught:  # noqa: BLE001 - readers must hear of any end
            error = caught
            self._leave(flight, caught)
        with self._lock:
            self._threads.remove(threading.current_thread())
            self._landing.discard(threading.current_thread())
        self._observer.ended(
            flight.key,
            outcome_of(error),
            transferred_bytes=flight.transferred_bytes,
            seconds=time.monotonic() - begun,
            error=error,
        )
        if error is not None:
            flight.arrival.fail(without_frames(flight.origins.told(error)))

    def _land(self, flight: Flight) -> None:
        """Hand out the last byte, then see to it that the blob stays."""
        with self._lock:
            self._landing.add(threading.current_thread())
        flight.arrival.complete()
        flight.partial.sync()
        with self._lock:
            if self._flights.get(flight.key) is not flight:
                raise StoppedError
            self._shelf.publish(flight.partial, flight.key.hash)
            del self._flights[flight.key]
            flight.partial.close()  # readers keep its lock
        self._shelf.sync_names(flight.key.hash)

    def _give_up(self, flight: Flight, error: Exception) -> None:
        """End a flight that is followed."""
        self._leave(flight, error)
        flight.arrival.fail(error)

    def _leave(self, flight: Flight, error: Exception) -> None:
        """Have nobody join a flight any more, and close its file.

        What is there is kept for a later flight, unless it is no good.
        """
        is_good = not isinstance(error, CorruptFileError | InsufficientStorageError)
        if isinstance(error, OSError) and flight.arrival.is_verified:
            is_good = False  # the disk's fault
        with self._lock:
            self._forget(flight)
            if not is_good:
                # At worst it stays, and is hashed and found wrong again.
                with contextlib.suppress(RetryError, OSError), self._shelf.locked():
                    flight.partial.unlink()
            flight.partial.leave()

    def _forget(self, flight: Flight) -> None:
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]


def _removed(blob_hash: str) -> NotCachedError:
    return NotCachedError("file", blob_hash, "was removed while it arrived", "another attempt")


def _lost(blob_hash: str) -> RetryError:
    return RetryError(
        f"file {blob_hash}", "was given up by the process that fetched it", retry_after_seconds=1
    )
