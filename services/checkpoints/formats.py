"""Which files of a repository are a checkpoint, and in what format."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from services.hub.errors import InvalidFileError, UnknownFileError
from services.hub.located import RepositorySnapshot
from weightbank.errors import NO_VALUE

Kind = Literal["safetensors", "sharded", "pickle", "document"]
"""One file of tensors; several with an index; a pickle of tensors; a JSON document."""

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
CONFIG = "config.json"
_PICKLED = "pytorch_model.bin"
_PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".ckpt"})
_TENSOR_SUFFIXES = _PICKLE_SUFFIXES | {".safetensors"}
_ACCEPTED = "a file that ends in .safetensors or .json, or a pickled checkpoint (.bin, .pt, .pth)"
_SHOWN_FILES = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """What a repository's checkpoint consists of.

    Attributes:
        kind: Its format.
        path: Of its file, or of the index of its files.
    """

    kind: Kind
    path: str


def kind_of(path: str) -> Kind:
    """Return the format of a file by its name.

    Raises:
        InvalidFileError: If it is none that is served.

    Examples:
        >>> kind_of("model.safetensors"), kind_of("pytorch_model.bin"), kind_of("config.json")
        ('safetensors', 'pickle', 'document')
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".safetensors":
        return "safetensors"
    if suffix == ".json":
        return "document"
    if is_pickle(path):
        return "pickle"
    raise InvalidFileError("file", path, "is not of a format that is served", _ACCEPTED)


def is_pickle(path: str) -> bool:
    """Return whether a file has to be converted, by its name; it may be of no known format."""
    return PurePosixPath(path).suffix.lower() in _PICKLE_SUFFIXES


def choose(snapshot: RepositorySnapshot, file: str | None) -> Choice:
    """Return what is meant by a repository, or by a file in it.

    Without a file it is ``model.safetensors``, or what its index lists, or the one
    other safetensors file that there is, or ``pytorch_model.bin``.

    Args:
        snapshot: What the repository has.
        file: The path that was asked for, if one was.

    Raises:
        InvalidFileError: If the file is not of a format that is served.
        UnknownFileError: If there is none, or nothing says which one is meant.
    """
    if file is not None:
        return Choice(kind_of(file), file)
    files = snapshot.files
    if SINGLE in files:
        return Choice("safetensors", SINGLE)
    if INDEX in files:
        return Choice("sharded", INDEX)
    others = [path for path in files if path.endswith(".safetensors") and "/" not in path]
    if len(others) == 1:
        return Choice("safetensors", others[0])
    if not others and _PICKLED in files:
        return Choice("pickle", _PICKLED)
    raise UnknownFileError(
        f"{snapshot.repository}: file",
        NO_VALUE,
        "has to be named: there is neither model.safetensors nor its index",
        _shown(files),
    )


def documents_of(snapshot: RepositorySnapshot, choice: Choice) -> list[str]:
    """Return the paths of what is read of a checkpoint besides its files of tensors.

    Args:
        snapshot: What its repository has.
        choice: What it consists of.
    """
    if choice.kind == "document":
        return []
    index = [choice.path] if choice.kind == "sharded" else []
    return [*index, *(path for path in (CONFIG,) if path in snapshot.files)]


def _shown(files: Mapping[str, object]) -> str:
    known = [path for path in sorted(files) if PurePosixPath(path).suffix in _TENSOR_SUFFIXES]
    more = "" if len(known) <= _SHOWN_FILES else f", and {len(known) - _SHOWN_FILES} more"
    shown = ", ".join(known[:_SHOWN_FILES])
    return f"?file= with one of {shown}{more}" if known else "a repository that has a checkpoint"
