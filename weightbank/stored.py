"""Tensors whose bytes are not made but stored: in a file of a checkpoint, pinned by hash.

The library reads no files. It names a stored tensor by all that its bytes depend on,
and reads it through a ``TensorReader``, which a service implements.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Protocol

from weightbank.dtypes import Dtype
from weightbank.flight import Flight


@dataclass(frozen=True, slots=True)
class CheckpointName:
    """What a spec says of a checkpoint: a moving name.

    Attributes:
        repository: ``owner/name``, or ``name`` alone.
        revision: A branch, a tag or a commit.
        file: Its path in the repository; None for what the repository has: the file
            ``model.safetensors``, or the files that its index lists.
    """

    repository: str
    revision: str = "main"
    file: str | None = None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a checkpoint that can never be another one.

    Attributes:
        repository: ``owner/name``, or ``name`` alone.
        commit: 40 lowercase hexadecimal digits.
        path: In the repository.
        hash: ``sha256:`` with 64 hexadecimal digits, or ``git-sha1:`` with 40.
    """

    repository: str
    commit: str
    path: str
    hash: str


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of such a file.

    Attributes:
        file: Where it is.
        name: That it has there.
        dtype: Of its elements there.
        shape: In torch's order of axes.
    """

    file: StoredFile
    name: str
    dtype: Dtype
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Number of its elements."""
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Size of its data."""
        return self.elements * self.dtype.item_bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint's name led to.

    Attributes:
        name: As it was asked for.
        commit: What its revision resolved to.
        tensors: All of them by name, whatever number of files they are in.
    """

    name: CheckpointName
    commit: str
    tensors: Mapping[str, StoredTensor]


Checkpoints = Mapping[CheckpointName, Checkpoint]
"""The checkpoints that a spec names, found before it is resolved."""


class TensorReader(Protocol):
    """Reads stored tensors. Every method may be called from several threads at once."""

    def read_into(self, tensor: StoredTensor, offset: int, buffer: memoryview) -> None:
        """Write bytes ``offset`` to ``offset + len(buffer)`` of a tensor's data.

        It waits for what has not arrived yet.

        Raises:
            WeightbankError: If it cannot arrive.
        """

    def arrival(self, tensor: StoredTensor, start: int, stop: int) -> Flight:
        """Join the arrival of bytes ``start`` to ``stop`` of a tensor's data.

        Returns:
            A place in it, to be left by the caller. It is never ready for a step:
            nobody can help. Once it is done, ``read_into`` waits for nothing, or the
            flight's ``result`` raises what ``read_into`` would.
        """

    def verification(self, file: StoredFile) -> Flight:
        """Join the arrival of a whole file, until its hash has been found right."""
