"""trunc_normal (torch's) and truncated_normal (that of JAX and Keras)."""

from dataclasses import dataclass

from weightbank.arguments import Exact, argument
from weightbank.errors import InvalidArgumentError
from weightbank.forms import ConstantForm, Form, KeptVarianceForm, TruncatedForm
from weightbank.initializers.base import Initializer, Target, register
from weightbank.scale import Scale


@register
@dataclass(frozen=True)
class TruncNormal(Initializer):
    """Normals cut at absolute bounds: torch's defaults of ±2 do not cut a std of 0.02."""

    mean: float = argument(0.0, "Mean before cutting.")
    std: Exact = argument(1.0, "Standard deviation before cutting, >= 0.", minimum=0)
    a: float | None = argument(-2.0, "Lower bound, absolute; null for none.")
    b: float | None = argument(2.0, "Upper bound, absolute; null for none.")

    name = "trunc_normal"
    formula = "mean + std * z, z ~ N(0, 1) given a <= mean + std * z <= b"
    source = "torch.nn.init.trunc_normal_"

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        if self.a is not None and self.b is not None and self.b < self.a:
            problem = f"is below a = {self.a!r}"
            raise InvalidArgumentError(f"{target.name}: b", self.b, problem, "a number >= a")
        if self.a is not None and self.a == self.b:
            return ConstantForm(self.a)
        if self.std == 0:
            return ConstantForm(self._clamped(self.mean))
        return TruncatedForm(self.mean, Scale.of_double(self.std), self.a, self.b)

    def _clamped(self, value: float) -> float:
        value = value if self.a is None else max(value, self.a)
        return value if self.b is None else min(value, self.b)


@register
@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """Normals cut at a number of standard deviations, of exactly the std asked for."""

    std: Exact = argument(1.0, "Standard deviation after cutting, >= 0.", minimum=0)
    cutoff_sigma: float = argument(
        2.0, "Where to cut, in standard deviations before cutting.", exclusive_minimum=0
    )

    name = "truncated_normal"
    formula = "sigma * z given abs(z) <= cutoff_sigma, sigma such that the std is kept"
    source = "jax.nn.initializers.variance_scaling; keras.initializers.TruncatedNormal, rescaled"

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        del target
        if self.std == 0:
            return ConstantForm(0.0)
        return KeptVarianceForm(Scale.of_double(self.std), self.cutoff_sigma)
