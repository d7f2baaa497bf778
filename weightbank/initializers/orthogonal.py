"""orthogonal and delta_orthogonal."""

from dataclasses import dataclass

from weightbank.arguments import Exact, argument
from weightbank.errors import InvalidArgumentError, InvalidShapeError, LimitExceededError
from weightbank.forms import ConstantForm, DeltaOrthogonalForm, Form, OrthogonalForm, SplitForm
from weightbank.initializers.base import Initializer, Target, register
from weightbank.initializers.gains import gain_scale
from weightbank.nonlinearities import DEFAULT_SLOPE, GainRule
from weightbank.scale import Scale


@dataclass(frozen=True)
class _Orthogonal(Initializer):
    gain: Exact | str = argument(
        1.0, "A number, or the name of a nonlinearity, whose gain is then exact.", minimum=0
    )
    gain_rule: GainRule = argument("torch", "Which gain of a named nonlinearity.")

    def _gain(self, target: Target) -> Scale:
        argument = f"{target.name}: gain"
        return gain_scale(self.gain, rule=self.gain_rule, slope=DEFAULT_SLOPE, argument=argument)


@register
@dataclass(frozen=True)
class Orthogonal(_Orthogonal):
    """Orthonormal rows or columns, Haar distributed, of the tensor flattened to two axes."""

    groups: int = argument(1, "Groups of outputs that each get a matrix of their own.", minimum=1)

    name = "orthogonal"
    formula = "gain * Q, Q Q^T = I or Q^T Q = I"
    source = "Saxe et al. 2013, https://arxiv.org/abs/1312.6120; torch.nn.init.orthogonal_"

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        minimum = 2
        if len(target.shape) < minimum:
            raise InvalidShapeError(
                target.name,
                list(target.shape),
                "cannot be filled by orthogonal",
                "a tensor of two or more dimensions",
            )
        gain = self._gain(target)
        if gain.is_zero:
            return ConstantForm(0.0)
        form = OrthogonalForm(gain)
        return form if self.groups == 1 else self._grouped(form, target)

    def _grouped(self, form: OrthogonalForm, target: Target) -> SplitForm:
        rows = target.shape[0]
        if rows % self.groups:
            raise InvalidArgumentError(
                f"{target.name}: groups",
                self.groups,
                f"does not divide the {rows} rows",
                "a divisor of them",
            )
        if self.groups > target.most_parts:
            raise LimitExceededError(
                f"{target.name}: groups",
                self.groups,
                "are too many matrices for one tensor",
                f"{target.most_parts} or fewer",
            )
        return SplitForm(0, (rows // self.groups,) * self.groups, (form,) * self.groups)


@register
@dataclass(frozen=True)
class DeltaOrthogonal(_Orthogonal):
    """A convolution that is an orthogonal matrix at the kernel's centre."""

    name = "delta_orthogonal"
    formula = "gain * Q at the kernel's centre, 0 elsewhere"
    source = "Xiao et al. 2018, https://arxiv.org/abs/1806.05393"

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        target.require_dimensions((3, 4, 5), self.name)
        outputs, inputs, *kernel = target.shape
        grouped = target.axes is not None and target.axes.groups > 1
        if inputs > outputs or grouped or any(size % 2 == 0 for size in kernel):
            raise InvalidShapeError(
                target.name,
                list(target.shape),
                "cannot be filled by delta_orthogonal",
                "a convolution without groups, of odd kernel sizes and at most as many input as "
                "output channels",
            )
        gain = self._gain(target)
        return ConstantForm(0.0) if gain.is_zero else DeltaOrthogonalForm(gain)
