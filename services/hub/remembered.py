"""What is remembered of the Hub, as values and as texts."""

import json
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from services.hub.located import LocatedFile, RepositoryFile, RepositorySnapshot
from weightbank.stored import StoredFile

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Remembered(Generic[Value]):
    """Something the Hub said.

    Attributes:
        value: It.
        seen_at: When it was said, in seconds since 1970.
    """

    value: Value
    seen_at: float


@dataclass(frozen=True, slots=True)
class Reference:
    """What a branch or tag leads to.

    Attributes:
        repository: Its name of today.
        commit: 40 lowercase hexadecimal digits.
    """

    repository: str
    commit: str


def write_reference(reference: Reference) -> str:
    """Return a reference as text.

    Examples:
        >>> read_reference(write_reference(Reference("gpt2", "0" * 40))).repository
        'gpt2'
    """
    return _write([reference.repository, reference.commit])


def read_reference(text: str) -> Reference:
    """Return the reference that a text says."""
    repository, commit = json.loads(text)
    return Reference(repository, commit)


def write_snapshot(snapshot: RepositorySnapshot) -> str:
    """Return a snapshot as text."""
    files = [[file.path, file.size_bytes, file.hash] for file in snapshot.files.values()]
    return _write(
        {
            "repository": snapshot.repository,
            "commit": snapshot.commit,
            "licence": snapshot.licence,
            "is_restricted": snapshot.is_restricted,
            "files": files,
        }
    )


def read_snapshot(text: str) -> RepositorySnapshot:
    """Return the snapshot that a text says."""
    said = json.loads(text)
    files = (RepositoryFile(path, size, file_hash) for path, size, file_hash in said.pop("files"))
    return RepositorySnapshot(**said, files={file.path: file for file in files})


def write_located(located: LocatedFile) -> str:
    """Return a file as text."""
    file = located.file
    return _write([file.repository, file.commit, file.path, file.hash, located.size_bytes])


def read_located(text: str) -> LocatedFile:
    """Return the file that a text says."""
    *names, size_bytes = json.loads(text)
    return LocatedFile(StoredFile(*names), size_bytes)


def _write(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
