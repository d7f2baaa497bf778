"""Distributions and independence, with fixed seeds and stated power.

Every statistic is let pass up to a value that right numbers exceed with a probability
of about 1e-6 (5 standard errors, or the quantile of the statistic itself). How large
an error would be found, and with what probability, is said in each docstring and
computed in the test: ``power`` has to be at least what is said.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from tests.specs import file_of, parameter, values_of
from weightbank import CpuBackend

N = 2**20
ALLOWED_ERRORS = 5.0
SIGNIFICANCE = 1e-6
SEED = 20_250_301

Values = NDArray[np.float64]


def sample(init: Any, *, seed: int = SEED, name: str = "layer.0.weight") -> Values:
    """Return N values of a bare Parameter as doubles."""
    values: Values = values_of(init, [N], seed=seed, name=name).astype(np.float64)
    return values


def power(effect: float, standard_error: float) -> float:
    """Return the probability that an effect is found by a test of 5 standard errors."""
    return float(stats.norm.sf(ALLOWED_ERRORS - effect / standard_error))


def standard_score(values: Values, expected: float, standard_error: float) -> float:
    """Return how many standard errors a mean is off."""
    return abs(float(values.mean()) - expected) / standard_error


def smirnov_distance(values: Values, cdf: Callable[[Values], Values]) -> float:
    """Return the greatest distance between the sample's and the right distribution."""
    ranks = cdf(np.sort(values))
    upper = np.arange(1, len(values) + 1) / len(values) - ranks
    return float(max(upper.max(), (ranks - np.arange(len(values)) / len(values)).max()))


SMIRNOV_CRITICAL = float(stats.kstwobign.isf(SIGNIFICANCE)) / math.sqrt(N)


def truncated(low: float, high: float) -> Callable[[Values], Values]:
    """Return the distribution function of a standard normal between two bounds."""
    frozen: Callable[[Values], Values] = stats.truncnorm(low, high).cdf
    return frozen


KAPPA = math.sqrt(stats.truncnorm(-2, 2).var())
DISTRIBUTIONS: dict[str, tuple[Any, Callable[[Values], Values]]] = {
    "normal": ("normal", stats.norm.cdf),
    "shifted normal": ({"type": "normal", "mean": 3, "std": 0.5}, stats.norm(3, 0.5).cdf),
    "uniform": ({"type": "uniform", "a": -1, "b": 2}, stats.uniform(-1, 3).cdf),
    "trunc_normal": ({"type": "trunc_normal", "a": -0.5, "b": 1}, truncated(-0.5, 1)),
    "one-sided": (
        {"type": "trunc_normal", "a": 2, "b": None},
        stats.truncnorm(2, math.inf).cdf,
    ),
    "truncated_normal": (
        "truncated_normal",
        stats.truncnorm(-2, 2, scale=1 / KAPPA).cdf,
    ),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions(name: str) -> None:
    """Kolmogorov-Smirnov: n = 2**20, significance 1e-6.

    Any distribution that is 0.0045 away somewhere (a normal's std off by 1.9 %, or its
    mean by 0.0113 std) is found with a probability of 0.999 or more.
    """
    init, cdf = DISTRIBUTIONS[name]
    assert smirnov_distance(sample(init), cdf) < SMIRNOV_CRITICAL
    # At the point of the greatest distance the sample's share is binomial.
    assert stats.norm.cdf((0.0045 - SMIRNOV_CRITICAL) * 2 * math.sqrt(N)) > 0.999
    assert 0.019 * stats.norm.pdf(1) > 0.0045
    assert 0.0113 * stats.norm.pdf(0) > 0.0045


WRONG: list[tuple[Any, str]] = [
    ({"type": "normal", "std": 1.02}, "normal"),
    ({"type": "normal", "mean": 0.012}, "normal"),
    ({"type": "uniform", "a": -math.sqrt(3), "b": math.sqrt(3)}, "normal"),
    ("truncated_normal", "normal"),
    # Cut at two standard deviations, and not rescaled: the std is 0.88.
    ("trunc_normal", "truncated_normal"),
    ({"type": "uniform", "a": -1, "b": 2.02}, "uniform"),
]


@pytest.mark.parametrize(("init", "name"), WRONG, ids=str)
def test_wrong_distributions_are_found(init: Any, name: str) -> None:
    """Negative control: the same test refuses what is a little wrong."""
    assert smirnov_distance(sample(init), DISTRIBUTIONS[name][1]) > SMIRNOV_CRITICAL


def test_mean() -> None:
    """A mean off by 0.008 std is found with a probability of 0.999."""
    error = 1 / math.sqrt(N)
    assert standard_score(sample("normal"), 0, error) < ALLOWED_ERRORS
    assert power(0.008, error) > 0.999


def test_variance() -> None:
    """A std off by 0.6 % is found with a probability of 0.999."""
    error = math.sqrt(2 / N)
    assert standard_score(sample("normal") ** 2, 1, error) < ALLOWED_ERRORS
    assert power(1.006**2 - 1, error) > 0.999


def test_third_moment() -> None:
    """A skewness of 0.032 is found with a probability of 0.999."""
    error = math.sqrt(15 / N)
    assert standard_score(sample("normal") ** 3, 0, error) < ALLOWED_ERRORS
    assert power(0.032, error) > 0.999


def test_fourth_moment() -> None:
    """An excess kurtosis of 0.08 is found with a probability of 0.999."""
    error = math.sqrt(96 / N)
    assert standard_score(sample("normal") ** 4, 3, error) < ALLOWED_ERRORS
    assert power(0.08, error) > 0.999


def test_tails() -> None:
    """Beyond 4 std there are 6.3e-5: twice or no more than a quarter of them is found.

    With 66 expected of 2**20, a tail twice as heavy is seen with a probability of 0.98.
    """
    expected = 2 * stats.norm.sf(4) * N
    count = int((np.abs(sample("normal")) > 4).sum())
    low, high = stats.poisson.ppf([SIGNIFICANCE, 1 - SIGNIFICANCE], expected)
    assert low <= count <= high
    assert stats.poisson.sf(high, 2 * expected) > 0.98
    assert stats.poisson.cdf(low - 1, expected / 4) > 0.99


def test_the_std_of_a_truncated_normal_is_kept() -> None:
    """A std off by 0.6 % is found with a probability of 0.999; uncompensated it is 12 %."""
    values = sample({"type": "truncated_normal", "std": 0.02}) / 0.02
    error = math.sqrt(2 / N)  # of a normal; a cut one has less
    assert standard_score(values**2, 1, error) < ALLOWED_ERRORS
    assert power(1.006**2 - 1, error) > 0.999


NEIGHBOURS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *(({"name": f"h.{at}.weight"}, {"name": f"h.{at + 1}.weight"}) for at in range(4)),
    ({"name": "a.weight"}, {"name": "b.weight"}),
    ({"name": "a.weight"}, {"name": "a.weighs"}),
    ({"name": "a.weight"}, {"name": "A.weight"}),
    *(({"seed": seed}, {"seed": seed + 1}) for seed in (0, 1, 2**32 - 1, 2**63 - 1)),
    ({"seed": 0}, {"seed": 2**64 - 1}),
    ({"seed": 7, "name": "x"}, {"seed": 8, "name": "y"}),
]


