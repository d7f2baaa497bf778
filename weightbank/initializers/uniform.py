"""uniform."""

from dataclasses import dataclass
from fractions import Fraction

from weightbank.arguments import argument
from weightbank.errors import InvalidArgumentError
from weightbank.forms import ConstantForm, Form, UniformForm
from weightbank.initializers.base import Initializer, Target, register
from weightbank.scale import Scale


@register
@dataclass(frozen=True)
class Uniform(Initializer):
    """Independent uniforms between two numbers."""

    a: float = argument(0.0, "Lower bound.")
    b: float = argument(1.0, "Upper bound, >= a; equal to it gives the constant a.")

    name = "uniform"
    formula = "a + (b - a) * u, u ~ U(0, 1)"
    source = "torch.nn.init.uniform_"

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        if self.b < self.a:
            problem = f"is below a = {self.a!r}"
            raise InvalidArgumentError(f"{target.name}: b", self.b, problem, "a number >= a")
        if self.a == self.b:
            return ConstantForm(self.a)
        low, high = Fraction(self.a), Fraction(self.b)
        return UniformForm((low + high) / 2, Scale.of_double((high - low) / 2))
