"""normal."""

from dataclasses import dataclass

from weightbank.arguments import Exact, argument
from weightbank.forms import ConstantForm, Form, NormalForm
from weightbank.initializers.base import Initializer, Target, register
from weightbank.scale import Scale


@register
@dataclass(frozen=True)
class Normal(Initializer):
    """Independent normals of a given mean and standard deviation."""

    mean: float = argument(0.0, "Mean.")
    std: Exact = argument(1.0, "Standard deviation, >= 0; 0 gives the constant mean.", minimum=0)

    name = "normal"
    formula = "mean + std * z, z ~ N(0, 1)"
    source = "torch.nn.init.normal_"

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        del target
        if self.std == 0:
            return ConstantForm(self.mean)
        return NormalForm(self.mean, Scale.of_double(self.std))
