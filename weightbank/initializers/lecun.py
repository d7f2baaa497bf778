"""lecun_normal and lecun_uniform: variance 1 / fan_in."""

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from weightbank.arguments import argument
from weightbank.forms import Form
from weightbank.initializers.base import Initializer, Target, register
from weightbank.initializers.variance_scaling import GivenFans, Shape, fan, scaled_form
from weightbank.scale import Scale


@dataclass(frozen=True)
class _Lecun(Initializer):
    fan_in: int | None = argument(None, "In place of the tensor's own.", minimum=1)

    distribution: ClassVar[Shape]
    follows_fans = True
    source = "LeCun et al. 1998, Efficient BackProp; Klambauer et al. 2017 for selu"

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        given = GivenFans(fan_in=self.fan_in, fan_out=None)
        return scaled_form(Scale(Fraction(1) / fan(target, "fan_in", given)), self.distribution)


@register
@dataclass(frozen=True)
class LecunNormal(_Lecun):
    """Untruncated normals that keep the variance of a linear layer, and of selu."""

    name = "lecun_normal"
    formula = "N(0, 1 / fan_in)"
    distribution = "normal"


@register
@dataclass(frozen=True)
class LecunUniform(_Lecun):
    """Uniforms that keep the variance of a linear layer."""

    name = "lecun_uniform"
    formula = "U(-r, r), r = sqrt(3 / fan_in)"
    distribution = "uniform"
