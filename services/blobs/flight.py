"""One blob on its way from its origin to the disk."""

import threading
import time
from math import ceil

from services.blobs.arrival import Arrival
from services.blobs.blob import BlobKey, Origin, TransferBrokenError
from services.blobs.hashing import ContentHash
from services.blobs.observer import BlobObserver, Outcome
from services.blobs.origins import Origins
from services.blobs.partial import Partial
from services.blobs.patience import Patience, Persistence
from services.blobs.room import Room
from services.hub.errors import (
    CorruptFileError,
    InsufficientStorageError,
    UpstreamBusyError,
    UpstreamUnavailableError,
)


class StoppedError(Exception):
    """Nobody wants the rest of a flight."""


class Flight:
    """Brings a blob: one thread runs it, as many as like hear of its arrival.

    What arrives is hashed, then appended, then told of; readers take it from the
    file, each at its own pace, and so never slow it.

    Attributes:
        key: What is brought.
        origins: Where it comes from.
        partial: Where it goes; closed by whoever ends the flight.
        arrival: How far it is.
        transferred_bytes: What came from the origin.
        is_followed: Whether another process brings it.
    """

    def __init__(
        self,
        key: BlobKey,
        origin: Origin,
        partial: Partial,
        *,
        room: Room,
        patience: Patience,
        observer: BlobObserver,
    ) -> None:
        self.key = key
        self.origins = Origins(origin)
        self.partial = partial
        self.arrival = Arrival(key.size_bytes)
        self.transferred_bytes = 0
        self.is_followed = False
        self._room = room
        self._patience = patience
        self._observer = observer
        self._stopping = threading.Event()
        self._hash = ContentHash(key)
        self._arrived_bytes = 0

    def stop(self, error: Exception) -> None:
        """Have its readers get an error now, and the flight end at its next piece."""
        self._stopping.set()
        self.arrival.fail(error)

    def bring(self) -> None:
        """Have all of it on the disk, and find its hash right. Blocking.

        The file is written, and locked, by the caller alone. It is not told of as
        complete yet.

        Raises:
            CorruptFileError: If there is more or less of it, or something else.
            InsufficientStorageError: If the disk is full.
            UpstreamUnavailableError: If its origin breaks off time and again.
            UpstreamBusyError: If it asks us to wait for longer than we have patience.
            WeightbankError: Whatever else its origin says.
            StoppedError: If it was stopped.
        """
        self._take_up()
        self._receive()
        if not self._hash.is_right:
            raise self._corrupt("arrived with other content than its hash says")

    def _take_up(self) -> None:
        """Hash what is left of an earlier flight: it may have ended in any way."""
        try:
            for piece in self.partial.pieces():
                self._continue_or_stop()
                self._hash.update(piece)
                self._arrived(len(piece))
        except OSError as error:
            raise self._corrupt("cannot be read from the disk") from error
        if self._arrived_bytes > self.key.size_bytes:
            raise self._corrupt("was kept longer than it is")

    def _receive(self) -> None:
        persistence = Persistence(self._patience, time.monotonic())
        while self._arrived_bytes < self.key.size_bytes:
            offset = self._arrived_bytes
            broken = self._attempt(offset)
            if self._arrived_bytes == self.key.size_bytes:
                return
            now = time.monotonic()
            if self._arrived_bytes > offset:
                persistence.progressed(now)
            asked_seconds = None if broken is None else broken.retry_after_seconds
            pause = persistence.pause_seconds(now, asked_seconds=asked_seconds)
            if pause is None:
                raise self._given_up(broken)
            if self._stopping.wait(pause):
                raise StoppedError
            self._observer.resumed(self.key, offset=self._arrived_bytes)

    def _attempt(self, offset: int) -> TransferBrokenError | None:
        """Take what one transfer brings; return what broke it, None if it just ended."""
        try:
            with self.origins.open(offset) as pieces:
                for piece in pieces:
                    self._take(piece)
        except TransferBrokenError as error:
            return error
        return None

    def _take(self, piece: bytes) -> None:
        self._continue_or_stop()
        if self._arrived_bytes + len(piece) > self.key.size_bytes:
            raise self._corrupt(f"has more than its {self.key.size_bytes} bytes")
        self._hash.update(piece)
        self._room.append(self.partial, piece, size_bytes=self.key.size_bytes)
        self.transferred_bytes += len(piece)
        self._arrived(len(piece))

    def _arrived(self, size_bytes: int) -> None:
        self._arrived_bytes += size_bytes
        self.arrival.advance(self._arrived_bytes)

    def _continue_or_stop(self) -> None:
        if self._stopping.is_set():
            raise StoppedError

    def _given_up(self, broken: TransferBrokenError | None) -> Exception:
        if broken is None:
            missing_bytes = self.key.size_bytes - self._arrived_bytes
            return self._corrupt(f"ends {missing_bytes} bytes before its {self.key.size_bytes}")
        what = f"file {self.key.hash}"
        if broken.retry_after_seconds is not None:
            return UpstreamBusyError(what, retry_after_seconds=ceil(broken.retry_after_seconds))
        return UpstreamUnavailableError(what)

    def _corrupt(self, problem: str) -> CorruptFileError:
        return CorruptFileError("file", self.key.hash, problem, "what the Hub says of it")


def outcome_of(error: Exception | None) -> Outcome:
    """Name the way in which a flight ended.

    Examples:
        >>> outcome_of(None), outcome_of(StoppedError())
        ('complete', 'stopped')
    """
    match error:
        case None:
            return "complete"
        case CorruptFileError():
            return "corrupt"
        case InsufficientStorageError():
            return "no_storage"
        case StoppedError():
            return "stopped"
        case _:
            return "failed"
