"""What a tensor needs whole before any range of it, and how that is begun."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from weightbank.adaptations import InputChannels, PositionGrid
from weightbank.backends.protocol import Backend
from weightbank.distributions import (
    CenterTap,
    Distribution,
    Orthogonal,
    Sparse,
    Split,
    Stored,
    StoredMoments,
    ZeroedRow,
)
from weightbank.making import Making
from weightbank.sparsity import begin_sparse
from weightbank.stored import StoredTensor, TensorReader
from weightbank.stored_wholes import begin_channels, begin_moments, begin_positions


@dataclass(frozen=True, slots=True)
class Fitted:
    """A stored tensor, fitted to another shape."""

    tensor: StoredTensor
    adaptation: InputChannels | PositionGrid


@dataclass(frozen=True, slots=True)
class MomentsOf:
    """The mean and the standard deviation of a stored tensor."""

    tensor: StoredTensor


OfStored = Fitted | MomentsOf
"""What is made of stored bytes, and of nothing else."""

Whole = Orthogonal | Sparse | OfStored
"""What is made whole; it is its own key in ``PreparedTensors``."""


def begin_whole(values: Whole, backend: Backend, reader: TensorReader | None = None) -> Making:
    """Begin what is kept of a tensor that is made whole.

    Args:
        values: The tensor.
        backend: Makes the numbers.
        reader: Reads stored tensors; needed for what is made of them.

    Returns:
        The making of an orthogonal matrix itself, float32, (rows, columns); of a sparse
        one's last zero keys, u64, (columns,); of a fitted tensor, float64, of its
        shape; or of mean and standard deviation, float32, (2,).
    """
    match values:
        case Fitted() | MomentsOf():
            assert reader is not None, "what is stored has to be read"
            return _begin_of_stored(values, reader)
        case Orthogonal():
            return backend.begin_orthogonal(values.stream, values.rows, values.columns, values.gain)
        case Sparse():
            return begin_sparse(values, backend)


def _begin_of_stored(values: OfStored, reader: TensorReader) -> Making:
    if isinstance(values, MomentsOf):
        return begin_moments(values.tensor, reader)
    if isinstance(values.adaptation, InputChannels):
        return begin_channels(values.tensor, values.adaptation, reader)
    return begin_positions(values.tensor, values.adaptation, reader)


def whole_parts(values: Distribution, start: int = 0, stop: int | None = None) -> tuple[Whole, ...]:
    """Return the matrices that have to be there before elements can be made.

    Args:
        values: Of the whole tensor.
        start: First element that is wanted.
        stop: One beyond the last; if left out, all of the tensor is wanted.

    Returns:
        Each once, in the order in which the elements need them; none for what is
        drawn element by element.

    Examples:
        >>> import numpy as np
        >>> from weightbank.numbers.streams import derive_stream
        >>> q, k = (
        ...     Orthogonal(derive_stream(0, "qk", f"orth/{part}"), 4, 8, np.float32(1))
        ...     for part in range(2))
        >>> both = Split((q, k), (4, 4), 8)
        >>> whole_parts(both) == (q, k), whole_parts(both, 40, 64) == (k,)
        (True, True)
    """
    match values:
        case Orthogonal() | Sparse() | Stored() | StoredMoments():
            return _itself(values) if stop is None or start < stop else ()
        case CenterTap():
            needed = stop is None or center_taps(values, start, stop)
            return (values.matrix,) if needed else ()
        case ZeroedRow():
            return whole_parts(values.values, start, stop)
        case Split():
            numbers = range(len(values.parts)) if stop is None else _touched(values, start, stop)
            found = (whole_parts(values.parts[number]) for number in numbers)
            return tuple(dict.fromkeys(itertools.chain.from_iterable(found)))
        case _:
            return ()


def _itself(values: Orthogonal | Sparse | Stored | StoredMoments) -> tuple[Whole, ...]:
    match values:
        case Orthogonal() | Sparse():
            return (values,)
        case StoredMoments(_, tensor):
            return (MomentsOf(tensor),)
        case Stored(tensor, InputChannels() | PositionGrid() as adaptation):
            return (Fitted(tensor, adaptation),)
        case Stored():  # read element by element
            return ()


def center_taps(values: CenterTap, start: int, stop: int) -> range:
    """Return the elements of a convolution's matrix whose centres lie in a range.

    Examples:
        >>> import numpy as np
        >>> from weightbank.numbers.streams import Stream
        >>> matrix = Orthogonal(Stream(1, 2, 3, 4), 2, 2, np.float32(1))
        >>> center_taps(CenterTap(matrix, kernel_elements=9), 4, 23)
        range(0, 3)
    """
    kernel, center = values.kernel_elements, values.kernel_elements // 2
    return range(-(-(start - center) // kernel), -(-(stop - center) // kernel))


def _touched(values: Split, start: int, stop: int) -> Iterator[int]:
    """Yield the parts that a range touches, in order; the first one may come twice."""
    borders = list(itertools.accumulate(values.sizes, initial=0))
    period = borders[-1] * values.inner_elements
    first = start % period
    last = first + min(stop - start, period)
    for turn in (0, period):
        for number, (low, high) in enumerate(itertools.pairwise(borders)):
            begin, end = (turn + border * values.inner_elements for border in (low, high))
            if begin < last and end > first and start < stop:
                yield number
