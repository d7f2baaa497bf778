"""What the Hub says of files and repositories, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass

from weightbank.stored import StoredFile


@dataclass(frozen=True, slots=True)
class LocatedFile:
    """A file of a repository at a commit.

    Attributes:
        file: What names it for good.
        size_bytes: Of its content.
    """

    file: StoredFile
    size_bytes: int


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """A file as a repository's listing has it.

    Attributes:
        path: In the repository.
        size_bytes: Of its content; None where the listing has none.
        hash: As ``StoredFile.hash``; None where the listing has none.
    """

    path: str
    size_bytes: int | None
    hash: str | None


@dataclass(frozen=True, slots=True)
class RepositorySnapshot:
    """A repository at a commit.

    Attributes:
        repository: Its name today: it may have been renamed since it was asked for.
        commit: 40 lowercase hexadecimal digits.
        licence: The identifier its card gives, ``apache-2.0``; None without one.
        is_restricted: Whether it is private or gated: not for everybody.
        files: By path.
    """

    repository: str
    commit: str
    licence: str | None
    is_restricted: bool
    files: Mapping[str, RepositoryFile]
