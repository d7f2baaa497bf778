"""What is made of stored tensors as a whole: fitted to another shape, or their moments.

Both take short steps. Sums of moments are exact, so threads may take the parts of a
tensor in any order.
"""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.adaptations import (
    InputChannels,
    MomentSums,
    PositionGrid,
    adapt_channels,
    resample_positions,
)
from weightbank.conversion import to_float64
from weightbank.errors import NO_VALUE, UnrepresentableError
from weightbank.making import Making, Stages, Task
from weightbank.stored import StoredTensor, TensorReader
from weightbank.stored_elements import read_elements

# Elements of a step: some milliseconds.
_STEP_ELEMENTS = 2**19
# Elements of a task of moments: few enough tasks, enough of them to share.
_TASK_ELEMENTS = 2**23
# Elements that a step resamples; each is made of more than sixteen.
_RESAMPLED_ELEMENTS = 2**17


def begin_channels(tensor: StoredTensor, adaptation: InputChannels, reader: TensorReader) -> Making:
    """Begin the weight of a convolution for other input channels: float64, of its shape."""
    shape = adaptation.shape(tensor.shape)
    row_elements = tensor.elements // tensor.shape[0]
    step_rows = max(1, _STEP_ELEMENTS // row_elements)

    def task(out: NDArray[np.float64]) -> Task:
        for row in range(0, shape[0], step_rows):
            rows = out[row : row + step_rows]
            values = _float64(tensor, row * row_elements, len(rows) * row_elements, reader)
            rows[:] = adapt_channels(values.reshape(len(rows), *tensor.shape[1:]), adaptation)
            yield

    def stages() -> Stages:
        out = np.empty(shape)
        yield [task(out)]
        return out

    return Making(stages())


def begin_positions(tensor: StoredTensor, adaptation: PositionGrid, reader: TensorReader) -> Making:
    """Begin the position embeddings of another grid: float64, of its shape."""
    shape = adaptation.shape(tensor.shape)
    columns = shape[-1]
    step_columns = max(1, _RESAMPLED_ELEMENTS // max(shape[-2], tensor.shape[-2]))

    def read(stored: NDArray[np.float64]) -> Task:
        for start in range(0, stored.size, _STEP_ELEMENTS):
            block = stored[start : start + _STEP_ELEMENTS]
            block[:] = _float64(tensor, start, block.size, reader)
            yield

    def resample(stored: NDArray[np.float64], out: NDArray[np.float64], column: int) -> Task:
        some = slice(column, column + step_columns)
        out[..., some] = resample_positions(stored[..., some], adaptation)
        yield

    def stages() -> Stages:
        stored = np.empty(tensor.elements)
        yield [read(stored)]
        stored = stored.reshape(tensor.shape)
        out = np.empty(shape)
        yield [resample(stored, out, column) for column in range(0, columns, step_columns)]
        return out

    return Making(stages())


def begin_moments(tensor: StoredTensor, reader: TensorReader) -> Making:
    """Begin the mean and the standard deviation of a tensor: float32, shape (2,)."""
    argument = f"{tensor.name!r} in {tensor.file.repository}"

    def stages() -> Stages:
        total, lock = MomentSums(), threading.Lock()

        def task(start: int, stop: int) -> Task:
            sums = MomentSums()
            for values in _blocks(tensor, start, stop, reader):
                sums.add(values)
                yield
            with lock:
                total.merge(sums)

        yield (
            task(start, min(start + _TASK_ELEMENTS, tensor.elements))
            for start in range(0, tensor.elements, _TASK_ELEMENTS)
        )
        moments = total.moments(argument)
        return _finite([moments.mean_float32, moments.std_float32], argument)

    return Making(stages())


def _finite(values: list[np.float32], argument: str) -> NDArray[Any]:
    array = np.array(values, np.float32)
    if not np.isfinite(array).all():
        problem = "has a mean or a deviation beyond the range of float32"
        raise UnrepresentableError(argument, NO_VALUE, problem, "a tensor of smaller elements")
    return array


def _blocks(
    tensor: StoredTensor, start: int, stop: int, reader: TensorReader
) -> Iterator[NDArray[np.float64]]:
    for at in range(start, stop, _STEP_ELEMENTS):
        yield _float64(tensor, at, min(stop - at, _STEP_ELEMENTS), reader)


def _float64(
    tensor: StoredTensor, start: int, elements: int, reader: TensorReader
) -> NDArray[np.float64]:
    values = np.empty(elements, tensor.dtype.storage)
    read_elements(tensor, start, values, reader)
    return to_float64(values, tensor.dtype)
