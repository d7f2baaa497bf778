"""Elements of stored tensors, in any range: read, chosen among, converted.

Theory of operation: what is not fitted to another shape is never whole. Bytes of an
equal dtype are read to where they belong; others pass through a bounded scratch. Of
chosen elements those that lie close to each other are read together, with what lies
between them, and the rest by itself.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.adaptations import Selection
from weightbank.conversion import convert
from weightbank.dtypes import Dtype
from weightbank.stored import StoredTensor, TensorReader

_SCRATCH_ELEMENTS = 2**16
# To read so many bytes that nobody wants costs about as much as to begin to read anew.
_LONGEST_GAP_BYTES = 2**14


def fill_stored(
    tensor: StoredTensor, dtype: Dtype, start: int, out: NDArray[Any], *, reader: TensorReader
) -> None:
    """Write elements ``start`` to ``start + out.size`` of a stored tensor, converted.

    Args:
        tensor: Where they are.
        dtype: Of what is written.
        start: First element.
        out: Contiguous, of ``dtype.storage``, shape (n,).
        reader: Reads the bytes.
    """
    if tensor.dtype is dtype:
        read_elements(tensor, start, out, reader)
        return
    scratch = np.empty(min(out.size, _SCRATCH_ELEMENTS), tensor.dtype.storage)
    for at in range(0, out.size, _SCRATCH_ELEMENTS):
        block = out[at : at + _SCRATCH_ELEMENTS]
        values = scratch[: block.size]
        read_elements(tensor, start + at, values, reader)
        convert(values, tensor.dtype, dtype, block)


def fill_selected(
    tensor: StoredTensor,
    selection: Selection,
    dtype: Dtype,
    start: int,
    out: NDArray[Any],
    *,
    reader: TensorReader,
) -> None:
    """Write elements ``start`` to ``start + out.size`` of what was chosen, converted.

    Args:
        tensor: Where they are.
        selection: Which ones are chosen.
        dtype: Of what is written.
        start: First element, counted over all that are chosen.
        out: Contiguous, of ``dtype.storage``, shape (n,).
        reader: Reads the bytes.
    """
    chosen = [selection.indices(axis, size) for axis, size in enumerate(tensor.shape)]
    scratch = np.empty(_SCRATCH_ELEMENTS, tensor.dtype.storage)
    for at in range(0, out.size, _SCRATCH_ELEMENTS):
        block = out[at : at + _SCRATCH_ELEMENTS]
        sources = _sources(tensor, chosen, start + at, start + at + block.size)
        values = np.empty(block.size, tensor.dtype.storage)
        for first, stop in _neighbours(sources, tensor.dtype.item_bytes):
            wanted = sources[first:stop]
            read = scratch[: wanted[-1] - wanted[0] + 1]
            read_elements(tensor, int(wanted[0]), read, reader)
            values[first:stop] = read[wanted - wanted[0]]
        convert(values, tensor.dtype, dtype, block)


def selected_range(
    tensor: StoredTensor, selection: Selection, start: int, stop: int
) -> tuple[int, int]:
    """Return the range of a stored tensor's elements in which chosen ones lie.

    Args:
        tensor: Where they are.
        selection: Which ones are chosen.
        start: First element that is wanted, of all that are chosen.
        stop: One beyond the last; there is one at least.
    """
    chosen = [selection.indices(axis, size) for axis, size in enumerate(tensor.shape)]
    first = _sources(tensor, chosen, start, start + 1)[0]
    last = _sources(tensor, chosen, stop - 1, stop)[0]
    return int(first), int(last) + 1


def read_elements(
    tensor: StoredTensor, start: int, out: NDArray[Any], reader: TensorReader
) -> None:
    """Read elements as they are stored.

    Args:
        tensor: Where they are.
        start: First element.
        out: Contiguous, of the stored dtype's storage, shape (n,).
        reader: Reads the bytes.
    """
    if out.size:
        offset = start * tensor.dtype.item_bytes
        reader.read_into(tensor, offset, out.view(np.uint8).data)


def _sources(
    tensor: StoredTensor, chosen: Sequence[NDArray[np.int64]], start: int, stop: int
) -> NDArray[np.int64]:
    """Return where chosen elements are stored, ascending, shape (stop - start,)."""
    if not chosen:
        return np.zeros(stop - start, np.int64)
    *outer, last = chosen
    first_row, stop_row = start // last.size, -(-stop // last.size)
    if stop_row - first_row > 1 and last.size > _SCRATCH_ELEMENTS:
        border = (first_row + 1) * last.size
        parts = (_sources(tensor, chosen, start, border), _sources(tensor, chosen, border, stop))
        return np.concatenate(parts)
    within = slice(start - first_row * last.size, stop - first_row * last.size)
    rows = _rows(tensor, outer, np.arange(first_row, stop_row, dtype=np.int64))
    if rows.size == 1:
        return rows + last[within]
    return (rows[:, None] + last).reshape(-1)[within]


def _rows(
    tensor: StoredTensor, outer: Sequence[NDArray[np.int64]], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return where chosen rows along the last axis begin."""
    starts = np.zeros(rows.size, np.int64)
    for axis in range(len(outer) - 1, -1, -1):
        rows, along = np.divmod(rows, outer[axis].size)
        starts += outer[axis][along] * math.prod(tensor.shape[axis + 1 :])
    return starts


def _neighbours(sources: NDArray[np.int64], item_bytes: int) -> Iterator[tuple[int, int]]:
    """Cut stored elements, ascending, into runs that are read together.

    Yields:
        ``(start, stop)`` of each run among the sources.
    """
    breaks = np.flatnonzero(np.diff(sources) * item_bytes > _LONGEST_GAP_BYTES) + 1
    borders = [0, *breaks.tolist(), len(sources)]
    for start, stop in itertools.pairwise(borders):
        at = start
        while at < stop:
            reach = sources[at] + _SCRATCH_ELEMENTS
            end = min(stop, int(np.searchsorted(sources, reach)))
            yield at, end
            at = end
