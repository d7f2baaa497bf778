"""Orthogonal matrices on a CPU, by panels of columns that any number of threads share.

Theory of operation: blocks of reflectors are made first, each alone. The columns
of Q then never meet: a panel of them is taken through the blocks from the last
one that reaches it to the first. Beside the result, the reflectors stand in
memory without their leading zeros (half the result, for a square matrix), and a
panel for each thread.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weightbank.kernels import orthogonal as kernels
from weightbank.making import Stages, Task
from weightbank.numbers.orthogonal import BLOCK_REFLECTORS
from weightbank.numbers.streams import Stream

PANEL_COLUMNS = 128
"""Columns of Q that are taken through all blocks together."""

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Block:
    """Some reflectors that are applied together.

    Attributes:
        first: Number of the first one, and first row that they touch.
        v: float32, shape (padded reflectors, rows of Q - first).
        g: Their inner products, shape (padded reflectors, padded reflectors).
        scales: 2 ÷ the diagonal of ``g``.
        signs: Of the diagonal of Q, shape (reflectors,).
    """

    first: int
    v: Matrix
    g: Matrix
    scales: Matrix
    signs: Matrix


def panels(stream: Stream, rows: int, columns: int, gain: np.float32) -> Stages:
    """Make an orthogonal matrix.

    Args:
        stream: As for ``Backend.begin_orthogonal``.
        rows: At least 1.
        columns: At least 1.
        gain: Multiplies every element.

    Returns:
        float32, shape (rows, columns).
    """
    count, length = min(rows, columns), max(rows, columns)
    out = np.empty((rows, columns), np.float32)
    by_column = out.T if rows <= columns else out  # Q itself, shape (length, count)
    blocks: dict[int, _Block] = {}

    def make_block(first: int) -> Task:
        blocks[first] = _block(stream, first, min(BLOCK_REFLECTORS, count - first), length)
        yield

    def make_panel(start: int) -> Task:
        stop = min(start + PANEL_COLUMNS, count)
        q = _first_panel(blocks, start, stop, length)
        for first in _blocks_of_panel(stop):
            _apply(blocks[first], q)
            yield
        np.multiply(q[:, : stop - start], gain, out=by_column[:, start:stop])

    yield [make_block(first) for first in range(0, count, BLOCK_REFLECTORS)]
    # The last panels go through the most blocks: begin with them.
    yield [make_panel(start) for start in reversed(range(0, count, PANEL_COLUMNS))]
    return out


def _padded(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _block(stream: Stream, first: int, count: int, length: int) -> _Block:
    key = (stream.key0, stream.key1, stream.counter2, stream.counter3)
    padded = _padded(count, kernels.UNROLLED)
    block = _Block(
        first,
        np.empty((padded, length - first), np.float32),
        np.empty((padded, padded), np.float32),
        np.empty(padded, np.float32),
        np.empty(count, np.float32),
    )
    kernels.reflectors(
        block.v,
        block.signs,
        first,
        length,
        key,
    )
    kernels.gram(block.v, count, block.g, block.scales)
    return block


def _first_panel(blocks: dict[int, _Block], start: int, stop: int, length: int) -> Matrix:
    q = np.zeros((length, min(PANEL_COLUMNS, _padded(stop - start, 16))), np.float32)
    for first in range(start - start % BLOCK_REFLECTORS, stop, BLOCK_REFLECTORS):
        signs = blocks[first].signs
        for column in range(max(first, start), min(first + len(signs), stop)):
            q[column, column - start] = signs[column - first]
    return q


def _blocks_of_panel(stop: int) -> range:
    """Return the blocks that reach the columns before ``stop``, the last one first."""
    last = (stop - 1) - (stop - 1) % BLOCK_REFLECTORS
    return range(last, -1, -BLOCK_REFLECTORS)


def _apply(block: _Block, q: Matrix) -> None:
    w = np.empty((len(block.v), q.shape[1]), np.float32)
    kernels.project(w, block.v, q, block.first)
    kernels.solve(w, block.g, block.scales)
    kernels.update(q, block.v, w, block.first)
