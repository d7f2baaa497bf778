"""xavier_normal and xavier_uniform (Glorot): for saturating units."""

from dataclasses import dataclass
from typing import ClassVar

from weightbank.arguments import Exact, argument
from weightbank.forms import Form
from weightbank.initializers.base import Target, register
from weightbank.initializers.gains import gain_scale
from weightbank.initializers.variance_scaling import FanScaled, Shape, fan, scaled_form
from weightbank.nonlinearities import DEFAULT_SLOPE, GainRule


@dataclass(frozen=True)
class _Xavier(FanScaled):
    gain: Exact | str = argument(
        1.0, "A number, or the name of a nonlinearity, whose gain is then exact.", minimum=0
    )
    gain_rule: GainRule = argument("torch", "Which gain of a named nonlinearity.")

    distribution: ClassVar[Shape]

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        gain = gain_scale(
            self.gain, rule=self.gain_rule, slope=DEFAULT_SLOPE, argument=f"{target.name}: gain"
        )
        return scaled_form(
            gain.times(1 / fan(target, "fan_avg", self.given_fans())), self.distribution
        )


@register
@dataclass(frozen=True)
class XavierNormal(_Xavier):
    """Normals between what signals forward and gradients backward ask for (Glorot)."""

    name = "xavier_normal"
    aliases = ("glorot_normal",)
    formula = "N(0, 2 * gain^2 / (fan_in + fan_out))"
    source = "Glorot & Bengio 2010, PMLR 9:249; torch.nn.init.xavier_normal_"
    distribution = "normal"


@register
@dataclass(frozen=True)
class XavierUniform(_Xavier):
    """Uniforms between what signals forward and gradients backward ask for (Glorot)."""

    name = "xavier_uniform"
    aliases = ("glorot_uniform",)
    formula = "U(-r, r), r = gain * sqrt(6 / (fan_in + fan_out))"
    source = "Glorot & Bengio 2010, PMLR 9:249; torch.nn.init.xavier_uniform_"
    distribution = "uniform"
