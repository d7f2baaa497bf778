"""Orthogonal matrices: the order of a sum, orthonormality, and the Haar distribution."""

import numpy as np
import pytest

from weightbank.numbers.orthogonal import dot, orthogonal_matrix
from weightbank.numbers.streams import derive_stream

ONE = np.float32(1)


def test_dot_sums_in_the_fixed_order() -> None:
    """Sixteen partial sums and a tree, written out by hand, give the same bits."""
    rng = np.random.default_rng(7)
    x, y = rng.standard_normal((2, 53)).astype(np.float32)
    partial = [np.float32(0)] * 16
    for j in range(53):
        partial[j % 16] = partial[j % 16] + x[j] * y[j]
    for h in (8, 4, 2, 1):
        partial = [partial[q] + partial[q + h] for q in range(h)]
    assert dot(x, y).tobytes() == partial[0].tobytes()
    in_order = np.float32(0)
    for j in range(53):
        in_order += x[j] * y[j]
    assert in_order != partial[0]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 9), (9, 1), (40, 70), (130, 129)])
def test_orthonormal(rows: int, columns: int) -> None:
    """The shorter side's vectors are orthonormal up to float32's rounding."""
    q = orthogonal_matrix(derive_stream(5, "o", "orth"), rows, columns, ONE).astype(np.float64)
    product = q @ q.T if rows <= columns else q.T @ q
    assert q.shape == (rows, columns)
    assert np.abs(product - np.eye(len(product))).max() < 2e-6


def test_tall_is_the_transpose_of_wide() -> None:
    """For more rows than columns the transpose of the other matrix is made."""
    stream = derive_stream(5, "o", "orth")
    tall = orthogonal_matrix(stream, 9, 4, ONE)
    assert tall.tobytes() == orthogonal_matrix(stream, 4, 9, ONE).T.tobytes()


def test_gain_multiplies_last() -> None:
    """A gain multiplies the finished elements, each once."""
    stream, gain = derive_stream(5, "o", "orth"), np.float32(1.7)
    plain, scaled = (orthogonal_matrix(stream, 5, 8, g) for g in (ONE, gain))
    assert scaled.tobytes() == (plain * gain).tobytes()


def test_both_signs_of_one_by_one() -> None:
    """A one by one matrix is 1 or -1, and over seeds it is either about as often."""
    values = [
        float(orthogonal_matrix(derive_stream(seed, "o", "orth"), 1, 1, ONE)[0, 0])
        for seed in range(200)
    ]
    assert max(abs(abs(value) - 1) for value in values) < 3e-7
    assert 70 < sum(value > 0 for value in values) < 130


def test_haar_moments() -> None:
    """Over many 3 by 3 matrices, traces have mean 0 and variance 1, as of the Haar measure."""
    traces = np.array(
        [
            np.trace(orthogonal_matrix(derive_stream(seed, "o", "orth"), 3, 3, ONE))
            for seed in range(2000)
        ]
    )
    assert abs(traces.mean()) < 0.07
    assert abs((traces**2).mean() - 1) < 0.1
    assert abs((traces**4).mean() - 3) < 0.5
