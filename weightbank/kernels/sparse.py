"""Which elements of a sparse matrix are zero, from the words of its mask.

Theory of operation: a key is a word and its row, ``word << 32 | row``; no two keys of
a column are equal. Words stream by once, a stretch of rows at a time, and only
those in a band around the key that is looked for are remembered.
"""

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from weightbank.kernels.compile import inlined, kernel

_ROW_BITS = np.uint64(32)


@inlined
def _key(word: np.uint32, row: np.uint64) -> np.uint64:
    key: np.uint64 = (uint64(word) << _ROW_BITS) | row
    return key


@kernel
def collect(  # noqa: PLR0917 - numba takes no keywords in good time
    words: NDArray[np.uint32],
    first_row: int,
    low: int,
    span: int,
    below: NDArray[np.int64],
    found: NDArray[np.int64],
    keys: NDArray[np.uint64],
) -> None:
    """Count the words below a band and remember the keys within, of each column.

    Args:
        words: u32, of whole rows of some columns.
        first_row: Of the words.
        low: Where the band begins.
        span: How many words wide it is, 2**32 at most.
        below: Shape (columns,): added to.
        found: Shape (columns,): how many keys are in the band so far.
        keys: u64, shape (columns, capacity): the first of them.
    """
    columns, capacity = keys.shape
    start, width = uint64(low), uint64(span)
    row = uint64(first_row)
    column = 0
    for index in range(words.size):
        word = uint64(words[index])
        below[column] += int64(word < start)
        # A word below the band wraps around to a very large number.
        if word - start < width:
            if found[column] < capacity:
                keys[column, found[column]] = _key(words[index], row)
            found[column] += 1
        column += 1
        if column == columns:
            column = 0
            row += uint64(1)


@kernel
def stays(
    words: NDArray[np.uint32],
    first: int,
    last_zero: NDArray[np.uint64],
    out: NDArray[np.bool_],
) -> None:
    """Tell which elements are not put to zero.

    Args:
        words: u32, shape (n,): of consecutive elements.
        first: Number of the first element.
        last_zero: u64, shape (columns,): the greatest key that is zero.
        out: Shape (n,).
    """
    column = first % last_zero.size
    row = uint64(first // last_zero.size)
    for index in range(words.size):
        out[index] = _key(words[index], row) > last_zero[column]
        column += 1
        if column == last_zero.size:
            column = 0
            row += uint64(1)
