"""moments_of: draws with a checkpoint's mean and standard deviation."""

from dataclasses import dataclass

from weightbank.adaptations.moments import MOST_ELEMENTS
from weightbank.errors import InvalidShapeError, LimitExceededError, UnrepresentableError
from weightbank.forms import MomentsForm
from weightbank.initializers.base import Target, register
from weightbank.initializers.checkpoint import FromCheckpoint
from weightbank.stored import StoredTensor


@register
@dataclass(frozen=True)
class MomentsOf(FromCheckpoint):
    """Independent normals with the mean and standard deviation of a checkpoint's tensor."""

    name = "moments_of"
    formula = "mean(t) + std(t) * z, z ~ N(0, 1), t the checkpoint's tensor"
    source = "Raghu et al. 2019, Transfusion, section 5, https://arxiv.org/abs/1902.07208"

    def form_of(self, tensor: StoredTensor, target: Target) -> MomentsForm:
        """See ``FromCheckpoint.form_of``; the shapes may differ."""
        if not tensor.elements:
            problem = f"of {tensor.name!r} in {self.repo} has no elements, and no moments"
            raise InvalidShapeError(
                f"{target.name}: shape", list(tensor.shape), problem, "a tensor with elements"
            )
        if tensor.elements > MOST_ELEMENTS:
            problem, accepted = "elements are too many for moments", f"{MOST_ELEMENTS} or fewer"
            raise LimitExceededError(target.name, tensor.elements, problem, accepted)
        if not tensor.dtype.is_floating:
            raise UnrepresentableError(
                target.name,
                tensor.dtype.name,
                f"is the dtype of {tensor.name!r} in {self.repo}, of which no moments are taken",
                "a floating tensor of 16 bits or more",
            )
        return MomentsForm(tensor)
