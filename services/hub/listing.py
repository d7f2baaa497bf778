"""What the Hub lists of a repository, read strictly."""

import re
from collections.abc import Iterable

from huggingface_hub import ModelInfo
from huggingface_hub.hf_api import RepoFile, RepoFolder, RepoSibling

from services.hub.errors import InvalidFileError, InvalidRepositoryError
from services.hub.located import RepositoryFile, RepositorySnapshot
from services.hub.references import is_commit, parse_file, parse_repository

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_LICENCE_TAG = "license:"
_LICENCE_CHARACTERS = 1000


def read_snapshot(info: ModelInfo) -> RepositorySnapshot:
    """Return what the Hub says of a repository at a commit.

    Raises:
        ValueError: If it does not say what it has to.
    """
    if not isinstance(info.sha, str) or not is_commit(info.sha):
        raise ValueError("no commit")
    return RepositorySnapshot(
        repository=read_name(info),
        commit=info.sha,
        licence=_licence(info),
        is_restricted=is_restricted(info),
        files={file.path: file for file in _read_siblings(info.siblings or ())},
    )


def read_name(info: ModelInfo) -> str:
    """Return a repository's name of today.

    Raises:
        ValueError: If it can be no name.
    """
    try:
        return parse_repository(info.id)
    except InvalidRepositoryError:
        raise ValueError("no name") from None  # the Hub's mistake, not the caller's


def is_restricted(info: ModelInfo) -> bool:
    """Whether a repository is not for everybody; it is if nothing is said of it."""
    return not (info.private is False and info.gated is False)


def read_file(entries: Iterable[RepoFile | RepoFolder], path: str) -> RepositoryFile | None:
    """Return the entry of a path, if it is among them."""
    for entry in entries:
        if isinstance(entry, RepoFile) and entry.path == path:
            sha256 = entry.lfs.sha256 if entry.lfs else None
            return RepositoryFile(path, entry.size, _hash(sha256, entry.blob_id))
    return None


def hash_of_etag(etag: str | None) -> str | None:
    """Return the hash that an ETag of the Hub is; None for an ETag that is none.

    Examples:
        >>> hash_of_etag("a" * 40) == "git-sha1:" + "a" * 40
        True
        >>> hash_of_etag("opaque")
    """
    if etag is None:
        return None
    return _hash(etag, None) or _hash(None, etag)


def _read_siblings(siblings: Iterable[RepoSibling]) -> Iterable[RepositoryFile]:
    for sibling in siblings:
        try:
            path = parse_file(sibling.rfilename)
        except InvalidFileError:
            continue  # nobody can ask for it
        lfs = sibling.lfs
        size_bytes = sibling.size if lfs is None else lfs.size
        sha256 = None if lfs is None else lfs.sha256
        # A file in LFS has two hashes, and git's is of a text that points to it.
        sha1 = sibling.blob_id if lfs is None else None
        yield RepositoryFile(path, _size(size_bytes), _hash(sha256, sha1))


def _size(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _hash(sha256: str | None, sha1: str | None) -> str | None:
    if sha256 is not None:
        return f"sha256:{sha256}" if _SHA256.fullmatch(sha256) else None
    return f"git-sha1:{sha1}" if sha1 is not None and _SHA1.fullmatch(sha1) else None


def _licence(info: ModelInfo) -> str | None:
    """Return the identifier that the card gives, or several with commas between."""
    card = info.card_data
    value = card.get("license") if card is not None else None
    if not value:
        tags = [tag for tag in info.tags or () if tag.startswith(_LICENCE_TAG)]
        value = [tag.removeprefix(_LICENCE_TAG) for tag in tags]
    names = value if isinstance(value, list) else [value]
    text = ",".join(str(name).strip().lower() for name in names if name)
    if len(text) > _LICENCE_CHARACTERS:
        raise ValueError("no licence")
    return text or None
