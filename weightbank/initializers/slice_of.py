"""slice_of: chosen elements of a larger checkpoint's tensor."""

from dataclasses import dataclass

from weightbank.adaptations import Selection, SelectionRule
from weightbank.arguments import argument
from weightbank.errors import LimitExceededError
from weightbank.forms import PretrainedForm
from weightbank.initializers.base import Target, register
from weightbank.initializers.checkpoint import FromCheckpoint
from weightbank.stored import StoredTensor

# Its chosen indices are there as a list.
_LONGEST_AXIS = 2**24


@register
@dataclass(frozen=True)
class SliceOf(FromCheckpoint):
    """Some of the elements of a larger checkpoint's tensor: weight selection."""

    selection: SelectionRule = argument(
        "uniform", "Which indices along each axis: evenly spread ones, or the first."
    )
    parts: int = argument(
        1, "Equal parts that axis 0 of a fused projection has, each sliced by itself.", minimum=1
    )

    name = "slice_of"
    formula = "the checkpoint's tensor at chosen indices along each axis"
    source = (
        "Xu et al. 2023, Initializing Models with Larger Ones, https://arxiv.org/abs/2311.18823"
    )
    is_copy = True

    def form_of(self, tensor: StoredTensor, target: Target) -> PretrainedForm:
        """See ``FromCheckpoint.form_of``."""
        if tensor.shape == target.shape:
            return PretrainedForm(tensor, None)
        if max(target.shape, default=0) > _LONGEST_AXIS:
            problem, accepted = "has a very long axis", f"axes of {_LONGEST_AXIS} or fewer"
            raise LimitExceededError(target.name, list(target.shape), problem, accepted)
        # Parts of which all is taken are the whole of it.
        is_cut = target.shape[:1] != tensor.shape[:1]
        selection = Selection(target.shape, self.selection, self.parts if is_cut else 1)
        selection.shape(tensor.shape, argument=f"{target.name}: {tensor.name!r} in {self.repo}")
        return PretrainedForm(tensor, selection)
