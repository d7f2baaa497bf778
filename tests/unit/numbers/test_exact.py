"""Exact numbers to float32, in one step."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from weightbank.numbers.exact import (
    exact_double,
    exact_sqrt,
    nearest_float32,
    nearest_float32_sqrt,
)

finite32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def bits(value: np.float32) -> str:
    """Return the bit pattern of a float32 in hexadecimal."""
    return f"{int(value.view(np.uint32)):08x}"


def test_known_kaiming_stds(vectors: dict[str, Any]) -> None:
    """sqrt(2 / fan) of the known answers."""
    for fan, expected in vectors["scale"]["sqrt_2_over_fan"].items():
        assert bits(nearest_float32_sqrt(Fraction(2, int(fan)))) == expected


def test_known_xavier_bounds(vectors: dict[str, Any]) -> None:
    """sqrt(6 / (fan_in + fan_out)) of the known answers."""
    for fans, expected in vectors["scale"]["xavier_bound"].items():
        fan_in, fan_out = map(int, fans.split(","))
        assert bits(nearest_float32_sqrt(Fraction(6, fan_in + fan_out))) == expected


def test_known_rational_gains(vectors: dict[str, Any]) -> None:
    """Standard deviations for a fan of 100 whose squared gain is rational."""
    squares = {
        "leaky_relu_0.2": Fraction(2) / (1 + Fraction(0.2) ** 2),
        "tanh": Fraction(25, 9),
        "selu": Fraction(9, 16),
    }
    for name, square in squares.items():
        expected = vectors["std_of_gain"][f"{name}_fan_100"]
        assert bits(nearest_float32_sqrt(square / 100)) == expected


@given(finite32)
def test_float32_is_kept(value: float) -> None:
    """The exact value of a float32 goes back to it."""
    assert float(nearest_float32(Fraction(value))) == value


@given(finite32)
def test_midpoints_go_to_even(value: float) -> None:
    """Halfway between two float32 the even one is taken, and beside it the nearer one."""
    low = np.float32(abs(value))
    high = np.nextafter(low, np.float32(np.inf))
    assume(np.isfinite(high))
    middle = (Fraction(float(low)) + Fraction(float(high))) / 2
    even = high if int(low.view(np.uint32)) % 2 else low
    tiny = Fraction(1, 2**400)
    assert nearest_float32(middle) == even
    assert nearest_float32(middle - tiny) == low
    assert nearest_float32(middle + tiny) == high
    assert nearest_float32(-middle) == -even


def test_beyond_the_range() -> None:
    """What is too large becomes infinite, and what is too small becomes 0."""
    assert nearest_float32(Fraction(2) ** 128) == np.inf
    assert nearest_float32(-(Fraction(2) ** 5000)) == -np.inf
    assert nearest_float32(Fraction(1, 2**150)) == 0
    assert nearest_float32(Fraction(3, 2**151)) == np.float32(2**-149)


@given(st.fractions(min_value=Fraction(1, 10**9), max_value=10**9))
def test_root_is_the_nearest(square: Fraction) -> None:
    """No neighbour of the rounded root is nearer: its midpoints lie on the right sides."""
    root = nearest_float32_sqrt(square)
    below, above = (np.nextafter(root, np.float32(way)) for way in (0, np.inf))
    exact = Fraction(float(root))
    assert ((Fraction(float(below)) + exact) / 2) ** 2 <= square
    assert square <= ((exact + Fraction(float(above))) / 2) ** 2


@given(st.fractions(min_value=0, max_value=10**6))
def test_roots_of_squares_are_exact(root: Fraction) -> None:
    """A square's root is found, and a square times two has none."""
    assert exact_sqrt(root**2) == root
    assert root == 0 or exact_sqrt(2 * root**2) is None


@pytest.mark.parametrize(
    ("value", "double"),
    [
        (Fraction(0.1), 0.1),
        (Fraction(1, 10), None),
        (Fraction(2) ** 1024, None),
        (Fraction(math.ulp(0)), math.ulp(0)),
        (Fraction(1, 2**1075), None),
    ],
)
def test_exact_double(value: Fraction, double: float | None) -> None:
    """Only what is a double is returned as one."""
    assert exact_double(value) == double
