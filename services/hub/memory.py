"""What the Hub said, remembered: in this process, and on disk for all of them.

What can change (where a branch leads, who may read) is remembered with the time it was
said at; how long it counts is for others to decide. Tokens are never kept, only digests
with a key that nobody knows but this database.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from services.hub.located import LocatedFile, RepositorySnapshot
from services.hub.notebook import Key, Notebook, Row
from services.hub.observer import HubObserver, Unobserved
from services.hub.recent import Recent
from services.hub.remembered import (
    Reference,
    Remembered,
    read_located,
    read_reference,
    read_snapshot,
    write_located,
    write_reference,
    write_snapshot,
)

NOBODY = "nobody"
"""In place of a digest, for callers without a token."""

_FOREVER = float(2**60)
_DIGEST_CHARACTERS = 40
_RECENT_BYTES = 2**26

Value = TypeVar("Value")


class Memory:
    """Remembers answers. Thread-safe; it never fails, it forgets."""

    def __init__(
        self,
        directory: Path,
        *,
        clock: Callable[[], float],
        capacity_bytes: int = 2**29,
        observer: HubObserver | None = None,
    ) -> None:
        """Open or make its database.

        Args:
            directory: Where the database is.
            clock: Says the time in seconds since 1970.
            capacity_bytes: On disk, about; the oldest is forgotten.
            observer: Hears of a disk that fails.
        """
        self._clock = clock
        self._recent: Recent[Key, Remembered[Any]] = Recent(capacity_bytes=_RECENT_BYTES)
        self._notebook = Notebook(
            directory,
            capacity_bytes=capacity_bytes,
            clock=clock,
            on_failure=(observer or Unobserved()).forgot,
        )
        self._spare_secret = secrets.token_hex(32)
        self._secret: str | None = None

    def close(self) -> None:
        """Close the database."""
        self._notebook.close()

    def digest(self, token: str | None) -> str:
        """Return what stands for a token."""
        if token is None:
            return NOBODY
        if self._secret is None:
            row = self._notebook.settle(Row(Key("secret", ""), self._spare_secret, _FOREVER))
            self._secret = None if row is None else row.value
        secret = self._secret or self._spare_secret
        digest = hmac.new(secret.encode(), token.encode(), "sha256").hexdigest()
        return digest[:_DIGEST_CHARACTERS]

    def reference(
        self, repository: str, revision: str, *, fresh_seconds: float
    ) -> Remembered[Reference] | None:
        """Return what a branch or tag of a repository led to, by the name it was asked by."""
        key = Key("reference", repository, revision)
        return self._find(key, read_reference, fresh_seconds=fresh_seconds)

    def keep_reference(self, repository: str, revision: str, reference: Reference) -> None:
        """Remember where a branch or tag leads now."""
        self._keep(Key("reference", repository, revision), reference, write_reference(reference))

    def name_of_today(self, repository: str) -> str:
        """Return the name that a repository was renamed to, or its own."""
        found = self._find(Key("renamed", repository), str)
        return repository if found is None else found.value

    def keep_name(self, repository: str, today: str) -> None:
        """Remember what a repository is called now."""
        if repository != today:
            self._keep(Key("renamed", repository), today, today)
        elif self._find(Key("renamed", repository), str) is not None:
            self._drop(Key("renamed", repository))

    def snapshot(self, repository: str, commit: str) -> RepositorySnapshot | None:
        """Return what a repository has at a commit."""
        found = self._find(Key("snapshot", repository, commit), read_snapshot)
        return None if found is None else found.value

    def keep_snapshot(self, snapshot: RepositorySnapshot) -> None:
        """Remember what a repository has at a commit."""
        key = Key("snapshot", snapshot.repository, snapshot.commit)
        self._keep(key, snapshot, write_snapshot(snapshot))

    def file(self, repository: str, commit: str, path: str) -> LocatedFile | None:
        """Return what a file is."""
        found = self._find(Key("file", repository, f"{commit} {path}"), read_located)
        return None if found is None else found.value

    def files(self, repository: str) -> Sequence[LocatedFile]:
        """Return all files of a repository that were ever asked for."""
        return _readable(self._notebook.find_about("file", repository), read_located)

    def places(self, file_hash: str) -> Sequence[LocatedFile]:
        """Return all files with this content that were ever asked for."""
        return _readable(self._notebook.find_tagged("file", file_hash), read_located)

    def keep_file(self, located: LocatedFile) -> None:
        """Remember what a file is."""
        file = located.file
        key = Key("file", file.repository, f"{file.commit} {file.path}")
        self._keep(key, located, write_located(located), tag=file.hash)

    def distrust(self, file_hash: str) -> None:
        """Remember neither files with this content nor what was listed with them."""
        # On disk another process may have the truth already, and this one not.
        here = [remembered.value for remembered in self._recent.values()]
        believed = [value.file for value in here if isinstance(value, LocatedFile)]
        on_disk = [located.file for located in self.places(file_hash)]
        for file in (*believed, *on_disk):
            if file.hash == file_hash:
                self._drop(Key("snapshot", file.repository, file.commit))
                self._drop(Key("file", file.repository, f"{file.commit} {file.path}"))

    def restriction(self, repository: str, *, fresh_seconds: float) -> Remembered[bool] | None:
        """Return whether a repository is not for everybody, as was said last."""
        key = Key("restricted", repository)
        return self._find(key, lambda text: text != "no", fresh_seconds=fresh_seconds)

    def keep_restriction(self, repository: str, *, is_restricted: bool) -> None:
        """Remember whether a repository is not for everybody."""
        self._keep(Key("restricted", repository), is_restricted, "yes" if is_restricted else "no")

    def granted_at(self, repository: str, digest: str, *, fresh_seconds: float) -> float | None:
        """Return when a caller was last let in, if no refusal came after."""
        found = self._find(Key("grant", repository, digest), str, fresh_seconds=fresh_seconds)
        return None if found is None else found.seen_at

    def grant(self, repository: str, digest: str) -> None:
        """Remember that a caller was let in."""
        self._keep(Key("grant", repository, digest), "", "")

    def revoke(self, repository: str, digest: str) -> None:
        """Remember that a caller was not let in."""
        self._drop(Key("grant", repository, digest))

    def forget(self, repository: str) -> None:
        """Remember nothing of a repository, under this name."""
        self._recent.drop_where(lambda key: key.repository == repository)
        self._notebook.drop_about(repository)

    def _find(
        self,
        key: Key,
        read: Callable[[str], Value],
        *,
        fresh_seconds: float | None = None,
    ) -> Remembered[Value] | None:
        """Return what is remembered, the latest if what this process knows is not fresh."""
        known: Remembered[Value] | None = self._recent.get(key)
        if known is not None and (
            fresh_seconds is None or 0 <= self._clock() - known.seen_at < fresh_seconds
        ):
            return known
        row = self._notebook.get(key)
        if row is None or (known is not None and known.seen_at >= row.seen_at):
            return known
        value = _read(read, row.value)
        if value is None:
            return known
        found = Remembered(value, row.seen_at)
        self._recent.put(key, found, len(row.value))
        return found

    def _keep(self, key: Key, value: object, text: str, *, tag: str | None = None) -> None:
        now = self._clock()
        self._recent.put(key, Remembered(value, now), len(text))
        self._notebook.put(Row(key, text, now, tag))

    def _drop(self, key: Key) -> None:
        self._recent.drop(key)
        self._notebook.drop(key)


def _readable(rows: Sequence[Row], read: Callable[[str], Value]) -> list[Value]:
    values = (_read(read, row.value) for row in rows)
    return [value for value in values if value is not None]


def _read(read: Callable[[str], Value], text: str) -> Value | None:
    """Return what a text says; None if it was written by another version."""
    try:
        return read(text)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
