"""One correctly rounded step from exact numbers to float32.

Numbers in a spec are doubles taken exactly, as rationals. Variances stay exact
until one step rounds the square root or the bound; a double on the way would
round twice. What is irrational comes from mpmath at 60 digits, and is
rounded once too. Source: docs/numbers.md, "Scales".
"""

import math
from fractions import Fraction

import numpy as np

_FLOAT32_DIGITS = 24
_FLOAT32_SMALLEST_EXPONENT = -149
_GUARD_BITS = 80


def nearest_float32(value: Fraction) -> np.float32:
    """Return the float32 nearest to an exact number, ties to even.

    Args:
        value: Any rational; beyond the range of float32 the result is infinite,
            and what rounds to zero is +0.

    Examples:
        >>> float(nearest_float32(Fraction(1, 3)))
        0.3333333432674408
        >>> float(nearest_float32(Fraction(2**24 + 1)))
        16777216.0
    """
    if value == 0:
        return np.float32(0)
    numerator, denominator = abs(value.numerator), value.denominator
    # 2**exponent is the last place of a number of this size.
    exponent = numerator.bit_length() - denominator.bit_length() - _FLOAT32_DIGITS
    if Fraction(numerator, denominator) >= Fraction(2) ** (exponent + _FLOAT32_DIGITS):
        exponent += 1
    exponent = max(exponent, _FLOAT32_SMALLEST_EXPONENT)
    units = round(abs(value) / Fraction(2) ** exponent)  # Fraction rounds ties to even
    try:
        magnitude = math.ldexp(units, exponent)  # exact: at most 25 bits
    except OverflowError:
        magnitude = math.inf
    with np.errstate(over="ignore"):
        return np.float32(-magnitude if value < 0 and units else magnitude)


def nearest_float32_sqrt(square: Fraction) -> np.float32:
    """Return the float32 nearest to the root of an exact number, rounded once.

    Args:
        square: A rational >= 0.

    Examples:
        >>> float(nearest_float32_sqrt(Fraction(2, 4096)))
        0.022097086533904076
    """
    assert square >= 0
    root = exact_sqrt(square)
    return nearest_float32(_bracketed_sqrt(square) if root is None else root)


def exact_sqrt(square: Fraction) -> Fraction | None:
    """Return the root of a rational if it is rational itself, or None.

    Examples:
        >>> exact_sqrt(Fraction(9, 16)), exact_sqrt(Fraction(2))
        (Fraction(3, 4), None)
    """
    numerator, denominator = math.isqrt(square.numerator), math.isqrt(square.denominator)
    if numerator**2 == square.numerator and denominator**2 == square.denominator:
        return Fraction(numerator, denominator)
    return None


def _bracketed_sqrt(square: Fraction) -> Fraction:
    """Return a rational on the same side of every float32 and midpoint as the root."""
    shift = max(0, _GUARD_BITS + square.denominator.bit_length() - square.numerator.bit_length())
    shift += shift % 2
    floor = math.isqrt((square.numerator << shift) // square.denominator)
    # The root is irrational, so it lies strictly between floor and floor + 1,
    # which is far finer than float32: their middle rounds as the root does.
    return Fraction(2 * floor + 1, 2 ** (shift // 2 + 1))


def exact_double(value: Fraction) -> float | None:
    """Return the double equal to a rational, or None if there is none.

    Examples:
        >>> exact_double(Fraction(1, 4)), exact_double(Fraction(1, 3))
        (0.25, None)
    """
    try:
        double = value.numerator / value.denominator
    except OverflowError:
        return None
    return double if math.isfinite(double) and Fraction(double) == value else None
