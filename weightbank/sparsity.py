"""Which elements of a sparse matrix are zero.

Theory of operation: in each column, the rows are ordered by a random word and
then by their index, and the first ``zeros_per_column`` of them are zero: every
choice of rows is as likely as any other. The last key that is zero is all that a
column has to remember, so any range of a matrix is made from one number a column.
Source: docs/numbers.md, "What else draws"; Martens 2010, section 5.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.backends.protocol import Backend
from weightbank.distributions import Sparse
from weightbank.dtypes import Dtype
from weightbank.making import Making, Stages, Task

_BLOCK_ELEMENTS = 2**22
_ROW_BITS = np.uint64(32)


def fill_sparse(
    values: Sparse,
    last_zero: NDArray[np.uint64],
    dtype: Dtype,
    start: int,
    out: NDArray[Any],
    *,
    backend: Backend,
) -> None:
    """Write elements of a sparse matrix.

    Args:
        values: Of the whole matrix.
        last_zero: What ``begin_sparse`` makes.
        dtype: Of the tensor.
        start: First element.
        out: Of ``dtype.storage``, shape (n,).
        backend: Makes the numbers.
    """
    backend.fill(values.values, dtype, start, out)
    for at in range(0, out.size, _BLOCK_ELEMENTS):
        block = out[at : at + _BLOCK_ELEMENTS]
        first = start + at
        indices = np.arange(first, first + block.size, dtype=np.uint64)
        rows, columns = np.divmod(indices, np.uint64(values.columns))
        words = backend.words(values.mask, first, first + block.size)
        block[_keys(words, rows) <= last_zero[columns.astype(np.intp)]] = 0


def begin_sparse(values: Sparse, backend: Backend) -> Making:
    """Begin the greatest key that is zero, of each column: u64, shape (columns,).

    Args:
        values: Of the whole matrix.
        backend: Makes the words.
    """
    return Making(_stages(values, backend))


def _stages(values: Sparse, backend: Backend) -> Stages:
    last = np.empty(values.columns, np.uint64)

    def group(first: int, stop: int) -> Task:
        keys = _column_keys(values, first, stop, backend)
        kth = values.zeros_per_column - 1
        last[first:stop] = np.partition(keys, kth, axis=0)[kth]
        yield

    width = max(1, _BLOCK_ELEMENTS // values.rows)
    firsts = range(0, values.columns, width)
    yield (group(first, min(first + width, values.columns)) for first in firsts)
    return last


def _column_keys(values: Sparse, first: int, stop: int, backend: Backend) -> NDArray[np.uint64]:
    """Return the keys of some columns, shape (rows, stop - first)."""
    keys = np.empty((values.rows, stop - first), np.uint64)
    # Words come a slab of whole rows at a time; of each we keep our columns.
    slab_rows = max(1, _BLOCK_ELEMENTS // values.columns)
    for row in range(0, values.rows, slab_rows):
        row_stop = min(row + slab_rows, values.rows)
        words = backend.words(values.mask, row * values.columns, row_stop * values.columns)
        slab = words.reshape(-1, values.columns)[:, first:stop]
        keys[row:row_stop] = _keys(slab, np.arange(row, row_stop, dtype=np.uint64)[:, None])
    return keys


def _keys(words: NDArray[np.uint32], rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return (words.astype(np.uint64) << _ROW_BITS) | rows
