"""sparse (Martens 2010)."""

import math
from dataclasses import dataclass

from weightbank.arguments import Exact, argument
from weightbank.forms import ConstantForm, Form, NormalForm, SparseForm
from weightbank.initializers.base import Initializer, Target, register
from weightbank.scale import Scale


@register
@dataclass(frozen=True)
class Sparse(Initializer):
    """Normals of which a given share of each column is zero."""

    sparsity: float = argument(
        description="Share of each column that is zero, rounded up to whole elements.",
        minimum=0,
        maximum=1,
    )
    std: Exact = argument(0.01, "Standard deviation of the other elements, >= 0.", minimum=0)

    name = "sparse"
    formula = "N(0, std^2), with ceil(sparsity * rows) zeros in each column"
    source = "Martens 2010, Deep learning via Hessian-free optimization; torch.nn.init.sparse_"

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        target.require_dimensions((2,), self.name)
        rows = target.shape[0]
        # The product of two doubles, as torch takes it: a tenth of ten rows is
        # one row, though the double 0.1 is a little more than a tenth.
        zeros = math.ceil(self.sparsity * rows)
        if self.std == 0 or zeros == rows:
            return ConstantForm(0.0)
        std = Scale.of_double(self.std)
        return NormalForm(0.0, std) if zeros == 0 else SparseForm(std, zeros)
