"""tie: the bytes of another tensor."""

from dataclasses import dataclass

from weightbank.arguments import argument
from weightbank.forms import TieForm
from weightbank.initializers.base import Initializer, Target, register


@register
@dataclass(frozen=True)
class Tie(Initializer):
    """The bytes of another tensor of the same shape, as tied weights are stored."""

    to: str = argument(description="Name of the other tensor; it must not be tied itself.")

    name = "tie"
    formula = "the tensor `to`"
    source = "Press & Wolf 2017, https://arxiv.org/abs/1608.05859"
    is_copy = True

    def form(self, target: Target) -> TieForm:
        """See ``Initializer.form``."""
        del target
        return TieForm(self.to)
