"""docs/numbers.md, "What else draws", word for word in plain Python.

A second implementation, slow and apart from the library's: only streams, words and the
normal of a word are shared. The answers in project.json were computed with it.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from weightbank.numbers.exact import nearest_float32
from weightbank.numbers.normal import standard_normal
from weightbank.numbers.orthogonal import orthogonal_matrix
from weightbank.numbers.philox import stream_words
from weightbank.numbers.streams import derive_stream

Values = NDArray[np.float32]


def normals(seed: int, name: str, elements: int) -> list[np.float32]:
    """Return z of every element's word."""
    return list(standard_normal(stream_words(derive_stream(seed, name), 0, elements)))


def sparse(seed: int, name: str, shape: tuple[int, int], *, sparsity: float, std: float) -> Values:
    """Return a sparse matrix."""
    rows, columns = shape
    zeros = math.ceil(sparsity * rows)
    z = normals(seed, name, rows * columns)
    u = stream_words(derive_stream(seed, name, "sparse"), 0, rows * columns).tolist()
    out = np.zeros(shape, np.float32)
    for column in range(columns):
        order = sorted(range(rows), key=lambda row: (u[row * columns + column], row))
        for row in order[zeros:]:
            out[row, column] = z[row * columns + column] * nearest_float32(Fraction(std))
    return out


def orthogonal_parts(
    seed: int, name: str, shape: Sequence[int], *, axis: int, sizes: Sequence[int]
) -> Values:
    """Return an orthogonal tensor whose parts are matrices of their own."""
    parts = []
    for p, size in enumerate(sizes):
        part = [*shape[:axis], size, *shape[axis + 1 :]]
        stream = derive_stream(seed, name, f"orth/{p}")
        matrix = orthogonal_matrix(stream, part[0], math.prod(part[1:]), np.float32(1))
        parts.append(matrix.reshape(part))
    return np.concatenate(parts, axis)


def dirac(shape: Sequence[int], *, groups: int) -> Values:
    """Return the identity of a convolution."""
    out = np.zeros(tuple(shape), np.float32)
    center = tuple(size // 2 for size in shape[2:])
    for output in range(shape[0]):
        channel = output % (shape[0] // groups)
        if channel < shape[1]:
            out[(output, channel, *center)] = 1
    return out
