"""Moments of stored tensors: exact, whatever the order and the blocks."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.adaptations import Moments, MomentSums
from weightbank.errors import UnrepresentableError

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def moments_of(*blocks: Any) -> Moments:
    """Return the moments of elements that come in blocks."""
    sums = MomentSums()
    for block in blocks:
        sums.add(np.array(block, np.float64))
    return sums.moments("fc.weight")


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_moments_are_exact(values: list[float]) -> None:
    """Mean and variance are the rationals of the textbook, of any doubles."""
    mean = sum(map(Fraction, values)) / len(values)
    variance = sum((Fraction(value) - mean) ** 2 for value in values) / len(values)
    assert moments_of(values) == Moments(mean, variance)


@given(st.lists(FINITE, min_size=1, max_size=20), st.data())
def test_neither_blocks_nor_order_matter(values: list[float], data: st.DataObject) -> None:
    """Elements in another order, cut into other blocks, merged, have the same moments."""
    shuffled = data.draw(st.permutations(values))
    cut = data.draw(st.integers(0, len(values)))
    sums, others = MomentSums(), MomentSums()
    sums.add(np.array(shuffled[:cut], np.float64))
    others.add(np.array(shuffled[cut:], np.float64))
    sums.merge(others)
    assert sums.moments("fc.weight") == moments_of(values)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_agrees_with_torch(dtype: Any) -> None:
    """Of many elements of any dtype, torch's float64 gives the same to its rounding."""
    import torch

    values = np.random.default_rng(7).normal(0.01, 0.02, 100_000).astype(dtype)
    wide = values.astype(np.float64)
    moments = moments_of(*np.array_split(wide, 7))
    expected = torch.from_numpy(wide)
    assert math.isclose(moments.mean, expected.mean().item(), rel_tol=1e-12)
    assert math.isclose(moments.variance, expected.var(correction=0).item(), rel_tol=1e-12)


def test_rounded_once() -> None:
    """The float32 numbers are the nearest ones, not those nearest to a double."""
    moments = Moments(Fraction(1) + Fraction(1, 2**24) + Fraction(1, 2**60), Fraction(1, 9))
    assert float(moments.mean_float32) == 1 + 2**-23
    assert moments.std_float32 == np.float32(1 / 3)


def test_far_from_zero_nothing_cancels() -> None:
    """Elements that differ in their last place have the deviation that they have."""
    last = math.ulp(1e6)
    moments = moments_of([1e6, 1e6 + last])
    assert moments.variance == Fraction(last) ** 2 / 4


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_refuses_what_is_not_finite(value: float) -> None:
    """A tensor with an infinity or a NaN has no moments; the message counts them."""
    with pytest.raises(UnrepresentableError, match=r"fc\.weight has 2 elements"):
        moments_of([1.0, value], [value])
