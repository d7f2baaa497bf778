"""Scales: exact until one rounding, and written without loss."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.nonlinearities import second_moment_digits
from weightbank.scale import Scale

squares = st.fractions(min_value=Fraction(1, 2**60), max_value=2**60)
moments = st.sampled_from([None, "gelu", "tanh", "softplus"])


@given(squares, moments)
def test_documents_are_lossless(square: Fraction, moment: str | None) -> None:
    """What is written reads back as the same scale."""
    scale = Scale(square, moment)
    assert Scale.from_document(scale.document("std", "variance"), "std", "variance") == scale


@given(st.floats(2.0**-60, 2.0**60))
def test_a_double_stays_a_double(value: float) -> None:
    """A given std is written as it was given."""
    assert Scale.of_double(value).document("std", "variance") == {"std": value}


@given(squares, moments)
def test_the_root_is_rounded_once(square: Fraction, moment: str | None) -> None:
    """No other float32 is nearer to the true root."""
    context = mpmath.mp.clone()
    context.dps = 60
    divisor = context.mpf("1" if moment is None else second_moment_digits(moment))
    root = context.sqrt(context.mpf(square.numerator) / square.denominator / divisor)
    ours = Scale(square, moment).float32()
    distance = abs(context.mpf(float(ours)) - root)
    for neighbour in (np.nextafter(ours, np.float32(0)), np.nextafter(ours, np.float32(np.inf))):
        assert distance <= abs(context.mpf(float(neighbour)) - root)


@pytest.mark.parametrize("moment", [None, "gelu"])
def test_factors_multiply_the_square(moment: str | None) -> None:
    """Scaling is exact, and keeps the divisor."""
    assert Scale(Fraction(1, 3), moment).times(Fraction(3, 8)) == Scale(Fraction(1, 8), moment)
