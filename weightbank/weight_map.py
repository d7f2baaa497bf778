"""The index of a checkpoint in several files: which tensor is in which of them.

It is as little to be believed as a header: its names of files would be opened.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weightbank.errors import InvalidCheckpointError
from weightbank.limits import Limits
from weightbank.stored_header import StoredHeader, check_stored_name
from weightbank.strict_json import parse_object

_INDEX = "index"
_MOST_FILES = 2_000
_FILE_CHARACTERS = 255
# Neither hidden, nor a path, nor a way out of the directory.
_FILE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.))*\.safetensors")
# Of what stands beside the map, and what each tensor of it takes.
_OTHER_VALUES = 10_000


@dataclass(frozen=True, slots=True)
class WeightMap:
    """An index, ``model.safetensors.index.json``, as far as it can be believed alone.

    The total size beside the map is not read: it is often wrong where files were
    converted, as tensors that share their data were counted twice.

    Attributes:
        file_of: The name of the file that each tensor is in, by the tensor's name.
        files: Names of all files, sorted.
    """

    file_of: Mapping[str, str]
    files: tuple[str, ...]

    def check(self, headers: Mapping[str, StoredHeader]) -> None:
        """Refuse files that do not have what the index says.

        A tensor that the index leaves out may be in one of them.

        Args:
            headers: Of all files, by name or by path.

        Raises:
            InvalidCheckpointError: If a tensor is not in its file, or also in another.
        """
        by_name = {posixpath.basename(path): header for path, header in headers.items()}
        assert set(by_name) == set(self.files), "the headers are those of the files"
        for name, file in self.file_of.items():
            if name not in by_name[file].tensors:
                problem = "is not in this file, and the index says that it is"
                raise InvalidCheckpointError(file, name, problem)
        owners = dict(self.file_of)
        for file in self.files:
            for name in by_name[file].tensors:
                owner = owners.setdefault(name, file)
                if owner != file:
                    raise InvalidCheckpointError(file, name, f"is in {owner} as well")


def parse_weight_map(text: bytes, *, limits: Limits | None = None) -> WeightMap:
    """Read an index.

    Args:
        text: The whole file, bounded by whoever read it.
        limits: Bounds on tensors and on their names; the defaults if left out.

    Raises:
        InvalidCheckpointError: If anything about it cannot be believed.

    Examples:
        >>> index = parse_weight_map(b'''{"metadata": {"total_size": 8},
        ...     "weight_map": {"a": "model-00001-of-00001.safetensors"}}''')
        >>> index.files
        ('model-00001-of-00001.safetensors',)
        >>> parse_weight_map(b'{"weight_map": {"a": "../../etc/passwd"}}')
        Traceback (most recent call last):
        weightbank.errors.InvalidCheckpointError: a '../../etc/passwd' is no file beside the \
index; accepted: a plain name that ends in .safetensors
    """
    limits = limits or Limits()
    document = parse_object(text, argument=_INDEX, most_values=_OTHER_VALUES + limits.tensors)
    file_of = document.get("weight_map")
    if not isinstance(file_of, dict) or not file_of:
        accepted = "a mapping of one tensor or more to the names of their files"
        raise InvalidCheckpointError("weight_map", file_of, "maps nothing", accepted)
    if len(file_of) > limits.tensors:
        accepted = f"{limits.tensors} or fewer"
        raise InvalidCheckpointError("weight_map", len(file_of), "tensors are too many", accepted)
    for name, file in file_of.items():
        check_stored_name(name, argument=_INDEX, limits=limits)
        _check_file(name, file)
    files = tuple(sorted(set(file_of.values())))
    if len(files) > _MOST_FILES:
        accepted = f"{_MOST_FILES} or fewer"
        raise InvalidCheckpointError("weight_map", len(files), "files are too many", accepted)
    return WeightMap(file_of, files)


def _check_file(name: str, file: Any) -> None:
    """Refuse what is not the plain name of a file of tensors."""
    is_file = isinstance(file, str) and len(file) <= _FILE_CHARACTERS and _FILE.fullmatch(file)
    if not is_file:
        accepted = "a plain name that ends in .safetensors"
        raise InvalidCheckpointError(name, file, "is no file beside the index", accepted)
