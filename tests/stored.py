"""Checkpoints in memory, for tests: found at once, and arriving when a test says so."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from weightbank.dtypes import STORED_DTYPES
from weightbank.flight import Flight
from weightbank.making import Prepared
from weightbank.stored import Checkpoint, CheckpointName, StoredFile, StoredTensor

NAME = CheckpointName("owner/model")
COMMIT = "0123456789" * 4
_NOTHING: Prepared = np.empty(0, np.uint8)


def stored_file(
    path: str = "model.safetensors", *, repository: str = "owner/model", commit: str = COMMIT
) -> StoredFile:
    """Return the name of a file, with a hash of its own."""
    digest = hashlib.sha256(f"{repository}@{commit}/{path}".encode()).hexdigest()
    return StoredFile(repository, commit, path, f"sha256:{digest}")


def stored_tensor(
    name: str = "fc.weight",
    shape: tuple[int, ...] = (3, 4),
    dtype: str = "float32",
    *,
    file: StoredFile | None = None,
) -> StoredTensor:
    """Return the name of a tensor."""
    return StoredTensor(file or stored_file(), name, STORED_DTYPES[dtype], shape)


def content(tensor: torch.Tensor) -> bytes:
    """Return a tensor's data as safetensors has it."""
    data: bytes = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return data


class MemoryReader:
    """A ``TensorReader`` over bytes in memory.

    All has arrived and is verified at first; ``hold`` takes that back, ``arrive`` and
    ``verify`` bring it about, ``fail`` ends it.

    Attributes:
        reads: Name, offset and size of all reads so far.
        places: Flights joined and not left.
    """

    def __init__(self, contents: Mapping[StoredTensor, bytes]) -> None:
        self._contents = contents
        self._available = {tensor: len(data) for tensor, data in contents.items()}
        self._verified = {tensor.file for tensor in contents}
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self.reads: list[tuple[str, int, int]] = []
        self.places: list[Flight] = []

    def hold(self) -> None:
        """Have nothing arrived yet."""
        with self._changed:
            self._available = dict.fromkeys(self._contents, 0)
            self._verified = set()

    def arrive(self, name: str | None = None, stop: int | None = None) -> None:
        """Have the bytes before ``stop`` arrive, of one tensor or of all."""
        for tensor, data in self._contents.items():
            if name in (None, tensor.name):
                self._available[tensor] = len(data) if stop is None else stop
        self._tell()

    def verify(self) -> None:
        """Have all hashes found right, which all bytes have arrived for."""
        self.arrive()
        self._verified = {tensor.file for tensor in self._contents}
        self._tell()

    def fail(self, error: Exception) -> None:
        """Have nothing more arrive."""
        self._error = error
        self._tell()

    def read_into(self, tensor: StoredTensor, offset: int, buffer: memoryview) -> None:
        """See ``TensorReader.read_into``."""
        size_bytes = buffer.nbytes
        self.reads.append((tensor.name, offset, size_bytes))
        with self.arrival(tensor, offset, offset + size_bytes) as flight:
            flight.complete()
        assert 0 <= offset <= offset + size_bytes <= tensor.size_bytes
        buffer.cast("B")[:] = self._contents[tensor][offset : offset + size_bytes]

    def arrival(self, tensor: StoredTensor, start: int, stop: int) -> Flight:
        """See ``TensorReader.arrival``."""
        assert 0 <= start < stop <= tensor.size_bytes
        return self._join(lambda: self._available[tensor] >= stop)

    def verification(self, file: StoredFile) -> Flight:
        """See ``TensorReader.verification``."""
        return self._join(lambda: file in self._verified)

    def _join(self, is_there: Callable[[], bool]) -> Flight:
        def leave() -> None:
            self.places.remove(place)

        place = Flight(_Arrival(self, is_there), leave)
        self.places.append(place)
        return place

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()
        for place in self.places.copy():
            place.tell()


class _Arrival:
    """What a reader's flights are places in."""

    def __init__(self, reader: MemoryReader, is_there: Callable[[], bool]) -> None:
        self._reader = reader
        self._is_there = is_there

    @property
    def done(self) -> bool:
        return self._is_there() or self._reader._error is not None

    @property
    def failed(self) -> bool:
        return self._reader._error is not None and not self._is_there()

    @property
    def ready(self) -> bool:
        return False

    def step(self) -> bool:
        return False

    def wait(self, timeout_seconds: float | None = None) -> bool:
        with self._reader._changed:
            return self._reader._changed.wait_for(lambda: self.done, timeout_seconds)

    def complete(self) -> Prepared:
        assert self.wait(10), "nobody let it arrive"
        return self.result()

    def result(self) -> Prepared:
        if self.failed:
            assert self._reader._error is not None
            raise self._reader._error
        return _NOTHING


@dataclass(frozen=True)
class Memory:
    """A checkpoint in memory.

    Attributes:
        checkpoint: What its name leads to.
        reader: Of its tensors.
    """

    checkpoint: Checkpoint
    reader: MemoryReader

    @property
    def checkpoints(self) -> dict[CheckpointName, Checkpoint]:
        """What ``resolve`` is given."""
        return {self.checkpoint.name: self.checkpoint}

    def under(self, name: CheckpointName) -> "Memory":
        """Return it under another name."""
        return Memory(replace(self.checkpoint, name=name), self.reader)


def memory(
    tensors: Mapping[str, torch.Tensor],
    *,
    name: CheckpointName = NAME,
    files: Mapping[str, str] | None = None,
) -> Memory:
    """Return a checkpoint of some tensors.

    Args:
        tensors: By name.
        name: Of the checkpoint.
        files: Paths of the files that tensors are in, where it is not the usual one.
    """
    contents: dict[StoredTensor, bytes] = {}
    found: dict[str, StoredTensor] = {}
    for key, tensor in tensors.items():
        path = (files or {}).get(key, name.file or "model.safetensors")
        file = stored_file(path, repository=name.repository)
        dtype = str(tensor.dtype).removeprefix("torch.")
        found[key] = stored_tensor(key, tuple(tensor.shape), dtype, file=file)
        contents[found[key]] = content(tensor)
    return Memory(Checkpoint(name, COMMIT, found), MemoryReader(contents))


def loose(tensor: torch.Tensor, name: str = "fc.weight") -> tuple[StoredTensor, MemoryReader]:
    """Return one stored tensor, and what reads it."""
    found = memory({name: tensor})
    return found.checkpoint.tensors[name], found.reader
