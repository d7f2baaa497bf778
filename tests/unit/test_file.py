"""Files: any bytes alone, from any thread, and nothing beyond the end."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.specs import file_of, linear, parameter, whole
from weightbank import CpuBackend, Layout, PreparedTensors, ReferenceBackend, Spec, WeightsFile
from weightbank import resolve as resolve_spec
from weightbank.errors import (
    InvalidRangeError,
    InvalidSeedError,
    UnknownTensorError,
    WeightbankError,
)

CPU = CpuBackend()
LAYERS = [
    linear("fc", 70, 30),
    {"name": "bn", "type": "BatchNorm1d", "num_features": 7},
    parameter([64, 64], "orthogonal", "o"),
    parameter([70, 60], {"type": "sparse", "sparsity": 0.3}, "s"),
    parameter([8, 6, 3, 3], "delta_orthogonal", "d"),
    parameter([40, 1300], {"type": "kaiming_normal", "split": {"axis": 1, "sizes": [700, 600]}},
              "f", dtype="bfloat16"),
]  # fmt: skip


def test_threads_give_the_bytes_of_one() -> None:
    """Ranges that several threads read at once, of a file no one has read, are its bytes."""
    expected = whole(file_of(*LAYERS, seed=3, backend=CPU))
    file = file_of(*LAYERS, seed=3, backend=CPU)
    size, barrier = 1013, threading.Barrier(8)

    def read(thread: int) -> dict[int, bytes]:
        barrier.wait(60)
        starts = list(range(0, file.size_bytes, size))
        starts = starts[thread * 37 % len(starts) :] + starts[: thread * 37 % len(starts)]
        return {at: bytes(file.read(at, min(at + size, file.size_bytes))) for at in starts}

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(read, range(8)))
    for answer in answers:
        assert b"".join(answer[at] for at in sorted(answer)) == expected


@given(offset=st.integers(0, 7), start=st.integers(0, 20_000), length=st.integers(0, 5000))
def test_buffers_need_not_be_aligned(offset: int, start: int, length: int) -> None:
    """A range can be written to any place of a buffer, and to nothing beside it."""
    file = FILE
    buffer = bytearray(b"\xaa" * (offset + length + 8))
    file.read_into(start, memoryview(buffer)[offset : offset + length])
    assert buffer[offset : offset + length] == EXPECTED[start : start + length]
    assert buffer[:offset] == b"\xaa" * offset
    assert buffer[offset + length :] == b"\xaa" * 8


FILE = file_of(*LAYERS, backend=CPU)
EXPECTED = whole(FILE)


@pytest.mark.parametrize("chunk_bytes", [1000, 2**16, 2**22])
def test_chunks_are_the_file(chunk_bytes: int) -> None:
    """Chunks come in order, all but the last of the size asked for."""
    chunks = list(FILE.chunks(chunk_bytes=chunk_bytes))
    assert b"".join(chunks) == EXPECTED
    assert all(len(chunk) == chunk_bytes for chunk in chunks[:-1])


def test_unaligned_ranges_beyond_the_scratch() -> None:
    """A range that begins within an element is right over many scratches."""
    file = file_of(parameter([600_000], "normal"), backend=CPU)
    expected = whole(file)
    start = len(file.header) + 3
    buffer = bytearray(2_300_001)
    file.read_into(start, buffer)
    assert buffer == expected[start : start + len(buffer)]


@pytest.mark.parametrize(
    ("start", "stop"), [(-1, 4), (0, 10**9), (5, 4), (10**9, 10**9 + 1), (10**9, 10**9)]
)
def test_ranges_beyond_the_end(start: int, stop: int) -> None:
    """What is not within the file is refused, with the file's size."""
    with pytest.raises(InvalidRangeError, match=f"accepted: offsets in .0, {FILE.size_bytes}."):
        FILE.read(start, stop)


@pytest.mark.parametrize("at", [0, 100, -1])
def test_empty_ranges(at: int) -> None:
    """No bytes are asked for, and none come."""
    offset = at % (FILE.size_bytes + 1)
    assert FILE.read(offset, offset) == b""


def test_elements_are_those_of_the_file() -> None:
    """Elements of a tensor are its bytes, in the storage of its dtype."""
    data = dict(zip((item.name for item in FILE.layout.tensors), FILE.layout.starts, strict=True))
    start = data["fc.weight"]
    values = FILE.elements("fc.weight", 0, 2100)
    assert values.tobytes() == EXPECTED[start : start + 8400]
    assert FILE.elements("f", 5, 9).dtype == np.uint16


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (0, 2101), (3, 2)])
def test_elements_beyond_a_tensor(start: int, stop: int) -> None:
    """Elements that a tensor has not are refused, with how many it has."""
    with pytest.raises(InvalidRangeError, match=r"fc\.weight .* accepted: 0 to 2100"):
        FILE.elements("fc.weight", start, stop)


def test_a_tensor_that_is_not_there() -> None:
    """An unknown name is refused."""
    with pytest.raises(UnknownTensorError, match="tensor 'nothing' is not in this file"):
        FILE.elements("nothing", 0, 1)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "7", True, None])
def test_refused_seeds(seed: Any) -> None:
    """A file has a seed, and not something like one."""
    with pytest.raises(InvalidSeedError, match=r"accepted: an integer in \[0, 2\*\*64\)"):
        WeightsFile(FILE.layout, seed=seed, backend=CPU)


class Counting(ReferenceBackend):
    """A backend that counts the matrices it makes."""

    def __init__(self) -> None:
        self.matrices = 0

    def begin_orthogonal(self, *arguments: Any) -> Any:
        """See ``Backend.begin_orthogonal``."""
        self.matrices += 1
        return super().begin_orthogonal(*arguments)


def test_files_share_what_is_made_whole() -> None:
    """Two files of one spec and seed make an orthogonal matrix once, in any dtype."""
    backend, prepared = Counting(), PreparedTensors()
    spec = Spec.from_document({"layers": [parameter([9, 9], "orthogonal")]})
    resolved = resolve_spec(spec).resolved
    for dtype in ("float32", "bfloat16"):
        layout = Layout.of(resolved.with_dtype(dtype))
        file = WeightsFile(layout, seed=1, backend=backend, prepared=prepared)
        for _ in range(2):
            whole(file)
    assert backend.matrices == 1


def test_the_last_bytes_of_a_giant_file_are_made_alone() -> None:
    """The end of a file of 4 TiB is the end of its last tensor."""
    rows = 2**30
    table = {"name": "e", "type": "Embedding", "num_embeddings": rows, "embedding_dim": 1024}
    file = file_of(table, backend=CPU)
    assert file.size_bytes > 2**42
    end = file.read(file.size_bytes - 1024, file.size_bytes)
    values = file_of(table).elements("e.weight", rows * 1024 - 256, rows * 1024)
    assert bytes(end) == values.tobytes()


def test_weights_is_the_short_way() -> None:
    """The one function gives the file of a spec, a seed and a dtype."""
    import weightbank

    document = {"layers": [linear()]}
    expected = whole(file_of(linear(), dtype="float16", seed=9))
    assert whole(weightbank.weights(document, seed=9, dtype="float16")) == expected


def test_weights_asks_for_a_dtype_that_there_is() -> None:
    """An unknown dtype is refused with those there are."""
    import weightbank

    with pytest.raises(WeightbankError, match=r"dtype 'float8' .* accepted: float64, float32"):
        weightbank.weights({"layers": [linear()]}, seed=0, dtype="float8")
