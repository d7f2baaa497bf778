"""Sparse masks: exact numbers of zeros, from bands, groups and blocks of any size."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.specs import values_of
from weightbank import CpuBackend, ReferenceBackend, sparsity
from weightbank.backends import Backend
from weightbank.distributions import Normal, Sparse
from weightbank.dtypes import DTYPES
from weightbank.making import STEP_OPERATIONS, Making
from weightbank.numbers.streams import Stream, derive_stream
from weightbank.sparsity import begin_sparse, fill_sparse

CPU = CpuBackend()
STREAM = derive_stream(8, "p", "sparse")


def matrix(rows: int, columns: int, zeros: int) -> Sparse:
    """Return a sparse matrix of a seed."""
    values = Normal(derive_stream(8, "p"), np.float32(1), np.float32(0))
    return Sparse(values, STREAM, rows, columns, zeros)


def expected_keys(values: Sparse, backend: Backend = CPU) -> Any:
    """Return the last zero keys by sorting everything."""
    words = backend.words(values.mask, 0, values.rows * values.columns)
    rows = np.arange(values.rows, dtype=np.uint64)[:, None]
    keys = (words.reshape(values.rows, -1).astype(np.uint64) << np.uint64(32)) | rows
    return np.sort(keys, axis=0)[values.zeros_per_column - 1]


class FewWords(ReferenceBackend):
    """Words of which only some bits vary: many are equal, and no band is where it should be."""

    def __init__(self, mask: int) -> None:
        self._mask = np.uint32(mask)

    def words(self, stream: Stream, start: int, stop: int) -> Any:
        """See ``Backend.words``."""
        return super().words(stream, start, stop) & self._mask


@pytest.mark.parametrize("rows", [1, 2, 5, 100, 1001])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
def test_every_column_has_its_zeros(rows: int, share: float) -> None:
    """Each column has the share of zeros, rounded up."""
    values = values_of({"type": "sparse", "sparsity": share, "std": 1}, [rows, 37])
    assert (np.sum(values == 0, axis=0) == np.ceil(share * rows)).all()


def test_what_is_left_is_the_normal_of_the_same_name() -> None:
    """The mask has a stream of its own, so values are those of a plain normal."""
    sparse = values_of({"type": "sparse", "sparsity": 0.5, "std": 0.3}, [20, 30])
    plain = values_of({"type": "normal", "std": 0.3}, [20, 30])
    assert np.array_equal(sparse[sparse != 0], plain[sparse != 0])


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_zeros_are_positive_in_every_dtype(dtype: str) -> None:
    """A zero is +0, as the constant's: no bit of it is set."""
    values = matrix(20, 30, 7)
    last_zero = begin_sparse(values, CPU).complete()
    out = np.empty(600, DTYPES[dtype].storage)
    fill_sparse(values, last_zero, DTYPES[dtype], 0, out, backend=CPU)
    assert np.count_nonzero(out.view(f"u{out.itemsize}") == 0) == 7 * 30


@given(
    rows=st.integers(2, 200),
    columns=st.integers(1, 30),
    share=st.floats(0, 1),
    mask=st.sampled_from([0xFFFFFFFF, 0xC0000000, 0x00000003, 0x80000001, 0]),
)
def test_any_words_are_ordered_by_word_and_row(
    rows: int, columns: int, share: float, mask: int
) -> None:
    """Whatever the words are, and however many of them are equal."""
    values, backend = matrix(rows, columns, 1 + int(share * (rows - 1))), FewWords(mask)
    found = begin_sparse(values, backend).complete()
    assert np.array_equal(found, expected_keys(values, backend))


@pytest.mark.parametrize("mask", [0xFFFFFFFF, 0xFFFF, 0xFFFF0000, 0])
@pytest.mark.parametrize("zeros", [1, 2, 300, 25_000, 49_998, 49_999])
def test_tall_columns(mask: int, zeros: int) -> None:
    """Most words of a tall column only pass by, and a band that missed is made wider."""
    values, backend = matrix(50_000, 3, zeros), FewWords(mask)
    found = begin_sparse(values, backend).complete()
    assert np.array_equal(found, expected_keys(values, backend))


@pytest.mark.parametrize(
    ("rows", "columns", "zeros"), [(2100, 2100, 630), (100, 45_000, 50), (2, 800_000, 1)]
)
def test_groups_of_columns(rows: int, columns: int, zeros: int) -> None:
    """Matrices of several groups, blocks of rows, or both; on several threads too."""
    values = matrix(rows, columns, zeros)
    expected = expected_keys(values)
    making = begin_sparse(values, CPU)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: making.help(), range(3)))
    assert np.array_equal(making.result(), expected)
    assert rows * columns > sparsity.BLOCK_ELEMENTS


def test_blocks_of_a_range_do_not_show() -> None:
    """A range that is masked in several blocks, beginning within a row."""
    values = matrix(1000, 700, 300)
    last_zero = begin_sparse(values, CPU).complete()
    words = CPU.words(values.mask, 0, 700_000).reshape(1000, 700)
    order = np.argsort(words, axis=0, kind="stable")
    is_zero = np.zeros((1000, 700), bool)
    np.put_along_axis(is_zero, order[:300], values=True, axis=0)
    start, stop = 12_345, 650_001
    out = np.empty(stop - start, np.float32)
    assert out.size > 2 * sparsity.BLOCK_ELEMENTS
    fill_sparse(values, last_zero, DTYPES["float32"], start, out, backend=CPU)
    assert np.array_equal(out == 0, is_zero.reshape(-1)[start:stop])


@pytest.mark.parametrize(
    ("rows", "columns"), [(2**21, 1), (2**16, 50), (3000, 3000), (100, 2**15), (3, 2**19)]
)
def test_no_piece_of_work_is_large(rows: int, columns: int) -> None:
    """Nor is a word passed over in silence."""
    groups = sparsity._groups(matrix(rows, columns, rows // 3), CPU, np.empty(columns, np.uint64))
    pieces = [piece for group in groups for piece in group]
    assert max(pieces) <= STEP_OPERATIONS
    assert sum(pieces) >= rows * columns * sparsity._PASSING


@pytest.mark.parametrize(("rows", "columns"), [(2**22, 1), (2**15, 2**8), (2**9, 2**14)])
def test_memory_is_bounded(rows: int, columns: int) -> None:
    """A worker holds a block of words and what a group of columns keeps of them."""
    making: Making = begin_sparse(matrix(rows, columns, rows // 2), CPU)
    tracemalloc.start()
    try:
        making.complete()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    result = 8 * columns
    assert peak < result + 8 * sparsity.GROUP_KEYS + 3 * 4 * sparsity.BLOCK_ELEMENTS
    if columns == 1:
        assert peak < 3 * 4 * sparsity.BLOCK_ELEMENTS
