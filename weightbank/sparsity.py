"""Which elements of a sparse matrix are zero.

Theory of operation: in each column, the rows are ordered by a random word and
then by their index, and the first ``zeros_per_column`` of them are zero: every
choice of rows is as likely as any other. The last key that is zero is all that a
column has to remember, so any range of a matrix is made from one number a column.

Words are uniform, so that key is almost certainly within a few standard deviations
of its quantile. All words of a group of columns pass by once: those below that band
are counted, those within it kept and sorted. Memory grows with the square root of
the rows. Should the band have missed, a wider one is tried; the result is exact.
Source: docs/numbers.md, "What else draws"; Martens 2010, section 5. The band: Floyd
and Rivest 1975, https://doi.org/10.1145/360680.360691.
"""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from weightbank.backends.protocol import Backend
from weightbank.distributions import Sparse
from weightbank.dtypes import Dtype
from weightbank.kernels import sparse as kernels
from weightbank.making import Making, Pieces, Stages, paced

GROUP_KEYS = 2**21
"""Most keys that a group of columns keeps; a single column may keep more."""

BLOCK_ELEMENTS = 2**18
"""Words that are looked at together."""

# How far the key may be from its quantile before a wider band has to be tried:
# about one column in 10**9 is farther.
_DEVIATIONS = 6
_WORDS = 2**32
# What else a column needs while its words pass, in sizes of a key.
_COUNTERS = 4
# Operations of a word that passes by, and of a key that is sorted, as measured.
_PASSING, _SORTING = 4, 16


def fill_sparse(
    values: Sparse,
    last_zero: NDArray[np.uint64],
    dtype: Dtype,
    start: int,
    out: NDArray[Any],
    *,
    backend: Backend,
) -> None:
    """Write elements of a sparse matrix.

    Args:
        values: Of the whole matrix.
        last_zero: What ``begin_sparse`` makes.
        dtype: Of the tensor.
        start: First element.
        out: Of ``dtype.storage``, shape (n,).
        backend: Makes the numbers.
    """
    backend.fill(values.values, dtype, start, out)
    bits = out.view(f"u{out.itemsize}")
    stays = np.empty(min(out.size, BLOCK_ELEMENTS), np.bool_)
    for at in range(0, out.size, BLOCK_ELEMENTS):
        block = bits[at : at + BLOCK_ELEMENTS]
        words = backend.words(values.mask, start + at, start + at + block.size)
        kernels.stays(words, start + at, last_zero, stays[: block.size])
        # A product of integers is +0, and needs no branch.
        np.multiply(block, stays[: block.size], out=block)


def begin_sparse(values: Sparse, backend: Backend) -> Making:
    """Begin the greatest key that is zero, of each column: u64, shape (columns,).

    Args:
        values: Of the whole matrix.
        backend: Makes the words.
    """
    return Making(_stages(values, backend))


def _stages(values: Sparse, backend: Backend) -> Stages:
    last_zero = np.empty(values.columns, np.uint64)
    yield [paced(group) for group in _groups(values, backend, last_zero)]
    return last_zero


def _groups(values: Sparse, backend: Backend, last_zero: NDArray[np.uint64]) -> Iterator[Pieces]:
    """Yield the work on each group of columns."""
    column_keys = _Band.of(values, _DEVIATIONS).capacity + _COUNTERS
    width = max(1, GROUP_KEYS // column_keys)
    for first in range(0, values.columns, width):
        yield _find(values, backend, first, last_zero[first : first + width])


@dataclass(frozen=True, slots=True)
class _Band:
    """Words between which the last zero key of a column is expected.

    Attributes:
        low: The first word.
        span: How many words.
        capacity: How many keys of a column are expected in it at most.
    """

    low: int
    span: int
    capacity: int

    @classmethod
    def of(cls, values: Sparse, deviations: int) -> Self:
        """Return the words within some standard deviations of a key's rank.

        Ranks near an end are Poisson distributed; the square covers their tails.
        """
        rows, rank = values.rows, values.zeros_per_column
        reach = deviations * (math.isqrt(rank * (rows - rank) // rows) + 1) + deviations**2
        low = max(rank - reach, 0) * _WORDS // rows
        high = -(-min(rank + reach, rows) * _WORDS // rows)
        keys = -(-rows * (high - low) // _WORDS)
        spread = deviations * (math.isqrt(keys) + 1) + deviations**2
        return cls(low, high - low, min(rows, keys + spread))


@dataclass(frozen=True, slots=True)
class _Passed:
    """What is left of the words of some columns when they have passed by.

    Attributes:
        wanted: Index of each column's last zero key among its keys in the band.
        keys: u64, shape (columns, capacity), filled up with the largest number.
        is_complete: Whether each of those keys was kept.
    """

    wanted: NDArray[np.int64]
    keys: NDArray[np.uint64]
    is_complete: bool


def _find(
    values: Sparse,
    backend: Backend,
    first: int,
    last_zero: NDArray[np.uint64],
    deviations: int = _DEVIATIONS,
) -> Pieces:
    """Write the last zero keys of the columns from ``first`` on."""
    columns = range(first, first + last_zero.size)
    passed = yield from _pass(values, backend, columns, _Band.of(values, deviations))
    while not passed.is_complete:
        deviations = 2 * deviations + 1
        passed = yield from _pass(values, backend, columns, _Band.of(values, deviations))
    step = max(1, BLOCK_ELEMENTS // passed.keys.shape[1])
    for at in range(0, last_zero.size, step):
        keys, wanted = passed.keys[at : at + step], passed.wanted[at : at + step, None]
        keys.sort(axis=1)
        last_zero[at : at + step] = np.take_along_axis(keys, wanted, axis=1)[:, 0]
        yield keys.size * _SORTING


def _pass(
    values: Sparse, backend: Backend, columns: range, band: _Band
) -> Generator[int, None, _Passed]:
    """Look at all words of some columns."""
    below, found = np.zeros((2, len(columns)), np.int64)
    keys = np.full((len(columns), band.capacity), np.iinfo(np.uint64).max)
    rows = max(1, BLOCK_ELEMENTS // len(columns))
    for row in range(0, values.rows, rows):
        words = _words(values, backend, range(row, min(row + rows, values.rows)), columns)
        kernels.collect(words, row, band.low, band.span, below, found, keys)
        yield words.size * _PASSING
    wanted = values.zeros_per_column - 1 - below
    is_within = (wanted >= 0) & (wanted < found) & (found <= band.capacity)
    return _Passed(wanted, keys, bool(is_within.all()))


def _words(values: Sparse, backend: Backend, rows: range, columns: range) -> NDArray[np.uint32]:
    """Return the words of some columns of some rows, row by row."""
    width = values.columns
    if len(columns) == width:
        return backend.words(values.mask, rows.start * width, rows.stop * width)
    words = np.empty((len(rows), len(columns)), np.uint32)
    for run, row in zip(words, rows, strict=True):
        first = row * width + columns.start
        run[:] = backend.words(values.mask, first, first + len(columns))
    return words.reshape(-1)
