"""Parameter and Buffer: tensors that belong to no layer we know."""

from dataclasses import dataclass

from weightbank.arguments import argument
from weightbank.fans import Axes
from weightbank.layers.base import (
    BufferDeclaration,
    Declaration,
    Layer,
    ParameterDeclaration,
    register,
)

_FEWEST_DIMENSIONS_WITH_FANS = 2


@register
@dataclass(frozen=True)
class Parameter(Layer):
    """One parameter by its own name; it has no default and must be given an initializer."""

    shape: tuple[int, ...] = argument(description="Of the tensor; empty for a scalar.", minimum=1)

    name = "Parameter"
    source = "torch.nn.Parameter"

    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """See ``Layer.tensors``."""
        del where
        has_fans = len(self.shape) >= _FEWEST_DIMENSIONS_WITH_FANS
        axes = Axes() if has_fans else None
        return (ParameterDeclaration(suffix="", shape=self.shape, kind="parameter", axes=axes),)


@register
@dataclass(frozen=True)
class Buffer(Layer):
    """One buffer by its own name, of one value; rules and presets do not see it."""

    shape: tuple[int, ...] = argument(description="Of the tensor; empty for a scalar.", minimum=1)
    value: float | bool = argument(description="Of every element.")

    name = "Buffer"
    source = "torch.nn.Buffer"

    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """See ``Layer.tensors``; a layer's ``dtype`` makes it an integer or boolean."""
        del where
        return (BufferDeclaration(suffix="", shape=self.shape, value=float(self.value)),)
