"""A process with a store of blobs, which does what it is told, and says what comes of it.

It is told by words over a connection:

- ``fetch``: open the blob, and say ``available N`` as far as it comes, and then
  ``content`` with the SHA-256 of what was read, or ``failed`` with the error's name;
- ``open``: open the blob if it is there, and say ``opened`` or ``absent``;
- ``close``: close what was opened, and say ``closed``;
- ``go``: have the origin send all.

Its origin says ``offset N`` when it is asked.
"""

import hashlib
import os
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from services.blobs import BlobStore, OpenBlob
from tests.blobs import HASTE, FakeOrigin, content_of, key_of, pread

PIECE_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process is to do.

    Attributes:
        directory: Of its store.
        size_bytes: Of the blob.
        held_bytes: Up to where the origin sends before it hears ``go``.
        dies_at: The audit event, in the flight's thread, at which the process kills
            itself; empty for none.
    """

    directory: Path
    size_bytes: int
    held_bytes: int = 2**62
    dies_at: str = ""


class Told:
    """Does what it is told."""

    def __init__(self, connection: Connection, plan: Plan) -> None:
        content = content_of(plan.size_bytes)
        self._connection = connection
        self._saying = threading.Lock()
        self._key = key_of(content)
        self._origin = _SayingOrigin(self, content)
        self._origin.hold(plan.held_bytes)
        self._store = BlobStore(
            plan.directory, quota_bytes=2**30, fetches=2, patience=HASTE, reserve_bytes=0
        )
        self._blob: OpenBlob | None = None
        self.say("ready")

    def say(self, words: str) -> None:
        """Tell whoever started this."""
        with self._saying:
            self._connection.send(words)

    def fetch(self) -> None:
        """Open a blob and have a thread say what comes."""
        self._blob = self._store.fetch(self._key, self._origin)
        threading.Thread(target=self._follow, args=(self._blob,), daemon=True).start()

    def open(self) -> None:
        """Open a blob that is there."""
        self._blob = self._store.open(self._key)
        self.say("absent" if self._blob is None else "opened")

    def close(self) -> None:
        """Close what was opened."""
        assert self._blob is not None
        self._blob.close()
        self.say("closed")

    def go(self) -> None:
        """Have all sent."""
        self._origin.let_go()

    def _follow(self, blob: OpenBlob) -> None:
        try:
            available = 0
            while not blob.is_verified:
                available = blob.wait_beyond(available)
                self.say(f"available {available}")
            content = pread(blob, 0, blob.key.size_bytes)
            self.say(f"content {hashlib.sha256(content).hexdigest()}")
        except Exception as error:  # noqa: BLE001 - a test asks for it
            self.say(f"failed {type(error).__name__}")


class _SayingOrigin(FakeOrigin):
    """Says what it is asked for."""

    def __init__(self, told: Told, content: bytes) -> None:
        super().__init__(content, piece_bytes=PIECE_BYTES)
        self._told = told

    def open(self, offset: int) -> Any:
        """See ``FakeOrigin.open``."""
        self._told.say(f"offset {offset}")
        return super().open(offset)


def main(connection: Connection, plan: Plan) -> None:
    """Do what is told until nobody tells any more."""

    def die(event: str, _: object) -> None:
        if event == plan.dies_at and threading.current_thread().name == "blob":
            os.kill(os.getpid(), signal.SIGKILL)

    if plan.dies_at:
        sys.addaudithook(die)
    told = Told(connection, plan)
    while True:
        getattr(told, connection.recv())()
