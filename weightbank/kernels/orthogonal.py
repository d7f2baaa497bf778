"""Blocks of Householder reflectors, and their application to a panel of columns.

Theory of operation: a panel is some columns of Q, stored by rows, so that the
innermost loop runs over columns that do not meet and vectorises without changing
the order of any sum. That loop takes four rows of the result and four of the
factor at once: sixteen products for eight loads and four stores, each row of the
result still receiving its terms one by one, in order. Rows of Q are visited in
chunks small enough for the first-level cache.

A block's reflectors are filled up with zero ones to a multiple of four. This
changes no bit: they add products of zero, and no sum here is ever -0, as each
starts from +0 or ±1 and rounding to nearest gives -0 only for -0 + -0.
"""

import numpy as np
from numpy.typing import NDArray

from weightbank.kernels.compile import inlined, kernel
from weightbank.kernels.fill import FLOAT32, NORMAL, fill
from weightbank.kernels.philox import WORDS_PER_BLOCK, Key
from weightbank.numbers.orthogonal import PARTIAL_SUMS

UNROLLED = 4
"""Rows of result and of factor that the innermost loop takes at once."""

CHUNK_ROWS = 32
"""Rows of Q that are visited together; a multiple of ``UNROLLED``."""

STANDARD_NORMAL = (NORMAL, 1.0, 0.0, 0, 0, 0.0, 0.0)

_ZERO = np.float32(0)
_ONE = np.float32(1)
_TWO = np.float32(2)


@inlined
def _tree(partial: NDArray[np.float32]) -> np.float32:
    """Add partial sums as a tree, in place."""
    half = PARTIAL_SUMS // 2
    while half:
        for lane in range(half):
            partial[lane] = partial[lane] + partial[lane + half]
        half //= 2
    total: np.float32 = partial[0]
    return total


@inlined
def _add_products(
    partial: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32], start: int
) -> None:
    """Add up to ``PARTIAL_SUMS`` products from ``start``, each to its partial sum."""
    if x.size - start >= PARTIAL_SUMS:
        for lane in range(PARTIAL_SUMS):
            partial[lane] = partial[lane] + x[start + lane] * y[start + lane]
    else:
        for lane in range(x.size - start):
            partial[lane] = partial[lane] + x[start + lane] * y[start + lane]


@kernel
def reflectors(
    v: NDArray[np.float32],
    signs: NDArray[np.float32],
    first: int,
    length: int,
    key: Key,
) -> None:
    """Write the Householder vectors of one block, without their leading zeros.

    Args:
        v: float32, shape (padded reflectors, length - first).
        signs: float32, shape (reflectors,): the signs that they leave.
        first: Number of the first reflector, and first row that is kept.
        length: Rows of Q.
        key: Of the stream.
    """
    partial = np.empty(PARTIAL_SUMS, np.float32)
    v[signs.size :] = _ZERO
    for number in range(signs.size):
        row = v[number]
        element = (first + number) * length + first
        block, skipped = element // WORDS_PER_BLOCK, element % WORDS_PER_BLOCK
        fill(row.view(np.uint8), FLOAT32, block, skipped, key, STANDARD_NORMAL)
        row[:number] = _ZERO
        kept = row[number:]
        partial[:] = _ZERO
        for start in range(0, kept.size, PARTIAL_SUMS):
            _add_products(partial, kept, kept, start)
        norm = np.sqrt(_tree(partial))
        if kept[0] < _ZERO:
            kept[0] = kept[0] - norm
            signs[number] = _ONE
        else:
            kept[0] = kept[0] + norm
            signs[number] = -_ONE


@kernel
def gram(
    v: NDArray[np.float32], count: int, g: NDArray[np.float32], scales: NDArray[np.float32]
) -> None:
    """Write the inner products of a block's reflectors.

    Args:
        v: float32, shape (padded reflectors, rows).
        count: Reflectors that are not padding.
        g: float32, (padded reflectors, padded reflectors): the upper triangle is written.
        scales: float32, (padded reflectors,): 2 ÷ the diagonal.
    """
    partials = np.empty((v.shape[0], PARTIAL_SUMS), np.float32)
    g[:] = _ZERO
    scales[:] = _ZERO
    for number in range(count):
        partials[:] = _ZERO
        for start in range(0, v.shape[1], PARTIAL_SUMS):
            for later in range(number, count):
                _add_products(partials[later], v[number], v[later], start)
        for later in range(number, count):
            g[number, later] = _tree(partials[later])
        scales[number] = _TWO / g[number, number]


