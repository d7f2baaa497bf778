"""kaiming_normal and kaiming_uniform (He): for rectified units."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from weightbank.arguments import Exact, argument
from weightbank.forms import Form
from weightbank.initializers.base import Target, register
from weightbank.initializers.gains import gain_scale
from weightbank.initializers.variance_scaling import FanScaled, Shape, fan, scaled_form
from weightbank.nonlinearities import GainRule


@dataclass(frozen=True)
class _Kaiming(FanScaled):
    a: Exact = argument(0.0, "Negative slope, where the nonlinearity is leaky_relu.")
    mode: Literal["fan_in", "fan_out"] = argument(
        "fan_in", "fan_in keeps the signal's variance forward, fan_out the gradient's backward."
    )
    nonlinearity: str = argument("leaky_relu", "What follows the layer.")
    gain_rule: GainRule = argument("torch", "Which gain of the nonlinearity.")

    distribution: ClassVar[Shape]

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        gain = gain_scale(
            self.nonlinearity,
            rule=self.gain_rule,
            slope=self.a,
            argument=f"{target.name}: nonlinearity",
        )
        return scaled_form(
            gain.times(1 / fan(target, self.mode, self.given_fans())), self.distribution
        )


@register
@dataclass(frozen=True)
class KaimingNormal(_Kaiming):
    """Normals that keep the variance through rectified units (He)."""

    name = "kaiming_normal"
    aliases = ("he_normal",)
    formula = "N(0, gain^2 / fan)"
    source = "He et al. 2015, https://arxiv.org/abs/1502.01852; torch.nn.init.kaiming_normal_"
    distribution = "normal"


@register
@dataclass(frozen=True)
class KaimingUniform(_Kaiming):
    """Uniforms that keep the variance through rectified units (He)."""

    name = "kaiming_uniform"
    aliases = ("he_uniform",)
    formula = "U(-r, r), r = gain * sqrt(3 / fan)"
    source = "He et al. 2015, https://arxiv.org/abs/1502.01852; torch.nn.init.kaiming_uniform_"
    distribution = "uniform"
