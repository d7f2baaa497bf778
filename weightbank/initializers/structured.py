"""eye and dirac, which draw nothing."""

from dataclasses import dataclass

from weightbank.arguments import argument
from weightbank.errors import InvalidArgumentError
from weightbank.forms import DiracForm, EyeForm
from weightbank.initializers.base import Initializer, Target, register


@register
@dataclass(frozen=True)
class Eye(Initializer):
    """The identity of a matrix: ones on its diagonal."""

    name = "eye"
    formula = "1 where row = column, else 0"
    source = "torch.nn.init.eye_"

    def form(self, target: Target) -> EyeForm:
        """See ``Initializer.form``."""
        target.require_dimensions((2,), self.name)
        return EyeForm()


@register
@dataclass(frozen=True)
class Dirac(Initializer):
    """The identity of a convolution: as many input channels as possible pass through."""

    groups: int = argument(1, "Groups of outputs that each pass the inputs through.", minimum=1)

    name = "dirac"
    formula = "1 at the kernel's centre where output = input (within its group), else 0"
    source = "torch.nn.init.dirac_"

    def form(self, target: Target) -> DiracForm:
        """See ``Initializer.form``."""
        target.require_dimensions((3, 4, 5), self.name)
        if target.shape[0] % self.groups:
            raise InvalidArgumentError(
                f"{target.name}: groups",
                self.groups,
                f"does not divide the {target.shape[0]} output channels",
                "a divisor of them",
            )
        return DiracForm(self.groups)
