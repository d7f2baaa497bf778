"""Any range of elements of any distribution, on any backend.

Theory of operation: backends make the three drawn distributions in any range, and
begin whole orthogonal matrices. Everything else is put together from these here, the
same way for all backends: constants, the identities, parts of a split, a zeroed
row, sparse masks, and what comes from stored tensors. Nothing here rounds but
``store_float32`` and the conversion of stored values.

What is made whole of stored bytes is kept for others only once their file's hash was
found right. Until then it stays with this generator, whose reader ends with an error
if the hash is wrong: nobody else ever meets what came of wrong bytes.
"""

from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.adaptations import InputChannels, PositionGrid, Selection
from weightbank.backends.protocol import Backend
from weightbank.conversion import convert
from weightbank.distributions import (
    CenterTap,
    Constant,
    Distribution,
    Normal,
    OnePerRow,
    Orthogonal,
    Sparse,
    Split,
    Stored,
    StoredMoments,
    Truncated,
    Uniform,
    ZeroedRow,
)
from weightbank.dtypes import FLOAT32, FLOAT64, Dtype, store_float32, stored_constant
from weightbank.flight import Flight
from weightbank.making import Making, Prepared
from weightbank.prepared import PreparedTensors
from weightbank.sparsity import fill_sparse
from weightbank.stored import TensorReader
from weightbank.stored_elements import fill_selected, fill_stored
from weightbank.whole import Fitted, MomentsOf, OfStored, Whole, begin_whole, center_taps

_SMALLEST_SCALE = 2.0**-64
_SCRATCH_ELEMENTS = 2**18
# Runs shorter than this are made by masking, as calls would cost more than words.
_SHORTEST_RUN_ELEMENTS = 512


