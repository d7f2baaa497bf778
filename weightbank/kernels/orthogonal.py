"""Blocks of Householder reflectors, and their application to a panel of columns.

Theory of operation: a panel is some columns of Q, stored by rows, so that the
innermost loop runs over columns that do not meet and vectorises without changing
the order of any sum. That loop takes four rows of the result and four of the
factor at once: sixteen products for eight loads and four stores, each row of the
result still receiving its terms one by one, in order. Rows of Q are visited in
chunks small enough for the first-level cache.

Inner products of reflectors are sums of sixteen parts, element j to part j mod 16:
each part is taken over columns in the same way, from a transposed copy of a chunk.
That copy is filled up with zeros, which changes no bit: products of zero are added,
and no sum here is ever -0, as each starts from +0 and rounding to nearest gives -0
only for -0 + -0.

Every kernel does a stretch of rows or elements and can go on later, so that no
call takes long, whatever the size of the matrix.
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

GRAM_ROWS = PARTIAL_SUMS * CHUNK_ROWS
"""Elements of all reflectors that are copied together for their inner products."""

STANDARD_NORMAL = (NORMAL, 1.0, 0.0, 0, 0, 0.0, 0.0)

_ZERO = np.float32(0)
_ONE = np.float32(1)


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
def reflectors(  # noqa: PLR0917 - numba takes no keywords in good time
    v: NDArray[np.float32],
    signs: NDArray[np.float32],
    partial: NDArray[np.float32],
    first: int,
    length: int,
    key: Key,
    number: int,
    start: int,
    elements: int,
) -> tuple[int, int]:
    """Go on with the Householder vectors of one block, without their leading zeros.

    Args:
        v: float32, shape (reflectors, length - first).
        signs: float32, shape (reflectors,): the signs that they leave.
        partial: float32, shape (PARTIAL_SUMS,): kept from one call to the next.
        first: Number of the first reflector, and first row that is kept.
        length: Rows of Q.
        key: Of the stream.
        number: Reflector to go on with, counted within the block.
        start: Elements of it that are done already, counted from its diagonal.
        elements: How many to do; at least 16 are done.

    Returns:
        ``(number, start)`` of the next call; all is done at number = reflectors.
    """
    while number < signs.size and elements > 0:
        kept = v[number][number:]
        stop = min(kept.size, start + max(elements - elements % PARTIAL_SUMS, PARTIAL_SUMS))
        if start == 0:
            v[number, :number] = _ZERO
            partial[:] = _ZERO
        element = (first + number) * length + first + number + start
        block, skipped = element // WORDS_PER_BLOCK, element % WORDS_PER_BLOCK
        stretch = kept[start:stop]
        fill(stretch.view(np.uint8), FLOAT32, block, skipped, key, STANDARD_NORMAL)
        for at in range(0, stretch.size, PARTIAL_SUMS):
            _add_products(partial, stretch, stretch, at)
        elements -= stop - start
        start = stop
        if stop == kept.size:
            signs[number] = _reflect(kept, np.sqrt(_tree(partial)))
            number, start = number + 1, 0
    return number, start


@inlined
def _reflect(kept: NDArray[np.float32], norm: np.float32) -> np.float32:
    """Turn a vector into its reflector; return the sign that it leaves."""
    if kept[0] < _ZERO:
        kept[0] = kept[0] - norm
        return _ONE
    kept[0] = kept[0] + norm
    return -_ONE


@kernel
def gram(v: NDArray[np.float32], sums: NDArray[np.float32], start: int, stop: int) -> None:
    """Add a stretch of rows to the parts of the inner products of a block's reflectors.

    Args:
        v: float32, shape (reflectors, rows).
        sums: float32, (PARTIAL_SUMS, padded reflectors, padded reflectors), padded
            to a multiple of ``UNROLLED``: each part of each inner product.
        start: First row, a multiple of ``GRAM_ROWS``.
        stop: One beyond the last, such a multiple too or the end.
    """
    copy = np.zeros((PARTIAL_SUMS, CHUNK_ROWS, sums.shape[1]), np.float32)
    for chunk in range(start, stop, GRAM_ROWS):
        rows = min(chunk + GRAM_ROWS, stop) - chunk
        if rows < GRAM_ROWS:
            copy[:] = _ZERO
        for i in range(v.shape[0]):
            for row in range(rows):
                copy[row % PARTIAL_SUMS, row // PARTIAL_SUMS, i] = v[i, chunk + row]
        groups = -(-rows // (PARTIAL_SUMS * UNROLLED))
        for part in range(PARTIAL_SUMS):
            _add_squares(sums[part], copy[part], groups * UNROLLED)


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


@inlined
def _add_squares(sums: NDArray[np.float32], x: NDArray[np.float32], rows: int) -> None:
    """Add x[r, i] * x[r, :] to row i of ``sums``, for each of ``rows`` rows in order."""
    for i in range(0, x.shape[1], UNROLLED):
        for r in range(0, rows, UNROLLED):
            a = (
                (x[r, i], x[r + 1, i], x[r + 2, i], x[r + 3, i]),
                (x[r, i + 1], x[r + 1, i + 1], x[r + 2, i + 1], x[r + 3, i + 1]),
                (x[r, i + 2], x[r + 1, i + 2], x[r + 2, i + 2], x[r + 3, i + 2]),
                (x[r, i + 3], x[r + 1, i + 3], x[r + 2, i + 3], x[r + 3, i + 3]),
            )
            _add_four_by_four(sums, i, x, r, a)


@inlined
def _add_row(
    sums: NDArray[np.float32], into: int, rows: NDArray[np.float32], source: int, a: np.float32
) -> None:
    """Add, to one row of ``sums``, one row of ``rows`` times ``a``."""
    for column in range(rows.shape[1]):
        sums[into, column] = sums[into, column] + a * rows[source, column]


@kernel
def project(  # noqa: PLR0917 - numba takes no keywords in good time
    w: NDArray[np.float32],
    v: NDArray[np.float32],
    q: NDArray[np.float32],
    first: int,
    start: int,
    stop: int,
) -> None:
    """Add v_i[r] * Q[first + r] to W[i], for every i, over r = start ... stop - 1 in order.

    Args:
        w: float32, shape (reflectors, columns), zeros at first.
        v: float32, shape (reflectors, len(q) - first).
        q: float32, shape (rows, columns).
        first: First row that the block touches.
        start: First row of the stretch, counted from there.
        stop: One beyond its last.
    """
    fours = w.shape[0] - w.shape[0] % UNROLLED
    whole = stop - (stop - start) % UNROLLED
    for chunk in range(start, whole, CHUNK_ROWS):
        end = min(chunk + CHUNK_ROWS, whole)
        for i in range(0, fours, UNROLLED):
            for r in range(chunk, end, UNROLLED):
                a = (
                    (v[i, r], v[i, r + 1], v[i, r + 2], v[i, r + 3]),
                    (v[i + 1, r], v[i + 1, r + 1], v[i + 1, r + 2], v[i + 1, r + 3]),
                    (v[i + 2, r], v[i + 2, r + 1], v[i + 2, r + 2], v[i + 2, r + 3]),
                    (v[i + 3, r], v[i + 3, r + 1], v[i + 3, r + 2], v[i + 3, r + 3]),
                )
                _add_four_by_four(w, i, q, first + r, a)
        for i in range(fours, w.shape[0]):
            for r in range(chunk, end):
                _add_row(w, i, q, first + r, v[i, r])
    for r in range(whole, stop):
        for i in range(w.shape[0]):
            _add_row(w, i, q, first + r, v[i, r])


@kernel
def solve(w: NDArray[np.float32], g: NDArray[np.float32], scales: NDArray[np.float32]) -> None:
    """Turn W into what the reflectors, applied together, are multiplied with.

    Args:
        w: float32, shape (reflectors, columns), in place.
        g: float32, shape (reflectors, reflectors): the upper triangle is read.
        scales: float32, shape (reflectors,): 2 ÷ the diagonal of ``g``.
    """
    for i in range(w.shape[0] - 1, -1, -1):
        for later in range(i + 1, w.shape[0]):
            _add_row(w, i, w, later, g[i, later])
        for column in range(w.shape[1]):
            w[i, column] = -(w[i, column] * scales[i])


@kernel
def update(  # noqa: PLR0917 - numba takes no keywords in good time
    q: NDArray[np.float32],
    v: NDArray[np.float32],
    w: NDArray[np.float32],
    first: int,
    start: int,
    stop: int,
) -> None:
    """Add v_i[r] * W[i] to Q[first + r] for each i in order, for r = start ... stop - 1.

    Args:
        q: float32, shape (rows, columns), in place.
        v: float32, shape (reflectors, len(q) - first).
        w: float32, shape (reflectors, columns).
        first: First row that the block touches.
        start: First row of the stretch, counted from there.
        stop: One beyond its last.
    """
    fours = w.shape[0] - w.shape[0] % UNROLLED
    whole = stop - (stop - start) % UNROLLED
    for chunk in range(start, whole, CHUNK_ROWS):
        end = min(chunk + CHUNK_ROWS, whole)
        for i in range(0, fours, UNROLLED):
            for r in range(chunk, end, UNROLLED):
                a = (
                    (v[i, r], v[i + 1, r], v[i + 2, r], v[i + 3, r]),
                    (v[i, r + 1], v[i + 1, r + 1], v[i + 2, r + 1], v[i + 3, r + 1]),
                    (v[i, r + 2], v[i + 1, r + 2], v[i + 2, r + 2], v[i + 3, r + 2]),
                    (v[i, r + 3], v[i + 1, r + 3], v[i + 2, r + 3], v[i + 3, r + 3]),
                )
                _add_four_by_four(q, first + r, w, i, a)
        for i in range(fours, w.shape[0]):
            for r in range(chunk, end):
                _add_row(q, first + r, w, i, v[i, r])
    for r in range(whole, stop):
        for i in range(w.shape[0]):
            _add_row(q, first + r, w, i, v[i, r])
