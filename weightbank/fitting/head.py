"""A head of another number of classes: left out of the checkpoint, and drawn anew."""

from dataclasses import dataclass

from weightbank.dtypes import Dtype
from weightbank.errors import (
    NO_VALUE,
    InvalidArgumentError,
    InvalidDtypeError,
    InvalidShapeError,
    UnknownTensorError,
)
from weightbank.fitting.description import ModelDescription
from weightbank.fitting.names import Tensors
from weightbank.fitting.wishes import Wishes
from weightbank.forms import Form
from weightbank.limits import Limits
from weightbank.resolve import resolve
from weightbank.spec import Spec
from weightbank.suggestions import accepted_names

_PRESET = "advised@1"
_LAST_PATHS = ("fc", "head", "classifier", "head.fc", "classifier.1", "score", "heads.head")
# Of as many rows as there are labels it is a head, otherwise it predicts words.
_LANGUAGE_HEAD = "lm_head"
_MATRIX_DIMENSIONS = 2
# Some heads see the image still, and take each of its places alone: ResNetV2, DLA, DPN.
_KERNELS = ((), (1, 1))


@dataclass(frozen=True, slots=True)
class NewTensor:
    """A tensor that is not the checkpoint's.

    Attributes:
        shape: In torch's order of axes.
        form: Its exact initializer.
    """

    shape: tuple[int, ...]
    form: Form


def new_heads(
    tensors: Tensors, wishes: Wishes, description: ModelDescription, *, limits: Limits
) -> dict[str, NewTensor]:
    """Return the tensors of heads that have to be drawn, by their names in the checkpoint.

    Args:
        tensors: Of the checkpoint that stay.
        wishes: With the number of classes.
        description: Hints which modules are heads.
        limits: Bounds.

    Raises:
        InvalidArgumentError: If it is unclear which module is the head.
        UnknownTensorError: If there is no such module.
        InvalidShapeError: If it is neither a linear layer nor a convolution of 1 x 1.
    """
    if wishes.num_classes is None:
        return {}
    drawn: dict[str, NewTensor] = {}
    for path in _heads(tensors, wishes, description):
        rows, inputs = _matrix_shape(tensors, path)
        if rows != wishes.num_classes:
            _check_rows(path, rows, wishes.num_classes, description)
            drawn |= _drawn(tensors, path, inputs, wishes.num_classes, limits)
    return drawn


def _heads(tensors: Tensors, wishes: Wishes, description: ModelDescription) -> tuple[str, ...]:
    if wishes.head is not None:
        if _weight(wishes.head) not in tensors:
            problem = "is no module with a weight"
            accepted = accepted_names(wishes.head, _matrices(tensors))
            raise UnknownTensorError("head", wishes.head, problem, accepted)
        return (wishes.head,)
    described = tuple(path for path in description.classifiers if _weight(path) in tensors)
    return described or _conventional(tensors, description.num_classes)


def _conventional(tensors: Tensors, rows: int | None) -> tuple[str, ...]:
    """Return the one module that is called as heads are called."""
    paths = _LAST_PATHS if rows is None else (*_LAST_PATHS, _LANGUAGE_HEAD)
    found = [
        path
        for path in paths
        if len(shape := _shape(tensors, path)) == _MATRIX_DIMENSIONS and rows in (None, shape[0])
    ]
    if len(found) != 1:
        problem = "is needed: no configuration says which module classifies, and "
        problem += f"{' and '.join(found)} may" if found else "none is called as such modules are"
        accepted = accepted_names(None, reversed(_matrices(tensors))) or "a linear layer's path"
        raise InvalidArgumentError("head", NO_VALUE, problem, accepted)
    return (found[0],)


def _weight(path: str) -> str:
    return f"{path}.weight"


def _shape(tensors: Tensors, path: str) -> tuple[int, ...]:
    tensor = tensors.get(_weight(path))
    return () if tensor is None else tensor.shape


def _matrices(tensors: Tensors) -> list[str]:
    """Return the paths of modules that could be heads."""
    return [
        name.removesuffix(".weight")
        for name, tensor in tensors.items()
        if name.endswith(".weight") and len(tensor.shape) == _MATRIX_DIMENSIONS
    ]


def _matrix_shape(tensors: Tensors, path: str) -> tuple[int, int]:
    name, shape = _weight(path), _shape(tensors, path)
    kernel = shape[_MATRIX_DIMENSIONS:]
    if len(shape) < _MATRIX_DIMENSIONS or kernel not in _KERNELS or 0 in shape:
        accepted = (
            "(classes, inputs), the weight of a linear layer, or (classes, inputs, 1, 1); another "
            "module as `head`"
        )
        raise InvalidShapeError(
            f"{name}: shape", list(shape), "is that of no linear head", accepted
        )
    bias = tensors.get(f"{path}.bias")
    if bias is not None and bias.shape != shape[:1]:
        problem = f"does not go with a weight of shape {list(shape)}"
        raise InvalidShapeError(f"{path}.bias: shape", list(bias.shape), problem, f"{[shape[0]]}")
    rows, inputs = shape[:_MATRIX_DIMENSIONS]
    return rows, inputs


def _check_rows(path: str, rows: int, wished: int, description: ModelDescription) -> None:
    """Refuse to draw a head that the configuration says is the right one.

    Its stored weight has rows of its own then, such as one for a background class.
    """
    if description.num_classes == wished:
        raise InvalidArgumentError(
            "num_classes",
            wished,
            f"is what the configuration says of the head, and {_weight(path)} has {rows} rows: "
            "which of them are meant is not known",
            f"{rows} to keep all of them",
        )


def _drawn(
    tensors: Tensors, path: str, inputs: int, classes: int, limits: Limits
) -> dict[str, NewTensor]:
    """Return weight and bias as a spec with this one layer has them."""
    bias = f"{path}.bias"
    sizes: dict[str, object] = {"in_features": inputs, "out_features": classes}
    kind = "Linear"
    if len(_shape(tensors, path)) > _MATRIX_DIMENSIONS:
        kind = "Conv2d"
        sizes = {"in_channels": inputs, "out_channels": classes, "kernel_size": 1}
    layer = {"name": "head", "type": kind, **sizes, "bias": bias in tensors}
    spec = Spec.from_document({"preset": _PRESET, "layers": [layer]}, limits=limits)
    resolved = resolve(spec, limits=limits).resolved.tensors
    return {
        f"{path}.{tensor.name.removeprefix('head.')}": NewTensor(tensor.shape, tensor.form)
        for tensor in resolved
    }


def check_drawable(name: str, dtype: Dtype) -> None:
    """Refuse to draw a tensor in a dtype that only stored ones have.

    Raises:
        InvalidDtypeError: If nothing is drawn in it.
    """
    if not dtype.is_floating:
        problem = "is the dtype of the stored head, in which none can be drawn"
        raise InvalidDtypeError(name, dtype.name, problem, "`dtype`, a floating one")