@inlined
def _add_four_by_four(
    sums: NDArray[np.float32],
    into: int,
    rows: NDArray[np.float32],
    source: int,
    a: tuple[tuple[np.float32, ...], ...],
) -> None:
    """Add, to four rows of ``sums``, four rows of ``rows`` times ``a``, in order."""
    for column in range(rows.shape[1]):
        x0 = rows[source, column]
        x1 = rows[source + 1, column]
        x2 = rows[source + 2, column]
        x3 = rows[source + 3, column]
        for index in range(UNROLLED):
            sums[into + index, column] = (
                ((sums[into + index, column] + a[index][0] * x0) + a[index][1] * x1)
                + a[index][2] * x2
            ) + a[index][3] * x3


@kernel
def project(
    w: NDArray[np.float32], v: NDArray[np.float32], q: NDArray[np.float32], first: int
) -> None:
    """W[i] = the sum of v_i[r] * Q[r] over r = first ..., in order.

    Args:
        w: float32, shape (padded reflectors, columns).
        v: float32, shape (padded reflectors, len(q) - first).
        q: float32, shape (rows, columns).
        first: First row that the block touches.
    """
    w[:] = _ZERO
    rows = v.shape[1]
    whole = rows - rows % UNROLLED
    for chunk in range(0, whole, CHUNK_ROWS):
        for i in range(0, w.shape[0], UNROLLED):
            for r in range(chunk, min(chunk + CHUNK_ROWS, whole), UNROLLED):
                a = (
                    (v[i, r], v[i, r + 1], v[i, r + 2], v[i, r + 3]),
                    (v[i + 1, r], v[i + 1, r + 1], v[i + 1, r + 2], v[i + 1, r + 3]),
                    (v[i + 2, r], v[i + 2, r + 1], v[i + 2, r + 2], v[i + 2, r + 3]),
                    (v[i + 3, r], v[i + 3, r + 1], v[i + 3, r + 2], v[i + 3, r + 3]),
                )
                _add_four_by_four(w, i, q, first + r, a)
    for r in range(whole, rows):
        for i in range(w.shape[0]):
            for column in range(w.shape[1]):
                w[i, column] = w[i, column] + v[i, r] * q[first + r, column]


@kernel
def solve(w: NDArray[np.float32], g: NDArray[np.float32], scales: NDArray[np.float32]) -> None:
    """Turn W into what the reflectors, applied together, are multiplied with.

    Args:
        w: float32, shape (padded reflectors, columns), in place.
        g: float32, shape (padded reflectors, padded reflectors).
        scales: float32, shape (padded reflectors,).
    """
    for i in range(w.shape[0] - 1, -1, -1):
        for later in range(i + 1, w.shape[0]):
            for column in range(w.shape[1]):
                w[i, column] = w[i, column] + g[i, later] * w[later, column]
        for column in range(w.shape[1]):
            w[i, column] = -(w[i, column] * scales[i])


@kernel
def update(
    q: NDArray[np.float32], v: NDArray[np.float32], w: NDArray[np.float32], first: int
) -> None:
    """Q[r] = Q[r] + v_i[r] * W[i] for each i in order, for every r >= first.

    Args:
        q: float32, shape (rows, columns), in place.
        v: float32, shape (padded reflectors, len(q) - first).
        w: float32, shape (padded reflectors, columns).
        first: First row that the block touches.
    """
    rows = v.shape[1]
    whole = rows - rows % UNROLLED
    for r in range(0, whole, UNROLLED):
        for i in range(0, w.shape[0], UNROLLED):
            a = (
                (v[i, r], v[i + 1, r], v[i + 2, r], v[i + 3, r]),
                (v[i, r + 1], v[i + 1, r + 1], v[i + 2, r + 1], v[i + 3, r + 1]),
                (v[i, r + 2], v[i + 1, r + 2], v[i + 2, r + 2], v[i + 3, r + 2]),
                (v[i, r + 3], v[i + 1, r + 3], v[i + 2, r + 3], v[i + 3, r + 3]),
            )
            _add_four_by_four(q, first + r, w, i, a)
    for r in range(whole, rows):
        for i in range(w.shape[0]):
            for column in range(w.shape[1]):
                q[first + r, column] = q[first + r, column] + v[i, r] * w[i, column]