class Generator:
    """Fills arrays with the elements of distributions.

    Thread-safe: it holds no state but the cache it is given.

    Args:
        backend: Makes the numbers.
        prepared: Keeps what has to be made whole.
        reader: Reads stored tensors; not needed where there are none.
    """

    def __init__(
        self, backend: Backend, prepared: PreparedTensors, reader: TensorReader | None = None
    ) -> None:
        self._backend = backend
        self._prepared = prepared
        self._stored_reader = reader
        self._own = object()

    def fill(self, values: Distribution, dtype: Dtype, start: int, out: NDArray[Any]) -> None:
        """Write elements ``start`` to ``start + out.size`` of a tensor.

        Args:
            values: Of the whole tensor.
            dtype: Of the tensor.
            start: First element, counted over the whole tensor.
            out: Contiguous, aligned, of ``dtype.storage``, shape (n,).
        """
        match values:
            case Normal() | Uniform() | Truncated():
                self._backend.fill(values, dtype, start, out)
            case Constant():
                out[:] = stored_constant(values.value, dtype)
            case OnePerRow():
                out[:] = 0
                out[_ones(values, start, start + out.size) - start] = stored_constant(1.0, dtype)
            case ZeroedRow():
                self.fill(values.values, dtype, start, out)
                out[max(values.start - start, 0) : max(values.stop - start, 0)] = 0
            case Sparse():
                last_zero = self._whole(values)
                fill_sparse(values, last_zero, dtype, start, out, backend=self._backend)
            case Orthogonal():
                matrix = self._whole(values).reshape(-1)
                store_float32(matrix[start : start + out.size], dtype, out)
            case CenterTap():
                self._fill_center(values, dtype, start, out)
            case Split():
                self._fill_split(values, dtype, start, out)
            case Stored() | StoredMoments():
                self._fill_of_stored(values, dtype, start, out)

    def join(self, values: Whole) -> Flight:
        """Return a place in the making of what is made whole, to be left by the caller."""
        return self._prepared.join(self._key(values), self._begin(values))

    def _whole(self, values: Whole) -> Prepared:
        return self._prepared.get(self._key(values), self._begin(values))

    def _begin(self, values: Whole) -> Callable[[], Making]:
        return partial(begin_whole, values, self._backend, self._stored_reader)

    def _key(self, values: Whole) -> Hashable:
        if not isinstance(values, OfStored):
            return values
        own = (self._own, values)
        if self._prepared.find(own) is not None:
            return own
        with self._reader.verification(values.tensor.file) as flight:
            return values if flight.done and not flight.failed else own

    @property
    def _reader(self) -> TensorReader:
        assert self._stored_reader is not None, "what is stored has to be read"
        return self._stored_reader

    def _fill_of_stored(
        self, values: Stored | StoredMoments, dtype: Dtype, start: int, out: NDArray[Any]
    ) -> None:
        match values:
            case StoredMoments():
                self._fill_normals(values, dtype, start, out)
            case Stored(tensor, None):
                fill_stored(tensor, dtype, start, out, reader=self._reader)
            case Stored(tensor, Selection() as selection):
                fill_selected(tensor, selection, dtype, start, out, reader=self._reader)
            case Stored(tensor, InputChannels() | PositionGrid() as adaptation):
                whole = self._whole(Fitted(tensor, adaptation)).reshape(-1)
                convert(whole[start : start + out.size], FLOAT64, dtype, out)

    def _fill_normals(
        self, values: StoredMoments, dtype: Dtype, start: int, out: NDArray[Any]
    ) -> None:
        """Draw in float32; what is beyond the dtype's range becomes infinite."""
        mean, std = self._whole(MomentsOf(values.tensor))
        scratch = np.empty(min(out.size, _SCRATCH_ELEMENTS), np.float32)
        for at in range(0, out.size, _SCRATCH_ELEMENTS):
            block = out[at : at + _SCRATCH_ELEMENTS]
            drawn = scratch[: block.size]
            if std < _SMALLEST_SCALE:
                drawn[:] = mean
            else:
                with np.errstate(all="ignore"):
                    normal = Normal(values.stream, std, mean)
                    self._backend.fill(normal, FLOAT32, start + at, drawn)
            convert(drawn, FLOAT32, dtype, block)

    def _fill_center(self, values: CenterTap, dtype: Dtype, start: int, out: NDArray[Any]) -> None:
        out[:] = 0
        taps = center_taps(values, start, start + out.size)
        if not taps:
            return
        stored = np.empty(len(taps), dtype.storage)
        store_float32(self._whole(values.matrix).reshape(-1)[taps.start : taps.stop], dtype, stored)
        first = taps.start * values.kernel_elements + values.kernel_elements // 2 - start
        out[first :: values.kernel_elements] = stored

    def _fill_split(self, values: Split, dtype: Dtype, start: int, out: NDArray[Any]) -> None:
        is_short = min(values.sizes) * values.inner_elements < _SHORTEST_RUN_ELEMENTS
        if isinstance(values.parts[0], Orthogonal):
            fill_matrices = self._gather_matrices if is_short else self._fill_matrices
            fill_matrices(values, dtype, start, out)
        elif is_short:
            self._fill_masked(values, dtype, start, out)
        else:
            for part, at, stop, _ in _runs(values, start, start + out.size):
                self.fill(values.parts[part], dtype, at, out[at - start : stop - start])

    def _fill_matrices(self, values: Split, dtype: Dtype, start: int, out: NDArray[Any]) -> None:
        for part, at, stop, local in _runs(values, start, start + out.size):
            matrix = self._whole(_orthogonal(values.parts[part])).reshape(-1)
            store_float32(matrix[local : local + stop - at], dtype, out[at - start : stop - start])

    def _gather_matrices(self, values: Split, dtype: Dtype, start: int, out: NDArray[Any]) -> None:
        widths = np.array(values.sizes) * values.inner_elements
        borders = np.concatenate([[0], np.cumsum(widths)])
        row, within = np.divmod(np.arange(start, start + out.size, dtype=np.int64), borders[-1])
        owner = np.searchsorted(borders, within, side="right") - 1
        made = np.empty(out.size, np.float32)
        for part in np.unique(owner):
            chosen = np.flatnonzero(owner == part)
            matrix = self._whole(_orthogonal(values.parts[part])).reshape(-1)
            made[chosen] = matrix[row[chosen] * widths[part] + within[chosen] - borders[part]]
        store_float32(made, dtype, out)

    def _fill_masked(self, values: Split, dtype: Dtype, start: int, out: NDArray[Any]) -> None:
        indices = np.arange(start, start + out.size, dtype=np.int64)
        along = indices // values.inner_elements % sum(values.sizes)
        owner = np.searchsorted(np.cumsum(values.sizes), along, side="right")
        made = np.empty_like(out)
        for part in np.unique(owner):
            self.fill(values.parts[part], dtype, start, made)
            np.copyto(out, made, where=owner == part)


def _orthogonal(part: Distribution) -> Orthogonal:
    assert isinstance(part, Orthogonal)
    return part


def _runs(values: Split, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut a range at the borders of parts.

    Yields:
        ``(part, start, stop, local)``: a run of one part, in elements of the
        whole tensor, and the index of its first element within the part.
    """
    widths = [size * values.inner_elements for size in values.sizes]
    borders = np.concatenate([[0], np.cumsum(widths)]).tolist()
    period = borders[-1]
    at = start
    while at < stop:
        row, within = divmod(at, period)
        part = int(np.searchsorted(borders, within, side="right")) - 1
        end = min(stop, row * period + borders[part + 1])
        yield part, at, end, row * widths[part] + within - borders[part]
        at = end


def _ones(values: OnePerRow, start: int, stop: int) -> NDArray[np.int64]:
    """Return the elements in a range that are 1."""
    rows = np.arange(start // values.row_elements, -(-stop // values.row_elements), dtype=np.int64)
    local = rows % values.group_rows
    elements = rows * values.row_elements + local * values.stride + values.offset
    return elements[(local < values.columns) & (elements >= start) & (elements < stop)]
