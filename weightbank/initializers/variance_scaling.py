"""variance_scaling: the one mechanism beneath xavier, kaiming and lecun.

The variance of a weight is a factor over one of its fans. What the named
initializers add is which factor, which fan and which distribution.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from weightbank.arguments import Exact, argument
from weightbank.forms import ConstantForm, Form, KeptVarianceForm, NormalForm, UniformForm
from weightbank.initializers.base import Initializer, Target, register
from weightbank.scale import Scale

Mode = Literal["fan_in", "fan_out", "fan_avg"]
Shape = Literal["normal", "uniform", "truncated_normal"]
_KERAS_CUTOFF_SIGMA = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFans:
    """Fans that a caller gave; None where the tensor's own are to be used."""

    fan_in: int | None
    fan_out: int | None


def fan(target: Target, mode: Mode, given: GivenFans) -> Fraction:
    """Return the fan of a mode, exact; given fans win over the tensor's own.

    Raises:
        InvalidShapeError: If a fan is needed that neither has.
    """
    fan_in = _one_fan(target, "fan_in", given.fan_in) if mode != "fan_out" else 0
    fan_out = _one_fan(target, "fan_out", given.fan_out) if mode != "fan_in" else 0
    return Fraction(fan_in + fan_out, 2 if mode == "fan_avg" else 1)


def _one_fan(target: Target, which: Literal["fan_in", "fan_out"], given: int | None) -> int:
    if given is not None:
        return given
    fans = target.fans()
    return fans.fan_in if which == "fan_in" else fans.fan_out


def scaled_form(variance: Scale, distribution: Shape) -> Form:
    """Return the form of a mean of 0 and a given variance.

    A uniform's bound squared is three times its variance.

    Args:
        variance: As a scale, whose root is the standard deviation.
        distribution: Of the elements.

    Examples:
        >>> scaled_form(Scale(Fraction(1, 12)), "uniform").document()
        {'type': 'uniform', 'middle': 0.0, 'half_width': 0.5}
    """
    if variance.is_zero:
        return ConstantForm(0.0)
    if distribution == "uniform":
        return UniformForm(Fraction(0), variance.times(Fraction(3)))
    if distribution == "normal":
        return NormalForm(0.0, variance)
    return KeptVarianceForm(variance, _KERAS_CUTOFF_SIGMA)


@dataclass(frozen=True)
class FanScaled(Initializer):
    """What all initializers share whose variance follows from fans."""

    fan_in: int | None = argument(None, "In place of the tensor's own.", minimum=1)
    fan_out: int | None = argument(None, "In place of the tensor's own.", minimum=1)

    follows_fans = True

    def given_fans(self) -> GivenFans:
        """Return the fans that the caller gave."""
        return GivenFans(fan_in=self.fan_in, fan_out=self.fan_out)


@register
@dataclass(frozen=True)
class VarianceScaling(FanScaled):
    """Variance ``scale`` over a fan; a truncated normal unless another is named."""

    scale: Exact = argument(1.0, "Numerator of the variance: gain squared.", minimum=0)
    mode: Mode = argument("fan_in", "The fan that divides.")
    distribution: Shape = argument(
        "truncated_normal", "Of the elements; the truncated normal is cut at 2 sigma."
    )

    name = "variance_scaling"
    formula = "variance = scale / fan"
    source = "jax.nn.initializers.variance_scaling; keras.initializers.VarianceScaling"

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        variance = Fraction(self.scale) / fan(target, self.mode, self.given_fans())
        return scaled_form(Scale(variance), self.distribution)
