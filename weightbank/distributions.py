"""What a tensor's elements are, with every parameter rounded: input to a backend.

A distribution says, for a tensor of a given seed, what each element is. It is
made from an exact initializer (``weightbank.forms``) in one correctly rounded
step, is small, immutable and picklable, and means the same on every device.
"""

from dataclasses import dataclass

import numpy as np

from weightbank.adaptations import Adaptation
from weightbank.numbers.streams import Stream
from weightbank.stored import StoredTensor


@dataclass(frozen=True, slots=True)
class Normal:
    """x = z * std, then + mean if mean is not 0."""

    stream: Stream
    std: np.float32
    mean: np.float32


@dataclass(frozen=True, slots=True)
class Uniform:
    """x = c * half_width, then + middle if middle is not 0; c of (-1, 1)."""

    stream: Stream
    half_width: np.float32
    middle: np.float32


@dataclass(frozen=True, slots=True)
class Truncated:
    """x = z * std of ranks in [first_rank, stop_rank), + mean if not 0, clamped.

    ``low`` and ``high`` are infinite where there is no clamp.
    """

    stream: Stream
    first_rank: int
    stop_rank: int
    std: np.float32
    mean: np.float32
    low: np.float32
    high: np.float32


Drawn = Normal | Uniform | Truncated
"""One word an element: what a backend makes in any range."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Every element is ``value``, a double."""

    value: float


@dataclass(frozen=True, slots=True)
class OnePerRow:
    """Zeros but for at most one 1 a row: eye and dirac.

    Row r has its 1 at element ``(r mod group_rows) * stride + offset`` if
    ``r mod group_rows < columns``.

    Attributes:
        row_elements: Elements of one row of the flattened tensor.
        group_rows: Rows after which the pattern starts again.
        columns: How many rows of a group have a 1.
        stride: Elements between the ones of neighbouring rows, less a row.
        offset: Element of the first 1 in its row.
    """

    row_elements: int
    group_rows: int
    columns: int
    stride: int
    offset: int


@dataclass(frozen=True, slots=True)
class Sparse:
    """Normals, of which each column has ``zeros_per_column`` put to zero.

    In each column those rows are zero whose (word, row) is among the smallest,
    with the words of the stream ``mask``.
    """

    values: Normal
    mask: Stream
    rows: int
    columns: int
    zeros_per_column: int


@dataclass(frozen=True, slots=True)
class Orthogonal:
    """A matrix of orthonormal rows or columns, times gain.

    Attributes:
        stream: Of the tag ``orth``, or ``orth/p`` for part p of a split.
        rows: Of the tensor flattened to two dimensions.
        columns: Of the tensor flattened to two dimensions.
        gain: Multiplies every element.
    """

    stream: Stream
    rows: int
    columns: int
    gain: np.float32


@dataclass(frozen=True, slots=True)
class CenterTap:
    """A convolution that is ``matrix`` at the kernel's centre and zero elsewhere.

    Attributes:
        matrix: Its elements in (out, in) order.
        kernel_elements: Elements of one kernel.
    """

    matrix: Orthogonal
    kernel_elements: int


@dataclass(frozen=True, slots=True)
class Split:
    """Parts side by side along one axis, each with a distribution of its own.

    Elementwise parts count their elements over the whole tensor; whole parts
    (orthogonal, sparse) over their own.

    Attributes:
        parts: One distribution for each part.
        sizes: Of each part along the axis.
        inner_elements: Product of the dimensions after the axis.
    """

    parts: tuple["Distribution", ...]
    sizes: tuple[int, ...]
    inner_elements: int


@dataclass(frozen=True, slots=True)
class ZeroedRow:
    """``values``, with the elements of one row put to zero last.

    Attributes:
        values: What the tensor is otherwise.
        start: First zeroed element.
        stop: One beyond the last.
    """

    values: "Distribution"
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Stored:
    """The elements of a stored tensor, converted; fitted to another shape first, if at all.

    Attributes:
        tensor: Where they are.
        adaptation: How they are fitted; None if its shape is this tensor's.
    """

    tensor: StoredTensor
    adaptation: Adaptation | None


@dataclass(frozen=True, slots=True)
class StoredMoments:
    """Normals with the mean and the standard deviation of a stored tensor's elements.

    Attributes:
        stream: Of the tensor that is drawn.
        tensor: Whose moments they have.
    """

    stream: Stream
    tensor: StoredTensor


Distribution = (
    Drawn
    | Constant
    | OnePerRow
    | Sparse
    | Orthogonal
    | CenterTap
    | Split
    | ZeroedRow
    | Stored
    | StoredMoments
)
