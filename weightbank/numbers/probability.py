"""Ranks and spreads of truncated normals, with mpmath at 60 digits.

Each thread has a context of its own: a context changes its precision while it
works, so threads must not share one.
"""

import threading
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from mpmath.ctx_mp import MPContext

from weightbank.numbers.exact import nearest_float32
from weightbank.numbers.truncated import RANKS

_DIGITS = 60


class _Contexts(threading.local):
    """One context a thread, made on its first use."""

    def __init__(self) -> None:
        self.context: Any = MPContext()
        self.context.dps = _DIGITS


_contexts = _Contexts()


def _context() -> Any:
    return _contexts.context


def _number(context: Any, value: Fraction) -> Any:
    return context.mpf(value.numerator) / value.denominator


def _fraction(number: Any) -> Fraction:
    """Return a context's number exactly: it is a dyadic rational."""
    sign, mantissa, exponent, _ = number._mpf_
    units = -int(mantissa) if sign else int(mantissa)
    return Fraction(units * 2 ** max(exponent, 0), 2 ** max(-exponent, 0))


@lru_cache(maxsize=4096)
def rank(deviation: Fraction, variance: Fraction = Fraction(1)) -> int:
    """Return floor(2**32 * Phi(deviation / sqrt(variance)) + 1/2).

    Args:
        deviation: Distance of the cut-off from the mean.
        variance: Of the distribution that is cut, > 0.

    Returns:
        An integer in [0, 2**32].

    Examples:
        >>> rank(Fraction(-2)), rank(Fraction(0)), rank(Fraction(2))
        (97711073, 2147483648, 4197256223)
    """
    context = _context()
    sigmas = _number(context, deviation) / context.sqrt(_number(context, variance))
    # Beyond 100 standard deviations nothing of 2**32 is left: spare the work.
    sigmas = min(max(sigmas, context.mpf(-100)), context.mpf(100))
    return int(context.floor(RANKS * context.ncdf(sigmas) + context.mpf("0.5")))


@lru_cache(maxsize=4096)
def truncated_parameters(
    variance: Fraction, second_moment: str, cutoff_sigma: Fraction
) -> tuple[np.float32, np.float32]:
    """Return the float32 std and bound of a truncated normal that keeps its variance.

    Cutting at c standard deviations shrinks the standard deviation by
    kappa(c), kappa(c)**2 = 1 - 2c phi(c) / (2 Phi(c) - 1), so it draws with
    sigma = std / kappa(c) and cuts at c * sigma.

    Args:
        variance: That the result shall have, times ``second_moment``; > 0.
        second_moment: Decimal digits of a divisor of the variance, "1" for none.
        cutoff_sigma: c, > 0.

    Returns:
        ``(f32(sigma), f32(c * sigma))``, each rounded once.

    Examples:
        >>> sigma, bound = truncated_parameters(Fraction(1), "1", Fraction(2))
        >>> float(sigma), float(bound)
        (1.1368472576141357, 2.2736945152282715)
    """
    context = _context()
    c = _number(context, cutoff_sigma)
    std = context.sqrt(_number(context, variance) / context.mpf(second_moment))
    sigma = std / _kappa(cutoff_sigma)
    return nearest_float32(_fraction(sigma)), nearest_float32(_fraction(c * sigma))


@lru_cache(maxsize=256)
def _kappa(cutoff_sigma: Fraction) -> Any:
    """Return what cutting leaves of the standard deviation, as a number of mpmath."""
    context = _context()
    c = _number(context, cutoff_sigma)
    inside = 2 * context.ncdf(c) - 1
    return context.sqrt(1 - 2 * c * context.npdf(c) / inside)


@lru_cache(maxsize=4096)
def irrational_std(variance: Fraction, second_moment: str) -> np.float32:
    """Return f32(sqrt(variance / second_moment)), rounded once.

    Args:
        variance: A rational >= 0.
        second_moment: Decimal digits of the divisor, at least 50 of them.

    Examples:
        GELU's standard deviation for a fan of 100:

        >>> moment = "0.42522148257029867491855441638549490689956441339444"
        >>> float(irrational_std(Fraction(1, 100), moment))
        0.15335305035114288
    """
    context = _context()
    return nearest_float32(
        _fraction(context.sqrt(_number(context, variance) / context.mpf(second_moment)))
    )