def correlation(one: Values, other: Values) -> float:
    """Return the correlation of two samples of mean 0 and variance 1."""
    return abs(float((one * other).mean()))


@pytest.mark.parametrize(("one", "other"), NEIGHBOURS, ids=str)
@pytest.mark.parametrize("shift", [0, 1, 4])
def test_neighbours_do_not_correlate(
    one: dict[str, Any], other: dict[str, Any], shift: int
) -> None:
    """Neighbouring names and seeds: |r| = 0.008 is found with a probability of 0.999.

    Also of values, squares apart, at a distance of 1 and of 4, a Philox block.
    """
    error = 1 / math.sqrt(N)
    x, y = sample("normal", **one), np.roll(sample("normal", **other), shift)
    assert correlation(x, y) < ALLOWED_ERRORS * error
    assert correlation((x**2 - 1) / math.sqrt(2), (y**2 - 1) / math.sqrt(2)) < (
        ALLOWED_ERRORS * error
    )
    assert power(0.008, error) > 0.999


@pytest.mark.parametrize(("one", "other"), NEIGHBOURS[::4], ids=str)
def test_neighbours_share_no_structure(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Chi-square over 16 x 16 cells of the joint distribution, significance 1e-6.

    A dependence of any form with a mean squared deviation of cells of 2.5e-4 (all cells off
    by 1.6 %) is found with a probability of 0.99: noncentrality n * 2.5e-4 = 262.
    """
    x, y = sample("normal", **one), sample("normal", **other)
    assert joint_statistic(x, y) < CHI_SQUARE_CRITICAL
    assert stats.ncx2.sf(CHI_SQUARE_CRITICAL, CELLS**2 - 1, N * 2.5e-4) > 0.99


CELLS = 16
CHI_SQUARE_CRITICAL = float(stats.chi2.isf(SIGNIFICANCE, CELLS**2 - 1))


def joint_statistic(x: Values, y: Values) -> float:
    """Return Pearson's statistic of two samples against independent normals."""
    rows, columns = (np.floor(stats.norm.cdf(v) * CELLS).astype(int) for v in (x, y))
    counts = np.bincount(rows * CELLS + columns, minlength=CELLS**2)
    expected = N / CELLS**2
    return float(((counts - expected) ** 2 / expected).sum())


def test_dependence_is_found() -> None:
    """Negative control: a shared stream, a weak correlation, and one that is in squares only."""
    x, y = sample("normal"), sample("normal", name="other")
    assert correlation(x, x) > ALLOWED_ERRORS / math.sqrt(N)
    mixed = 0.01 * x + math.sqrt(1 - 0.01**2) * y
    assert correlation(x, mixed) > ALLOWED_ERRORS / math.sqrt(N)
    signs = np.sign(y) * np.abs(x)
    assert correlation(x, signs) < ALLOWED_ERRORS / math.sqrt(N)
    assert joint_statistic(x, signs) > CHI_SQUARE_CRITICAL


@pytest.mark.parametrize("lag", [1, 2, 3, 4, 5, 8, 64, 1024])
def test_elements_of_one_tensor_do_not_correlate(lag: int) -> None:
    """Autocorrelation: |r| = 0.008 is found with a probability of 0.999."""
    values = sample("normal")
    assert correlation(values[lag:], values[:-lag]) < ALLOWED_ERRORS / math.sqrt(N - lag)


def test_other_distributions_of_one_stream_are_monotone_maps() -> None:
    """A uniform and a normal of one name and seed follow the same words."""
    uniform = sample({"type": "uniform", "a": -1, "b": 1})
    assert stats.spearmanr(sample("normal"), uniform).statistic > 0.999


ROWS, COLUMNS, ZEROS = 8, 20_000, 3


@pytest.fixture(scope="module")
def mask() -> NDArray[np.bool_]:
    """The zeros of a sparse matrix."""
    init = {"type": "sparse", "sparsity": ZEROS / ROWS, "std": 1}
    zeros: NDArray[np.bool_] = values_of(init, [ROWS, COLUMNS], seed=SEED) == 0
    return zeros


def test_every_column_has_its_zeros(mask: NDArray[np.bool_]) -> None:
    """The number of zeros is exact, as no normal is 0."""
    assert (mask.sum(axis=0) == ZEROS).all()


def test_every_choice_of_rows_is_as_likely(mask: NDArray[np.bool_]) -> None:
    """Chi-square over the 56 choices of 3 of 8 rows, 20,000 columns, significance 1e-6.

    Choices that are off by 10 % (a mean squared deviation of 0.01) are found with a
    probability of 0.999: noncentrality 200.
    """
    codes = np.packbits(mask, axis=0, bitorder="little")[0]
    _, counts = np.unique(codes, return_counts=True)
    choices = math.comb(ROWS, ZEROS)
    assert len(counts) == choices
    expected = COLUMNS / choices
    critical = stats.chi2.isf(SIGNIFICANCE, choices - 1)
    assert ((counts - expected) ** 2 / expected).sum() < critical
    assert stats.ncx2.sf(critical, choices - 1, COLUMNS * 0.01) > 0.999


def test_masks_of_neighbouring_columns_are_independent(mask: NDArray[np.bool_]) -> None:
    """A correlation of 0.025 between neighbouring columns is found with probability 0.999."""
    share = ZEROS / ROWS
    scores = (mask - share) / math.sqrt(share * (1 - share))
    # Sums over a column are fixed, which leaves ROWS - 1 free products in each.
    error = 1 / math.sqrt((ROWS - 1) * (COLUMNS - 1))
    products = (scores[:, 1:] * scores[:, :-1]).mean()
    assert abs(float(products)) < ALLOWED_ERRORS * error
    assert power(0.025, error) > 0.999


def test_the_values_of_a_sparse_matrix_are_normal() -> None:
    """Kolmogorov-Smirnov of what is not zero, n = 786,432: 0.0055 is found with 0.999."""
    init = {"type": "sparse", "sparsity": 0.25, "std": 0.5}
    matrix = values_of(init, [1024, 1024], seed=SEED).astype(np.float64)
    values = matrix[matrix != 0] / 0.5
    assert len(values) == 768 * 1024
    critical = float(stats.kstwobign.isf(SIGNIFICANCE)) / math.sqrt(len(values))
    assert smirnov_distance(values, stats.norm.cdf) < critical
    assert stats.norm.cdf((0.0055 - critical) * 2 * math.sqrt(len(values))) > 0.999


def test_an_orthogonal_matrix_is_haar_distributed() -> None:
    """Traces of 2,000 4 x 4 matrices: mean 0 and variance 1 under Haar.

    A mean of 0.19 (without Stewart's signs it would be far more) or a variance off by
    30 % is found with a probability of 0.999.
    """
    layers = [parameter([4, 4], "orthogonal", f"p{at}") for at in range(2000)]
    file = file_of(*layers, seed=SEED, backend=CpuBackend())
    matrices = np.array([file.elements(f"p{at}", 0, 16).reshape(4, 4) for at in range(2000)])
    traces = np.trace(matrices.astype(np.float64), axis1=1, axis2=2)
    error = 1 / math.sqrt(2000)
    assert standard_score(traces, 0, error) < ALLOWED_ERRORS
    assert standard_score(traces**2, 1, error * math.sqrt(2)) < ALLOWED_ERRORS
    assert power(0.19, error) > 0.999
    assert power(0.3, error * math.sqrt(2)) > 0.999
