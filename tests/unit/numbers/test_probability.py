"""Ranks, and the spreads of truncated normals and of nonlinearities."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from mpmath.ctx_mp import MPContext

from weightbank.backends.reference import draw
from weightbank.distributions import Truncated
from weightbank.numbers.philox import stream_words
from weightbank.numbers.probability import irrational_std, rank, truncated_parameters
from weightbank.numbers.streams import derive_stream

CUTOFFS = ["1", "2", "2.5", "3"]


def bits(values: Any) -> list[str]:
    """Return the bit patterns of float32 values in hexadecimal."""
    return [f"{int(word):08x}" for word in np.asarray(values, np.float32).view(np.uint32)]


def test_known_ranks(vectors: dict[str, Any]) -> None:
    """The ranks of the known answers."""
    for deviation, expected in vectors["rank"].items():
        assert rank(Fraction(deviation)) == expected


def test_ranks_of_a_mean_and_a_std(vectors: dict[str, Any]) -> None:
    """A cut-off in standard deviations is the distance over the root of the variance."""
    case = vectors["trunc_normal_mean_0.5_std_1_a_-0.25_b_2"]
    assert [rank(Fraction(-3, 4)), rank(Fraction(3, 2))] == case["ranks"]
    case = vectors["tensor"]["trunc_normal_mean_0_std_0.02_a_-0.04_b_0.04"]
    variance = Fraction(0.02) ** 2
    assert [rank(Fraction(end), variance) for end in (-0.04, 0.04)] == case["ranks"]


def test_ranks_far_out() -> None:
    """Far from the mean the ranks are all or none, however far."""
    assert rank(Fraction(10**400)) == 2**32
    assert rank(Fraction(-(10**400))) == 0


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_known_truncated_normals(vectors: dict[str, Any], cutoff: str) -> None:
    """A truncated normal that keeps its std draws the known values, to its very ends."""
    case = vectors["truncated_normal_keeps_std"][f"std_0.02_cutoff_{cutoff}"]
    c = Fraction(cutoff)
    sigma, bound = truncated_parameters(Fraction(0.02) ** 2, "1", c)
    stream = derive_stream(0, "model.layers.0.mlp.up_proj.weight")
    values = Truncated(stream, rank(-c), rank(c), sigma, np.float32(0), -bound, bound)
    assert bits(draw(values, stream_words(stream, 0, 8))) == case["float32"]
    ends = draw(values, np.array([0, 2**32 - 1], np.uint32))
    assert bits(ends) == case["of_word_00000000_and_ffffffff"]


def test_truncated_normal_keeps_its_std() -> None:
    """Evenly spaced words have the standard deviation that was asked for."""
    sigma, bound = truncated_parameters(Fraction(1), "1", Fraction(2))
    stream = derive_stream(0, "a")
    values = Truncated(
        stream, rank(Fraction(-2)), rank(Fraction(2)), sigma, np.float32(0), -bound, bound
    )
    words = (np.arange(2**16, dtype=np.uint32) << np.uint32(16)) + np.uint32(2**15)
    assert abs(draw(values, words).astype(np.float64).std() - 1) < 1e-5


def nonlinearities(context: Any) -> dict[str, Callable[[Any], Any]]:
    """Return nonlinearities of irrational second moment, by the known answers' names."""
    return {
        "gelu": lambda z: z * context.ncdf(z),
        "silu": lambda z: z / (1 + context.exp(-z)),
        "mish": lambda z: z * context.tanh(context.log1p(context.exp(z))),
        "elu": lambda z: z if z > 0 else context.expm1(z),
        "softplus": lambda z: context.log1p(context.exp(z)),
        "softsign": lambda z: z / (1 + abs(z)),
    }


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "elu", "softplus", "softsign"])
def test_known_stds_of_nonlinearities(vectors: dict[str, Any], name: str) -> None:
    """With the second moment integrated afresh, the known standard deviation comes out."""
    context = MPContext()
    context.dps = 30
    phi = nonlinearities(context)[name]
    points = [-14, -6, 0, 6, 14]
    moment = context.quad(lambda z: phi(z) ** 2 * context.npdf(z), points)
    found = irrational_std(Fraction(1, 100), context.nstr(moment, 25))
    assert bits([found]) == [vectors["std_of_gain"][f"{name}_fan_100"]]
