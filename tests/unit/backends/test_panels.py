"""Orthogonal matrices by panels, beside the reference."""

import random
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weightbank.backends.cpu import CpuBackend
from weightbank.backends.panels import PANEL_COLUMNS, _Product, panels
from weightbank.making import STEP_OPERATIONS, Making, Prepared, Stages
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
SHORT_STEP = 20_000
"""Operations of a step that cut the work on small matrices into many."""


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


def taken_in_turn(stages: Stages, turns: random.Random) -> Prepared:
    """Take steps of all tasks of a stage in any order, as any threads could."""
    try:
        while True:
            tasks = list(next(stages))
            while tasks:
                task = turns.choice(tasks)
                if next(task, "ended") == "ended":
                    tasks.remove(task)
    except StopIteration as end:
        made: Prepared = end.value
        return made


@settings(max_examples=30)
@given(
    rows=st.integers(1, 300),
    columns=st.integers(1, 300),
    step_operations=st.integers(1, 2**18),
    turns=st.randoms(use_true_random=False),
)
def test_any_order_of_any_steps(
    cpu: CpuBackend, rows: int, columns: int, step_operations: int, turns: random.Random
) -> None:
    """However work is cut into steps, and whoever takes which, the bytes are the same."""
    del cpu  # it has compiled the kernels
    stages = panels(STREAM, rows, columns, GAIN, step_operations=step_operations)
    expected = orthogonal_matrix(STREAM, rows, columns, GAIN)
    assert taken_in_turn(stages, turns).tobytes() == expected.tobytes()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_threads(threads: int) -> None:
    """Threads that take steps at the same time make the reference's bytes."""
    making = Making(panels(STREAM, 400, 700, GAIN, step_operations=SHORT_STEP))
    with ThreadPoolExecutor(threads) as pool:
        made = list(pool.map(lambda _: making.complete(), range(threads)))
    expected = orthogonal_matrix(STREAM, 400, 700, GAIN)
    assert all(matrix.tobytes() == expected.tobytes() for matrix in made)


@pytest.mark.parametrize(("length", "count"), [(2**18, 3), (5000, 70), (3000, 200)])
def test_no_piece_of_work_is_large(length: int, count: int) -> None:
    """However tall a matrix is, it is made and applied in pieces of bounded work."""
    most = 2**19
    product = _Product(STREAM, GAIN, np.empty((length, count), np.float32), most, {})
    firsts = range(0, count, BLOCK_REFLECTORS)
    drawn = [piece for first in firsts for piece in product.make_block(first)]
    starts = range(0, count, PANEL_COLUMNS)
    applied = [piece for start in starts for piece in product.make_panel(start)]
    assert max(*drawn, *applied) <= most
    # Nor is work hidden: by the definition, a column meets each block up to its own
    # twice, and no more than sixteen products count as one operation.
    products = sum(
        2 * (min(start + PANEL_COLUMNS, count) - start) * min(BLOCK_REFLECTORS, count - first)
        * (length - first)
        for start in starts
        for first in range(0, min(start + PANEL_COLUMNS, count), BLOCK_REFLECTORS)
    )  # fmt: skip
    assert sum(applied) * 16 >= products
    assert sum(drawn) >= sum(
        min(BLOCK_REFLECTORS, count - first) * (length - first) for first in firsts
    )


def test_a_matrix_is_many_steps() -> None:
    """The steps that are taken are those pieces put together, and no more."""
    making = CpuBackend().begin_orthogonal(STREAM, 2**22, 1, GAIN)
    taken = 0
    while making.step():
        taken += 1
    # Drawn, applied twice and written: four or five operations an element each time.
    assert taken >= 2**22 * 10 // (2 * STEP_OPERATIONS)


@pytest.mark.parametrize("threads", [1, 3])
def test_memory_beside_the_result_is_bounded(threads: int) -> None:
    """It is the reflectors without their leading zeros, and a panel for each thread."""
    rows, columns = 1024, 2048
    result = 4 * rows * columns
    reflectors = sum(
        4 * BLOCK_REFLECTORS * (columns - first) for first in range(0, rows, BLOCK_REFLECTORS)
    )
    panel = 4 * PANEL_COLUMNS * columns
    small = 2**20
    making = Making(panels(STREAM, rows, columns, GAIN, step_operations=SHORT_STEP))
    tracemalloc.start()
    try:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: making.help(), range(threads)))
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < result + reflectors + threads * (panel + small)
    assert kept < result + small
    assert making.result().nbytes == result
