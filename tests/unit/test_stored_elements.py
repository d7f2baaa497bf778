"""Elements of stored tensors in any range, without ever making one whole."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.stored import MemoryReader, content, loose, stored_tensor
from weightbank.adaptations import Selection
from weightbank.dtypes import BFLOAT16, FLOAT32, STORED_DTYPES
from weightbank.stored import StoredTensor
from weightbank.stored_elements import fill_selected, fill_stored, selected_range

SHAPE = (6, 10, 7)
RANGES = st.tuples(st.integers(0, 420), st.integers(0, 420)).map(sorted)


def numbers(shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    """Return a tensor of random normals."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def filled(stored: StoredTensor, reader: MemoryReader, start: int, stop: int) -> bytes:
    """Return some elements as bfloat16."""
    out = np.empty(stop - start, BFLOAT16.storage)
    fill_stored(stored, BFLOAT16, start, out, reader=reader)
    return out.tobytes()


@given(ends=RANGES)
def test_any_range_is_converted(ends: list[int]) -> None:
    """A range of a stored tensor is that range of the converted one."""
    values = numbers()
    stored, reader = loose(values)
    expected = content(values.to(torch.bfloat16))
    start, stop = ends
    assert filled(stored, reader, start, stop) == expected[2 * start : 2 * stop]


@pytest.mark.parametrize("name", STORED_DTYPES)
def test_equal_dtypes_are_read_to_where_they_belong(name: str) -> None:
    """In one piece, without a copy between."""
    dtype = STORED_DTYPES[name]
    data = np.random.default_rng(0).integers(0, 256, 64 * dtype.item_bytes, dtype=np.uint8)
    stored = stored_tensor("t", (64,), name)
    reader = MemoryReader({stored: data.tobytes()})
    out = np.empty(50, dtype.storage)
    fill_stored(stored, dtype, 10, out, reader=reader)
    assert out.tobytes() == data[10 * dtype.item_bytes : 60 * dtype.item_bytes].tobytes()
    assert reader.reads == [("t", 10 * dtype.item_bytes, 50 * dtype.item_bytes)]


def test_conversion_takes_little_memory() -> None:
    """However long the range is."""
    stored, reader = loose(torch.zeros(2**22))
    out = np.ones(2**22, BFLOAT16.storage)
    tracemalloc.start()
    fill_stored(stored, BFLOAT16, 0, out, reader=reader)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not out.any()
    assert peak < 2**22


SELECTIONS = {
    "uniform": Selection((3, 4, 5), "uniform"),
    "first": Selection((3, 4, 5), "first"),
    "whole rows": Selection((2, 10, 7), "uniform"),
    "parts": Selection((4, 10, 2), "uniform", 2),
    "one": Selection((1, 1, 1), "uniform"),
    "of equal shape": Selection(SHAPE, "first"),
}


def chosen(values: torch.Tensor, selection: Selection) -> Any:
    """Return what is chosen, by NumPy's own indexing."""
    indices = (selection.indices(axis, size) for axis, size in enumerate(values.shape))
    return values.numpy()[np.ix_(*indices)]


@pytest.mark.parametrize("name", SELECTIONS)
@given(ends=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_chosen_elements_are_found(name: str, ends: tuple[float, float]) -> None:
    """Any range of what is chosen, and all that is read for it lies in the range told."""
    values, selection = numbers(), SELECTIONS[name]
    stored, reader = loose(values)
    expected = chosen(values, selection).reshape(-1)
    start, stop = sorted(int(end * expected.size) for end in ends)
    out = np.empty(stop - start, np.float32)
    fill_selected(stored, selection, FLOAT32, start, out, reader=reader)
    assert out.tobytes() == expected[start:stop].tobytes()
    if start < stop:
        first, last = selected_range(stored, selection, start, stop)
        assert min(offset for _, offset, _ in reader.reads) == 4 * first
        assert max(offset + size for _, offset, size in reader.reads) == 4 * last


def test_chosen_elements_are_converted() -> None:
    """After they are chosen."""
    values, selection = numbers(), SELECTIONS["uniform"]
    stored, reader = loose(values)
    out = np.empty(60, BFLOAT16.storage)
    fill_selected(stored, selection, BFLOAT16, 0, out, reader=reader)
    expected = torch.from_numpy(chosen(values, selection)).to(torch.bfloat16)
    assert out.tobytes() == content(expected)


def test_integers_can_be_chosen_from() -> None:
    """What is only copied need not be floating."""
    values = torch.arange(24, dtype=torch.int32).reshape(4, 6)
    stored, reader = loose(values)
    out = np.empty(6, "<i4")
    fill_selected(stored, Selection((2, 3), "uniform"), stored.dtype, 0, out, reader=reader)
    assert out.tolist() == [0, 2, 4, 12, 14, 16]


def test_neighbours_are_read_together() -> None:
    """Rows that are near in one piece; what is far apart by itself."""
    stored, reader = loose(torch.zeros(8, 512, 16))
    out = np.empty(2 * 4 * 16, np.float32)
    fill_selected(stored, Selection((2, 4, 16), "uniform"), FLOAT32, 0, out, reader=reader)
    row_bytes = 4 * 16
    read = 3 * 128 * row_bytes + row_bytes
    plane_bytes = 512 * row_bytes
    assert reader.reads == [("fc.weight", 0, read), ("fc.weight", 4 * plane_bytes, read)]


def test_a_long_way_between_elements_takes_little_memory() -> None:
    """All of a large tensor lies between the first element and the last one."""
    values = torch.arange(2**21, dtype=torch.float32).reshape(2**14, 2**7)
    stored, reader = loose(values)
    selection = Selection((2**14, 1), "uniform")
    out = np.empty(2**14, np.float32)
    tracemalloc.start()
    fill_selected(stored, selection, FLOAT32, 0, out, reader=reader)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert out.tobytes() == content(values[:, 0])
    # Of it are 8 MiB what the test's reader hands on.
    assert peak < 3 * 2**20


@pytest.mark.parametrize("shape", [(2, 250_000), (500_000,)])
def test_rows_longer_than_the_scratch(shape: tuple[int, ...]) -> None:
    """A row is cut where the scratch ends, and a range may begin and end within rows."""
    values = torch.arange(500_000, dtype=torch.float32).reshape(shape)
    stored, reader = loose(values)
    selection = Selection((*shape[:-1], 3 * shape[-1] // 4), "uniform")
    expected = chosen(values, selection).reshape(-1)[1000:-1000]
    out = np.empty(expected.size, np.float32)
    fill_selected(stored, selection, FLOAT32, 1000, out, reader=reader)
    assert out.tobytes() == expected.tobytes()
