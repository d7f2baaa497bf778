"""Which matrices a tensor needs whole before any range of it, and how each is begun."""

import itertools
from collections.abc import Iterator

from weightbank.backends.protocol import Backend
from weightbank.distributions import CenterTap, Distribution, Orthogonal, Sparse, Split, ZeroedRow
from weightbank.making import Making
from weightbank.sparsity import begin_sparse

Whole = Orthogonal | Sparse
"""What is made whole; it is its own key in ``PreparedTensors``."""


def begin_whole(values: Whole, backend: Backend) -> Making:
    """Begin what is kept of a matrix that is made whole.

    Args:
        values: The matrix.
        backend: Makes the numbers.

    Returns:
        The making of an orthogonal matrix itself, float32, (rows, columns), or of a
        sparse one's last zero keys, u64, (columns,).
    """
    match values:
        case Orthogonal():
            return backend.begin_orthogonal(values.stream, values.rows, values.columns, values.gain)
        case Sparse():
            return begin_sparse(values, backend)


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
        case Orthogonal() | Sparse():
            return (values,) if stop is None or start < stop else ()
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
