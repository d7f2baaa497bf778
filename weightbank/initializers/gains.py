"""Gains as arguments: a number, or the name of a nonlinearity."""

from fractions import Fraction

from weightbank.arguments import Exact
from weightbank.nonlinearities import GainRule, find_nonlinearity, gain_squared
from weightbank.scale import Scale


def gain_scale(gain: Exact | str, *, rule: GainRule, slope: Exact, argument: str) -> Scale:
    """Return a gain as a scale, whose square is exact.

    Args:
        gain: A number, taken exactly, or a nonlinearity's name.
        rule: Which gain of a nonlinearity.
        slope: Negative slope, for leaky_relu.
        argument: Whose it is, for messages.

    Raises:
        UnknownTypeError: If there is no such nonlinearity.

    Examples:
        >>> gain_scale("relu", rule="torch", slope=0.0, argument="gain").square
        Fraction(2, 1)
    """
    if isinstance(gain, str):
        nonlinearity = find_nonlinearity(gain, argument=argument)
        return Scale(*gain_squared(nonlinearity, rule=rule, slope=float(slope)))
    return Scale(Fraction(gain) ** 2)
