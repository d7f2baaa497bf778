"""Sparse masks: exact numbers of zeros, from slabs and blocks of any size."""

import numpy as np
import pytest

from tests.specs import values_of
from weightbank import CpuBackend, sparsity
from weightbank.numbers.streams import derive_stream


@pytest.mark.parametrize("rows", [1, 2, 5, 100, 1001])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
def test_every_column_has_its_zeros(rows: int, share: float) -> None:
    """Each column has the share of zeros, rounded up."""
    values = values_of({"type": "sparse", "sparsity": share, "std": 1}, [rows, 37])
    assert (np.sum(values == 0, axis=0) == np.ceil(share * rows)).all()


def test_zeros_are_positive() -> None:
    """A zero is +0, as the constant's."""
    values = values_of({"type": "sparse", "sparsity": 0.5}, [20, 30])
    assert not np.signbit(values[values == 0]).any()


def test_what_is_left_is_the_normal_of_the_same_name() -> None:
    """The mask has a stream of its own, so values are those of a plain normal."""
    sparse = values_of({"type": "sparse", "sparsity": 0.5, "std": 0.3}, [20, 30])
    plain = values_of({"type": "normal", "std": 0.3}, [20, 30])
    assert np.array_equal(sparse[sparse != 0], plain[sparse != 0])


def test_blocks_do_not_show() -> None:
    """A matrix that is made in several blocks and slabs has the zeros of the definition."""
    rows, columns, seed = 2100, 2100, 8
    values = values_of({"type": "sparse", "sparsity": 0.3, "std": 1}, [rows, columns], seed=seed)
    words = CpuBackend().words(derive_stream(seed, "p", "sparse"), 0, rows * columns)
    order = np.argsort(words.reshape(rows, columns), axis=0, kind="stable")
    expected = np.zeros((rows, columns), bool)
    np.put_along_axis(expected, order[:630], values=True, axis=0)
    assert rows * columns > sparsity._BLOCK_ELEMENTS
    assert np.array_equal(values == 0, expected)
