"""What the Hub says of repositories in JSON: models, trees and references."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from tests.hub.repository import Commit, FakeRepository, TrackedFile

Entry = dict[str, Any]


def describe_model(repository: FakeRepository, commit: Commit, *, with_blobs: bool) -> Entry:
    """Return what ``/api/models/REPOSITORY`` says, with sizes and hashes if asked."""
    name = repository.name
    licence = repository.licence
    card = {} if licence is None else {"cardData": {"license": licence}}
    return {
        "_id": hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:24],
        "id": name,
        "modelId": name,
        "author": name.partition("/")[0] if "/" in name else "",
        "sha": commit.id,
        "lastModified": commit.date,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "private": repository.private,
        "gated": repository.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": ["region:us"] if licence is None else [f"license:{licence}", "region:us"],
        "spaces": [],
        "usedStorage": sum(file.content.size_bytes for file in commit.files.values()),
        "siblings": [
            _describe_sibling(file, with_blobs=with_blobs) for file in commit.files.values()
        ],
        **card,
    }


def _describe_sibling(file: TrackedFile, *, with_blobs: bool) -> Entry:
    if not with_blobs:
        return {"rfilename": file.path}
    entry = {
        "rfilename": file.path,
        "size": file.content.size_bytes,
        "blobId": file.in_git.git_sha1,
    }
    if file.is_lfs:
        entry["lfs"] = {
            "sha256": file.content.sha256,
            "size": file.content.size_bytes,
            "pointerSize": file.in_git.size_bytes,
        }
    return entry


def describe_file(file: TrackedFile, *, with_xet: bool) -> Entry:
    """Return a file's entry in a tree."""
    entry = {
        "type": "file",
        "oid": file.in_git.git_sha1,
        "size": file.content.size_bytes,
        "path": file.path,
    }
    if file.is_lfs:
        entry["lfs"] = {
            "oid": file.content.sha256,
            "size": file.content.size_bytes,
            "pointerSize": file.in_git.size_bytes,
        }
        if with_xet:
            entry["xetHash"] = file.xet_hash
    return entry


def list_tree(
    files: Mapping[str, TrackedFile], folder: str, *, is_recursive: bool, with_xet: bool
) -> list[Entry]:
    """Return what is in a folder, in order; folders too.

    Args:
        files: Of a commit, by path.
        folder: Its path; empty for all.
        is_recursive: Whether what is in folders within is listed too.
        with_xet: Whether to give Xet's hashes.
    """
    prefix = f"{folder}/" if folder else ""
    entries: dict[str, Entry] = {}
    for path, file in files.items():
        if not path.startswith(prefix):
            continue
        for within in _folders(path, prefix):
            entries.setdefault(within, _describe_folder(within))
        if is_recursive or "/" not in path.removeprefix(prefix):
            entries[path] = describe_file(file, with_xet=with_xet)
    if not is_recursive:
        kept = [path for path in entries if "/" not in path.removeprefix(prefix)]
        entries = {path: entries[path] for path in kept}
    return list(entries.values())


def list_paths(
    files: Mapping[str, TrackedFile], paths: Iterable[str], *, with_xet: bool
) -> list[Entry]:
    """Return the entries of those paths that are there."""
    tree = list_tree(files, "", is_recursive=True, with_xet=with_xet)
    known = {entry["path"]: entry for entry in tree}
    return [known[path] for path in paths if path in known]


def list_references(repository: FakeRepository, *, with_pull_requests: bool) -> Entry:
    """Return branches, tags and, if asked, pull requests."""
    answer: Entry = {
        "branches": _list_references(repository, "refs/heads/", left_out="refs/heads/"),
        "converts": [],
        "tags": _list_references(repository, "refs/tags/", left_out="refs/tags/"),
    }
    if with_pull_requests:
        answer["pullRequests"] = _list_references(repository, "refs/pr/", left_out="refs/")
    return answer


def _list_references(repository: FakeRepository, prefix: str, *, left_out: str) -> list[Entry]:
    return [
        {"name": reference.removeprefix(left_out), "ref": reference, "targetCommit": commit}
        for reference, commit in repository.references.items()
        if reference.startswith(prefix)
    ]


def _folders(path: str, prefix: str) -> list[str]:
    names = path.removeprefix(prefix).split("/")[:-1]
    return [prefix + "/".join(names[: count + 1]) for count in range(len(names))]


def _describe_folder(path: str) -> Entry:
    oid = hashlib.sha1(f"tree {path}".encode(), usedforsecurity=False).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": path}
