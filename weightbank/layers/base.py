"""What every layer is: arguments as torch's module has them, and the tensors they make."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from weightbank.arguments import describe_arguments
from weightbank.errors import InvalidArgumentError
from weightbank.fans import Axes

Kind = Literal[
    "linear_weight",
    "convolution_weight",
    "conv1d_weight",
    "attention_input_weight",
    "attention_output_weight",
    "embedding_weight",
    "bias",
    "conv1d_bias",
    "attention_bias",
    "attention_bias_vector",
    "norm_weight",
    "norm_bias",
    "parameter",
]
"""What a parameter is for: what presets look up."""

WEIGHT_KINDS: frozenset[Kind] = frozenset(
    {
        "linear_weight",
        "convolution_weight",
        "conv1d_weight",
        "attention_input_weight",
        "attention_output_weight",
        "embedding_weight",
    }
)
"""Kinds whose elements must not all be equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterDeclaration:
    """A parameter that a layer has.

    Attributes:
        suffix: Of its name, after the layer's; empty where they are the same.
        shape: In torch's order of axes.
        kind: What it is for.
        axes: What the axes of a weight mean; None where there are no fans.
        fan_in: Of the weight that a bias belongs to.
        parts: Sizes along axis 0 of a fused projection's parts.
        padding_idx: Row that is zeroed last, or None.
    """

    suffix: str
    shape: tuple[int, ...]
    kind: Kind
    axes: Axes | None = None
    fan_in: int | None = None
    parts: tuple[int, ...] | None = None
    padding_idx: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferDeclaration:
    """A buffer that a layer has, with its one right value.

    Attributes:
        suffix: Of its name, after the layer's; empty where they are the same.
        shape: Of the tensor.
        value: Of every element.
        dtype: That it always has; None where it follows the spec's.
    """

    suffix: str
    shape: tuple[int, ...]
    value: float
    dtype: str | None = None


Declaration = ParameterDeclaration | BufferDeclaration


class Layer(ABC):
    """A kind of layer; its dataclass fields are the arguments of torch's module.

    Attributes:
        name: Its type in a spec.
        source: The module whose tensors it has.
    """

    name: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """Return its tensors in the order of torch's state dict.

        Args:
            where: Path of the layer, for messages.

        Raises:
            InvalidSpecError: If the arguments do not go together.
        """


LayerClass = TypeVar("LayerClass", bound=type[Layer])

_registry: dict[str, type[Layer]] = {}


def register(cls: LayerClass) -> LayerClass:
    """Add a layer to the registry: all that a new file has to do."""
    assert cls.name not in _registry, cls.name
    _registry[cls.name] = cls
    return cls


def registered() -> dict[str, type[Layer]]:
    """Return all layers by name."""
    return dict(_registry)


def describe(cls: type[Layer]) -> dict[str, Any]:
    """Describe a layer as JSON values."""
    return {
        "name": cls.name,
        "summary": (cls.__doc__ or "").strip().splitlines()[0],
        "source": cls.source,
        "arguments": describe_arguments(cls),
    }


def expanded(value: int | tuple[int, ...], dimensions: int, where: str) -> tuple[int, ...]:
    """Return one size for each dimension.

    Raises:
        InvalidArgumentError: If a list has another length.

    Examples:
        >>> expanded(3, 2, "kernel_size")
        (3, 3)
    """
    if isinstance(value, int):
        return (value,) * dimensions
    if len(value) != dimensions:
        accepted = f"an integer, or {dimensions} of them"
        raise InvalidArgumentError(where, list(value), f"has {len(value)} sizes", accepted)
    return value
