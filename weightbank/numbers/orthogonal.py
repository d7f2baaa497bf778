"""Orthogonal matrices: a product of Householder reflections (Stewart 1980).

Theory of operation: m reflectors made of independent normals, applied to the
first m columns of the identity, give m orthonormal columns that are Haar
distributed. They are applied in blocks of 64 in compact-WY form (Schreiber and
Van Loan 1989). The order of every float32 sum is fixed, so that the bytes are;
the columns of Q never meet, so any of them can be made alone.
Source: docs/numbers.md, "Orthogonal"; https://doi.org/10.1137/0717034.
"""

import numpy as np
from numpy.typing import NDArray

from weightbank.numbers.normal import standard_normal
from weightbank.numbers.philox import stream_words
from weightbank.numbers.streams import Stream

BLOCK_REFLECTORS = 64
PARTIAL_SUMS = 16

Matrix = NDArray[np.float32]


def dot(x: NDArray[np.float32], y: NDArray[np.float32]) -> np.float32:
    """Return the inner product, summed in the fixed order.

    Element j goes to partial sum j mod 16; a tree adds the partial sums.

    Args:
        x: float32, shape (n,).
        y: float32, shape (n,).

    Examples:
        >>> float(dot(np.arange(4, dtype=np.float32), np.ones(4, np.float32)))
        6.0
    """
    products = np.zeros(-(-x.size // PARTIAL_SUMS) * PARTIAL_SUMS, np.float32)
    products[: x.size] = x * y
    partial = np.zeros(PARTIAL_SUMS, np.float32)
    # A padding product is +0, and p + 0 is p for every p that a sum from +0 reaches.
    for row in products.reshape(-1, PARTIAL_SUMS):
        partial = partial + row
    half = PARTIAL_SUMS // 2
    while half:
        partial = partial[:half] + partial[half : 2 * half]
        half //= 2
    return np.float32(partial[0])


def orthogonal_matrix(stream: Stream, rows: int, columns: int, gain: np.float32) -> Matrix:
    """Return an orthogonal matrix.

    Args:
        stream: Of the tag ``orth`` (or ``orth/p`` for part p).
        rows: At least 1.
        columns: At least 1.
        gain: Multiplies every element.

    Returns:
        float32, shape (rows, columns): orthonormal rows if rows <= columns, else
        orthonormal columns, times gain.
    """
    if rows > columns:
        return orthogonal_matrix(stream, columns, rows, gain).T.copy()
    reflectors, signs = _reflectors(stream, rows, columns)
    q = np.zeros((columns, rows), np.float32)
    q[np.arange(rows), np.arange(rows)] = signs
    for first in reversed(range(0, rows, BLOCK_REFLECTORS)):
        _apply_block(q, reflectors[first : first + BLOCK_REFLECTORS], first)
    return np.ascontiguousarray(q.T) * gain


def _reflectors(stream: Stream, count: int, length: int) -> tuple[Matrix, Matrix]:
    """Return ``count`` Householder vectors as rows, and the signs they leave."""
    words = stream_words(stream, 0, count * length)
    v = standard_normal(words).reshape(count, length)
    signs = np.empty(count, np.float32)
    for k in range(count):
        v[k, :k] = 0
        norm = np.sqrt(dot(v[k, k:], v[k, k:]))
        if v[k, k] < 0:
            v[k, k] = v[k, k] - norm
            signs[k] = 1
        else:
            v[k, k] = v[k, k] + norm
            signs[k] = -1
    return v, signs


def _apply_block(q: Matrix, v: Matrix, first: int) -> None:
    """Apply the reflectors ``first`` to ``first + len(v)``, the last one first."""
    block = len(v)
    g = np.zeros((block, block), np.float32)
    for i in range(block):
        for later in range(i, block):
            g[i, later] = dot(v[i, first:], v[later, first:])
    w = np.zeros((block, q.shape[1]), np.float32)
    for r in range(first, len(q)):
        w = w + v[:, r, None] * q[r]
    for i in reversed(range(block)):
        for later in range(i + 1, block):
            w[i] = w[i] + g[i, later] * w[later]
        w[i] = -(w[i] * (np.float32(2) / g[i, i]))
    for i in range(block):
        q[first:] = q[first:] + v[i, first:, None] * w[i]
