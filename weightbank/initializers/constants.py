"""constant, ones and zeros."""

from dataclasses import dataclass

from weightbank.arguments import argument
from weightbank.forms import ConstantForm
from weightbank.initializers.base import Initializer, Target, register


@register
@dataclass(frozen=True)
class Constant(Initializer):
    """Every element the same number."""

    val: float = argument(description="The number; torch's name for it.")

    name = "constant"
    formula = "val"
    source = "torch.nn.init.constant_"

    def form(self, target: Target) -> ConstantForm:
        """See ``Initializer.form``."""
        del target
        return ConstantForm(float(self.val))


@register
@dataclass(frozen=True)
class Ones(Initializer):
    """Every element one: the scale of a normalization."""

    name = "ones"
    formula = "1"
    source = "torch.nn.init.ones_"

    def form(self, target: Target) -> ConstantForm:
        """See ``Initializer.form``."""
        del target
        return ConstantForm(1.0)


@register
@dataclass(frozen=True)
class Zeros(Initializer):
    """Every element zero: biases, and the last weight of a residual branch."""

    name = "zeros"
    formula = "0"
    source = "torch.nn.init.zeros_"

    def form(self, target: Target) -> ConstantForm:
        """See ``Initializer.form``."""
        del target
        return ConstantForm(0.0)
