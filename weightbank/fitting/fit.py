"""From a checkpoint and what is wished of it to a resolved spec."""

from weightbank.adaptations import Adaptation
from weightbank.dtypes import Dtype, floating_dtype
from weightbank.errors import LimitExceededError, UnrepresentableError
from weightbank.fitting.channels import channel_adaptations
from weightbank.fitting.description import ModelDescription
from weightbank.fitting.head import NewTensor, check_drawable, new_heads
from weightbank.fitting.names import Tensors, choose, new_names, own_names
from weightbank.fitting.positions import position_adaptations
from weightbank.fitting.wishes import Wishes
from weightbank.forms import PretrainedForm
from weightbank.limits import Limits
from weightbank.resolved import ResolvedSpec, ResolvedTensor, check_representable, check_whole
from weightbank.stored import Checkpoint, StoredTensor

_UNCONVERTED = "float8"


def fit(
    checkpoint: Checkpoint,
    wishes: Wishes,
    *,
    description: ModelDescription | None = None,
    limits: Limits | None = None,
) -> ResolvedSpec:
    """Fit a checkpoint to a model.

    The steps, and their order, are those of ``Wishes``. Every tensor fixes its dtype.
    What is wished and matches nothing is refused, with what would have matched; a number
    of classes or channels, or a grid, that the checkpoint has already changes nothing.
    A head of other classes is drawn by the preset advised@1, as a spec draws a Linear
    layer of the same name.

    Args:
        checkpoint: Its tensors.
        wishes: What is to be other than it is.
        description: Hints of its configuration.
        limits: Bounds; the defaults if left out.

    Raises:
        InvalidArgumentError: If a wish matches nothing, or it is unclear what it is about.
        UnknownTensorError: If a module or tensor that is named is not there.
        InvalidShapeError: If a tensor cannot be fitted.
        UnrepresentableError: If a tensor cannot be converted.
        WeightbankError: Whatever else is wrong with names, patterns and sizes.

    Examples:
        >>> from weightbank.dtypes import DTYPES
        >>> from weightbank.stored import CheckpointName, StoredFile
        >>> file = StoredFile("timm/tiny", "0" * 40, "model.safetensors", "sha256:" + "0" * 64)
        >>> shapes = {"conv1.weight": (8, 3, 3, 3), "fc.weight": (1000, 8), "fc.bias": (1000,)}
        >>> checkpoint = Checkpoint(CheckpointName("timm/tiny"), "0" * 40, {
        ...     name: StoredTensor(file, name, DTYPES["float32"], shape)
        ...     for name, shape in shapes.items()})
        >>> fitted = fit(checkpoint, Wishes(num_classes=10, in_channels=1, add_prefix="backbone"))
        >>> for tensor in fitted.tensors:
        ...     print(tensor.name, tensor.shape, tensor.form.type)
        backbone.conv1.weight (8, 1, 3, 3) pretrained
        backbone.fc.bias (10,) constant
        backbone.fc.weight (10, 8) uniform
    """
    limits, description = limits or Limits(), description or ModelDescription()
    wishes.check_companions()
    dtype = None if wishes.dtype is None else floating_dtype(wishes.dtype)
    tensors = choose(own_names(checkpoint.tensors, clean=wishes.clean), wishes, limits=limits)
    _check_number(tensors, limits)
    names = new_names(tensors, wishes, limits=limits)
    drawn = new_heads(tensors, wishes, description, limits=limits)
    adaptations: dict[str, Adaptation] = {
        **channel_adaptations(tensors, wishes, description),
        **position_adaptations(tensors, wishes),
    }
    fitted = {
        names[own]: _drawn(names[own], drawn[own], _dtype(own, tensor, dtype))
        if own in drawn
        else _stored(names[own], tensor, adaptations.get(own), _dtype(own, tensor, dtype))
        for own, tensor in tensors.items()
    }
    for tensor in fitted.values():
        check_representable(tensor)
        check_whole(tensor, limits)
    return ResolvedSpec(tuple(fitted[name] for name in sorted(fitted)))


def _check_number(tensors: Tensors, limits: Limits) -> None:
    if len(tensors) > limits.tensors:
        problem, accepted = "tensors are too many", f"{limits.tensors} or fewer"
        raise LimitExceededError("the checkpoint", len(tensors), problem, accepted)


def _dtype(name: str, tensor: StoredTensor, wished: Dtype | None) -> Dtype:
    """Return the dtype that a stored tensor gets."""
    stored = tensor.dtype
    if wished is None or stored is wished:
        return stored
    if stored.name.startswith(_UNCONVERTED):
        problem = (
            f"is not converted to {wished.name}: its numbers mean nothing without their scales"
        )
        accepted = "no `dtype`, or an `exclude` of such tensors"
        raise UnrepresentableError(name, stored.name, problem, accepted)
    return wished if stored.is_floating else stored


def _drawn(name: str, new: NewTensor, dtype: Dtype) -> ResolvedTensor:
    check_drawable(name, dtype)
    return ResolvedTensor(name, new.shape, dtype, dtype_fixed=True, form=new.form)


def _stored(
    name: str, tensor: StoredTensor, adaptation: Adaptation | None, dtype: Dtype
) -> ResolvedTensor:
    shape = tensor.shape if adaptation is None else adaptation.shape(tensor.shape, argument=name)
    form = PretrainedForm(tensor, adaptation)
    return ResolvedTensor(name, shape, dtype, dtype_fixed=True, form=form)
