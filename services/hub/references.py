"""Names that callers give to what is on the Hub: repositories, revisions, files.

They become parts of URLs and keys of what is remembered, so each is held to the Hub's
own rules before anybody is asked.
"""

import re

from services.hub.errors import (
    InvalidFileError,
    InvalidRepositoryError,
    InvalidRevisionError,
)

REPOSITORY_CHARACTERS = 96
REVISION_CHARACTERS = 256
FILE_CHARACTERS = 1024

_REPOSITORY = re.compile(r"(?:[A-Za-z0-9._-]+/)?[A-Za-z0-9._-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
# What git allows in no reference, and what would read otherwise in a URL.
_NOT_IN_REVISIONS = re.compile(r"\.\.|//|/\.|@\{|[\s\\%~^:?*\[]")

_ACCEPTED_REPOSITORY = (
    f"owner/name or name, of A-Z a-z 0-9 . _ -, at most {REPOSITORY_CHARACTERS} characters, "
    "each part beginning and ending with a letter, a digit or _, without -- or .. or a final .git"
)
_ACCEPTED_REVISION = (
    f"a branch, a tag, refs/pr/NUMBER or a commit, at most {REVISION_CHARACTERS} characters"
)
_ACCEPTED_FILE = (
    f"a path within the repository such as model.safetensors, with / between its parts, "
    f"at most {FILE_CHARACTERS} characters"
)


def parse_repository(text: str) -> str:
    """Return a repository's name if one can have it.

    Args:
        text: ``owner/name``, or ``name`` alone as the Hub's oldest repositories have it.

    Raises:
        InvalidRepositoryError: If the Hub would take no such name.

    Examples:
        >>> parse_repository("timm/resnet50.a1_in1k")
        'timm/resnet50.a1_in1k'
        >>> parse_repository("timm/../secrets")
        Traceback (most recent call last):
        services.hub.errors.InvalidRepositoryError: repository 'timm/../secrets' \
cannot be the name of a repository; accepted: owner/name or name, of A-Z a-z 0-9 . _ -, \
at most 96 characters, each part beginning and ending with a letter, a digit or _, \
without -- or .. or a final .git
    """
    parts = text.split("/")
    if (
        len(text) > REPOSITORY_CHARACTERS
        or not _REPOSITORY.fullmatch(text)
        or any(part[0] in "-." or part[-1] in "-." for part in parts)
        or "--" in text
        or ".." in text
        or text.endswith(".git")
    ):
        raise InvalidRepositoryError(
            "repository", text, "cannot be the name of a repository", _ACCEPTED_REPOSITORY
        )
    return text


def parse_revision(text: str) -> str:
    """Return a revision's name if one can have it.

    Raises:
        InvalidRevisionError: If git would take no such name, or a URL would not keep it.

    Examples:
        >>> parse_revision("refs/pr/4")
        'refs/pr/4'
        >>> parse_revision("main/../../api")
        Traceback (most recent call last):
        services.hub.errors.InvalidRevisionError: revision 'main/../../api' cannot be the \
name of a revision; accepted: a branch, a tag, refs/pr/NUMBER or a commit, at most 256 characters
    """
    if (
        not 0 < len(text) <= REVISION_CHARACTERS
        or not text.isprintable()
        or _NOT_IN_REVISIONS.search(text)
        or text[0] in "/.-"
        or text[-1] in "/."
        or text.endswith(".lock")
    ):
        raise InvalidRevisionError(
            "revision", text, "cannot be the name of a revision", _ACCEPTED_REVISION
        )
    return text


def is_commit(revision: str) -> bool:
    """Whether a revision is a commit, which can never come to mean another one.

    Examples:
        >>> is_commit("main"), is_commit("0" * 40)
        (False, True)
    """
    return _COMMIT.fullmatch(revision) is not None


def parse_file(text: str) -> str:
    """Return the path of a file in a repository if one can have it.

    Raises:
        InvalidFileError: If it leads out of the repository, or is no path.

    Examples:
        >>> parse_file("unet/model.safetensors")
        'unet/model.safetensors'
        >>> parse_file("../model.safetensors")
        Traceback (most recent call last):
        services.hub.errors.InvalidFileError: file '../model.safetensors' cannot be the path \
of a file in a repository; accepted: a path within the repository such as model.safetensors, \
with / between its parts, at most 1024 characters
    """
    if (
        len(text) > FILE_CHARACTERS
        or not text.isprintable()
        or "\\" in text
        or any(part in {"", ".", ".."} for part in text.split("/"))
    ):
        raise InvalidFileError(
            "file", text, "cannot be the path of a file in a repository", _ACCEPTED_FILE
        )
    return text
