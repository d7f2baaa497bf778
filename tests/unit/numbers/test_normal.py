"""The standard normal: how close it is to the quantile, and its symmetries."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri

from weightbank.numbers.coefficients import P, Q, T
from weightbank.numbers.normal import LARGEST, TAIL_STOP, standard_normal


@pytest.fixture(scope="module")
def words() -> NDArray[np.uint32]:
    """Words all over, and all around the tails."""
    strided = np.arange(0, 2**32, 4999, dtype=np.uint64).astype(np.uint32)
    tails = np.arange(2**31 - 2**16, 2**31 + 2**16, dtype=np.uint64).astype(np.uint32)
    return np.concatenate([strided, tails])


def test_table_shapes_and_that_it_is_read_only() -> None:
    """The coefficients are as many as the page says, and cannot be changed."""
    assert (P.shape, Q.shape, T.shape) == ((7,), (6,), (24, 7))
    assert not any(table.flags.writeable for table in (P, Q, T))


def test_relative_error(words: NDArray[np.uint32]) -> None:
    """Against the true quantile the relative error is at most 4.4e-7."""
    t = (words | np.uint32(1)).view(np.int32).astype(np.int64)
    m = 2**31 - np.abs(t)
    # The quantile of the lower tail, where the probability is exact in float64.
    true = -np.sign(t) * ndtri(m / 2**32)
    # ndtri itself loses digits near 1/2; there the first term of the series holds.
    near = np.abs(t) < 2**16
    true[near] = t[near] / 2**32 * np.sqrt(2 * np.pi)
    z = standard_normal(words).astype(np.float64)
    assert np.abs(z / true - 1).max() <= 4.4e-7


def test_antisymmetric(words: NDArray[np.uint32]) -> None:
    """The complement of a word gives the negative value."""
    # The lowest bit is not looked at: ~(w | 1) = -(w | 1) - 1, and | 1 restores oddness.
    mirrored = (np.uint32(0) - (words | np.uint32(1))).astype(np.uint32)
    assert standard_normal(mirrored).tobytes() == (-standard_normal(words)).tobytes()


def test_monotone(words: NDArray[np.uint32]) -> None:
    """A greater word, as a signed number, never gives a lesser value by more than an ulp or so."""
    ordered = np.sort(words.view(np.int32))
    z = standard_normal(ordered.view(np.uint32)).astype(np.float64)
    assert (np.diff(z) >= -5e-7 * np.abs(z[1:])).all()


def test_extremes() -> None:
    """The greatest magnitude stays within LARGEST, and the least is not 0."""
    ends = standard_normal(np.array([2**31 - 1, 2**31, 0, 2**32 - 1], np.uint32))
    assert abs(ends[0]) <= LARGEST
    assert ends[0] == -ends[1]
    assert 0 < ends[2] < 6e-10
    assert ends[3] == -ends[2]


def test_the_tail_meets_the_centre() -> None:
    """Where the tail begins, the two formulas differ by a few ulp and not by more."""
    edge = 2**31 - TAIL_STOP
    z = standard_normal(np.array([edge - 1, edge + 1], np.uint32))
    assert z[1] > z[0]
    assert z[1] - z[0] < 2e-6


def test_moments() -> None:
    """Evenly spaced words have the moments of a standard normal."""
    words = (np.arange(2**20, dtype=np.uint32) << np.uint32(12)) + np.uint32(2**11)
    z = standard_normal(words).astype(np.float64)
    assert abs(z.mean()) < 1e-5
    assert abs((z**2).mean() - 1) < 1e-4
    assert abs((z**4).mean() - 3) < 2e-3
