"""Orthogonal matrices on a CPU, by panels of columns that any number of threads share.

Theory of operation: blocks of reflectors are made first, each alone. The columns
of Q then never meet: a panel of them is taken through the blocks from the last
one that reaches it to the first. Beside the result, the reflectors stand in
memory without their leading zeros (half the result, for a square matrix), and a
panel for each thread. However long the matrix is, a step is short: a block is
made, and applied, a stretch of rows at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weightbank.kernels import orthogonal as kernels
from weightbank.making import STEP_OPERATIONS, Pieces, Stages, paced
from weightbank.numbers.orthogonal import BLOCK_REFLECTORS, PARTIAL_SUMS
from weightbank.numbers.streams import Stream

PANEL_COLUMNS = 128
"""Columns of Q that are taken through all blocks together."""

# Operations of one element, as measured: drawn and squared; copied in the end, where
# the first panel meets memory that has never been touched.
_DRAWING, _STORING = 4, 16
# Products in an operation; the innermost loops of narrow panels do not vectorise.
_PRODUCTS, _NARROW_PRODUCTS, _GRAM_PRODUCTS = 16, 4, 8
_NARROW_COLUMNS = 16
_VECTOR_COLUMNS = 8

# A tile of what is written touches few pages, and stays in the cache in between.
_TILE_COLUMNS, _TILE_ELEMENTS = 32, 2**15

_TWO = np.float32(2)

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Block:
    """Some reflectors that are applied together.

    Attributes:
        first: Number of the first one, and first row that they touch.
        v: float32, shape (reflectors, rows of Q - first).
        g: Their inner products, shape (reflectors, reflectors).
        scales: 2 ÷ the diagonal of ``g``.
        signs: Of the diagonal of Q, shape (reflectors,).
    """

    first: int
    v: Matrix
    g: Matrix
    scales: Matrix
    signs: Matrix


def panels(
    stream: Stream,
    rows: int,
    columns: int,
    gain: np.float32,
    *,
    step_operations: int = STEP_OPERATIONS,
) -> Stages:
    """Make an orthogonal matrix.

    Args:
        stream: As for ``Backend.begin_orthogonal``.
        rows: At least 1.
        columns: At least 1.
        gain: Multiplies every element.
        step_operations: Of a step: see ``paced``. No piece is less than a few dozen
            rows, however few operations are given.

    Returns:
        float32, shape (rows, columns).
    """
    out = np.empty((rows, columns), np.float32)
    product = _Product(stream, gain, out.T if rows <= columns else out, step_operations, {})
    count = min(rows, columns)
    firsts = range(0, count, BLOCK_REFLECTORS)
    yield [paced(product.make_block(first), step_operations) for first in firsts]
    # The last panels go through the most blocks: begin with them.
    starts = reversed(range(0, count, PANEL_COLUMNS))
    yield [paced(product.make_panel(start), step_operations) for start in starts]
    return out


@dataclass(frozen=True, slots=True)
class _Product:
    """A product of reflections on its way.

    Attributes:
        stream: Of the reflectors.
        gain: Multiplies every element.
        out: Where Q times gain is written, shape (rows of Q, columns of Q).
        piece_operations: Most of a piece of work.
        blocks: Those that are made, by their first reflector.
    """

    stream: Stream
    gain: np.float32
    out: Matrix
    piece_operations: int
    blocks: dict[int, _Block]

    def make_block(self, first: int) -> Pieces:
        """Make the block of reflectors that begins with one of them."""
        length, count = self.out.shape
        signs = np.empty(min(BLOCK_REFLECTORS, count - first), np.float32)
        v = np.empty((signs.size, length - first), np.float32)
        yield from self._draw(first, v, signs)
        padded = -(-signs.size // kernels.UNROLLED) * kernels.UNROLLED
        sums = np.zeros((PARTIAL_SUMS, padded, padded), np.float32)
        operations = padded * padded // _GRAM_PRODUCTS + padded
        for start, stop in self._stretches(v.shape[1], operations, kernels.GRAM_ROWS):
            kernels.gram(v, sums, start, stop)
            yield (stop - start) * operations
        g = np.ascontiguousarray(_tree(sums)[: signs.size, : signs.size])
        self.blocks[first] = _Block(first, v, g, _TWO / g.diagonal(), signs)

    def make_panel(self, start: int) -> Pieces:
        """Make the columns of Q from one on."""
        length, count = self.out.shape
        stop = min(start + PANEL_COLUMNS, count)
        q = np.zeros((length, _panel_width(stop - start)), np.float32)
        for first in range(start - start % BLOCK_REFLECTORS, stop, BLOCK_REFLECTORS):
            signs = self.blocks[first].signs
            for column in range(max(first, start), min(first + signs.size, stop)):
                q[column, column - start] = signs[column - first]
        last = (stop - 1) - (stop - 1) % BLOCK_REFLECTORS
        for first in range(last, -1, -BLOCK_REFLECTORS):
            yield from self._apply(self.blocks[first], q)
        yield from self._store(q[:, : stop - start], self.out[:, start:stop])

    def _draw(self, first: int, v: Matrix, signs: Matrix) -> Pieces:
        """Make the reflectors of a block."""
        stream, length = self.stream, len(self.out)
        key = (stream.key0, stream.key1, stream.counter2, stream.counter3)
        partial = np.empty(PARTIAL_SUMS, np.float32)
        number, start = 0, 0
        elements = max(self.piece_operations // _DRAWING, 1)
        while number < signs.size:
            number, start = kernels.reflectors(
                v, signs, partial, first, length, key, number, start, elements
            )
            yield min(elements, v.size) * _DRAWING

    def _apply(self, block: _Block, q: Matrix) -> Pieces:
        """Apply a block of reflectors to a panel."""
        (count, rows), width = block.v.shape, q.shape[1]
        products = _NARROW_PRODUCTS if width <= _NARROW_COLUMNS else _PRODUCTS
        operations = count * width // products + (count + width) // 2
        stretches = list(self._stretches(rows, operations, kernels.CHUNK_ROWS))
        w = np.zeros((count, width), np.float32)
        for start, stop in stretches:
            kernels.project(w, block.v, q, block.first, start, stop)
            yield (stop - start) * operations
        kernels.solve(w, block.g, block.scales)
        for start, stop in stretches:
            kernels.update(q, block.v, w, block.first, start, stop)
            yield (stop - start) * operations

    def _store(self, q: Matrix, out: Matrix) -> Pieces:
        """Write a panel times gain, a tile at a time, as ``out`` may be transposed."""
        rows, columns = q.shape
        step = _TILE_ELEMENTS // min(columns, _TILE_COLUMNS)
        for left in range(0, columns, _TILE_COLUMNS):
            for top in range(0, rows, step):
                tile = np.s_[top : top + step, left : left + _TILE_COLUMNS]
                # An assignment runs along its target, a product along its factor.
                scaled = q[tile] * self.gain
                out[tile] = scaled
                yield scaled.size * _STORING

    def _stretches(self, rows: int, operations: int, multiple: int) -> Iterator[tuple[int, int]]:
        """Cut rows, each of some operations, into pieces, at multiples of a number of rows."""
        step = self.piece_operations // max(operations, 1)
        step = max(step - step % multiple, multiple)
        for start in range(0, rows, step):
            yield start, min(start + step, rows)


def _tree(sums: Matrix) -> Matrix:
    """Add partial sums, the first axis, as ``weightbank.numbers.orthogonal.dot`` does."""
    half = PARTIAL_SUMS // 2
    while half:
        sums = sums[:half] + sums[half : 2 * half]
        half //= 2
    total: Matrix = sums[0]
    return total


def _panel_width(columns: int) -> int:
    """Return how many columns of memory a panel takes, so that loops vectorise.

    Examples:
        >>> [_panel_width(columns) for columns in (1, 16, 17, 100, 128)]
        [1, 16, 32, 104, 128]
    """
    if columns <= _NARROW_COLUMNS:
        return columns
    padded = -(-columns // _VECTOR_COLUMNS) * _VECTOR_COLUMNS
    return max(padded, 2 * _NARROW_COLUMNS)
