"""Repositories as the Hub has them: commits, and the names that lead to them."""

import hashlib
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from tests.hub.content import FileContent

LFS_PATTERNS = ("*.safetensors", "*.bin", "*.pth")

Files = Mapping[str, bytes | Path | None]
"""Content by path; None deletes a file."""


class TrackedFile:
    """A file of a commit."""

    def __init__(self, path: str, content: FileContent, *, is_lfs: bool) -> None:
        self.path = path
        self.content = content
        self.is_lfs = is_lfs

    @cached_property
    def in_git(self) -> FileContent:
        """What git itself holds: the content, or a pointer to it."""
        if not self.is_lfs:
            return self.content
        return FileContent(
            b"version https://git-lfs.github.com/spec/v1\n"
            + f"oid sha256:{self.content.sha256}\nsize {self.content.size_bytes}\n".encode()
        )

    @property
    def etag(self) -> str:
        """What the Hub's ETag holds for it, without quotes."""
        return self.content.sha256 if self.is_lfs else self.content.git_sha1

    @property
    def xet_hash(self) -> str:
        """A name that Xet storage could give it; it is no hash of the content."""
        return hashlib.sha256(f"xet {self.content.sha256}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Commit:
    """A state of a repository.

    Attributes:
        id: 40 hexadecimal digits that follow from the content and what came before.
        message: Why.
        index: How many commits of its repository are older.
        files: By path, in order.
    """

    id: str
    message: str
    index: int
    files: Mapping[str, TrackedFile]

    @property
    def date(self) -> str:
        """When: a minute after the commit before."""
        date = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=self.index)
        return f"{date:%Y-%m-%dT%H:%M:%S}.000Z"


class FakeRepository:
    """A model repository. It may be changed while it is served.

    Attributes:
        name: ``owner/name``, or ``name`` alone; changed by ``HubServer.rename``.
        private: Whether it exists only for tokens that were granted it.
        gated: False, ``"auto"`` or ``"manual"``: files are for granted tokens only.
        licence: What its card gives; None for no card.
    """

    def __init__(
        self,
        name: str,
        *,
        private: bool = False,
        gated: bool | str = False,
        licence: str | None = "apache-2.0",
        lfs: Sequence[str] = LFS_PATTERNS,
    ) -> None:
        self.name = name
        self.private = private
        self.gated = "auto" if gated is True else gated
        self.licence = licence
        self._seed = name
        self._lfs = tuple(lfs)
        self._lock = threading.Lock()
        self._commits: dict[str, Commit] = {}
        self._references: dict[str, str] = {}

    @property
    def head(self) -> str:
        """The commit that ``main`` leads to."""
        return self._references["refs/heads/main"]

    @property
    def references(self) -> Mapping[str, str]:
        """Commits by full reference, such as ``refs/pr/1``."""
        return dict(self._references)

    def commit(self, files_changed: Files, *, message: str = "Update", branch: str = "main") -> str:
        """Make a commit on top of a branch, and move the branch to it.

        Args:
            files_changed: Content by path; None deletes a file.
            message: Why.
            branch: Its name; ``main`` need not exist yet.

        Returns:
            The commit's id.
        """
        return self._commit(f"refs/heads/{branch}", f"refs/heads/{branch}", files_changed, message)

    def pull_request(self, number: int, files_changed: Files, *, message: str = "Propose") -> str:
        """Make a commit on top of ``main``, known as ``refs/pr/NUMBER``; return its id."""
        return self._commit("refs/heads/main", f"refs/pr/{number}", files_changed, message)

    def branch(self, name: str, commit: str | None = None) -> None:
        """Name a commit by a branch; it is that of ``main`` if nothing else is said."""
        self._refer(f"refs/heads/{name}", commit)

    def tag(self, name: str, commit: str | None = None) -> None:
        """Name a commit by a tag; it is that of ``main`` if nothing else is said."""
        self._refer(f"refs/tags/{name}", commit)

    def find(self, revision: str) -> Commit | None:
        """Return the commit that a branch, a tag, a full reference or an id leads to."""
        if re.fullmatch("[0-9a-f]{40}", revision):
            return self._commits.get(revision)
        for candidate in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            if candidate in self._references:
                return self._commits[self._references[candidate]]
        return None

    def file(self, path: str, revision: str = "main") -> TrackedFile:
        """Return a file that is there: its hashes are what tests compare with."""
        commit = self.find(revision)
        assert commit is not None, f"{self.name} has no revision {revision}"
        return commit.files[path]

    def _commit(self, base: str, reference: str, changed: Files, message: str) -> str:
        with self._lock:
            parent = self._references.get(base)
            files = dict(self._commits[parent].files) if parent else {}
            for path, source in changed.items():
                files.pop(path, None)
                if source is not None:
                    files[path] = self._track(path, FileContent(source))
            made = self._make(parent, files, message)
            self._commits[made.id] = made
            self._references[reference] = made.id
            return made.id

    def _make(self, parent: str | None, files: dict[str, TrackedFile], message: str) -> Commit:
        ordered = {path: files[path] for path in sorted(files)}
        tree = "".join(f"{path} {file.in_git.git_sha1}\n" for path, file in ordered.items())
        index = len(self._commits)
        text = f"{self._seed}\n{parent}\n{index}\n{message}\n{tree}".encode()
        commit_id = hashlib.sha1(text, usedforsecurity=False).hexdigest()
        return Commit(commit_id, message, index, MappingProxyType(ordered))

    def _track(self, path: str, content: FileContent) -> TrackedFile:
        is_lfs = any(fnmatch(path, pattern) for pattern in self._lfs)
        return TrackedFile(path, content, is_lfs=is_lfs)

    def _refer(self, reference: str, commit: str | None) -> None:
        with self._lock:
            target = self.head if commit is None else commit
            assert target in self._commits, f"{self.name} has no commit {target}"
            self._references[reference] = target
