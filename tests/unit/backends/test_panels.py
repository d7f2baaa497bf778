"""Orthogonal matrices by panels, beside the reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weightbank.backends.cpu import CpuBackend
from weightbank.backends.panels import PANEL_COLUMNS
from weightbank.numbers.orthogonal import BLOCK_REFLECTORS, orthogonal_matrix
from weightbank.numbers.streams import derive_stream

STREAM = derive_stream(9, "q", "orth")
GAIN = np.float32(1.4142135)
SHAPES = [
    (1, 1),
    (1, 300),
    (300, 1),
    (2, 3),
    (BLOCK_REFLECTORS, BLOCK_REFLECTORS),
    (BLOCK_REFLECTORS + 1, BLOCK_REFLECTORS + 2),
    (BLOCK_REFLECTORS - 1, 1000),
    (PANEL_COLUMNS, PANEL_COLUMNS),
    (PANEL_COLUMNS + 1, PANEL_COLUMNS + 1),
    (2 * PANEL_COLUMNS + 37, 2 * PANEL_COLUMNS + 90),
    (400, 2 * PANEL_COLUMNS + 63),
]


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_shapes_around_blocks_and_panels(
    cpu: CpuBackend, two_threads: CpuBackend, rows: int, columns: int
) -> None:
    """Shapes that fit blocks and panels, or just do not, on one thread and on two."""
    expected = orthogonal_matrix(STREAM, rows, columns, GAIN)
    for backend in (cpu, two_threads):
        found = backend.orthogonal(STREAM, rows, columns, GAIN)
        assert found.shape == expected.shape
        assert found.flags.c_contiguous
        assert found.tobytes() == expected.tobytes()


@settings(max_examples=40)
@given(rows=st.integers(1, 90), columns=st.integers(1, 90), seed=st.integers(0, 2**64 - 1))
def test_any_small_shape(cpu: CpuBackend, rows: int, columns: int, seed: int) -> None:
    """Any small shape and seed give the reference's bytes."""
    stream = derive_stream(seed, "q", "orth")
    expected = orthogonal_matrix(stream, rows, columns, GAIN)
    assert cpu.orthogonal(stream, rows, columns, GAIN).tobytes() == expected.tobytes()
