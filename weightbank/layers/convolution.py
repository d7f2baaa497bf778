"""Conv1d, Conv2d and Conv3d, with groups."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from weightbank.arguments import argument, ignored_argument
from weightbank.errors import InvalidArgumentError
from weightbank.fans import Axes
from weightbank.layers.base import Declaration, Layer, ParameterDeclaration, expanded, register


@dataclass(frozen=True)
class _Convolution(Layer):
    in_channels: int = argument(description="Channels of the input.", minimum=1)
    out_channels: int = argument(description="Channels of the output.", minimum=1)
    kernel_size: int | tuple[int, ...] = argument(
        description="One size, or one for each dimension.", minimum=1
    )
    stride: Any = ignored_argument(1)
    padding: Any = ignored_argument(0)
    dilation: Any = ignored_argument(1)
    groups: int = argument(1, "Groups of channels that do not meet.", minimum=1)
    bias: bool = argument(default=True, description="Whether there is a bias.")
    padding_mode: Any = ignored_argument("zeros")

    dimensions: ClassVar[int]

    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """See ``Layer.tensors``."""
        for which, channels in (
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
        ):
            if channels % self.groups:
                raise InvalidArgumentError(
                    f"{where}.groups",
                    self.groups,
                    f"does not divide {which} = {channels}",
                    "a divisor of both channel counts",
                )
        kernel = expanded(self.kernel_size, self.dimensions, f"{where}.kernel_size")
        shape = (self.out_channels, self.in_channels // self.groups, *kernel)
        weight = ParameterDeclaration(
            suffix="weight",
            shape=shape,
            kind="convolution_weight",
            axes=Axes(groups=self.groups),
        )
        bias = ParameterDeclaration(
            suffix="bias", shape=(self.out_channels,), kind="bias", fan_in=math.prod(shape[1:])
        )
        return (weight, bias) if self.bias else (weight,)


@register
@dataclass(frozen=True)
class Conv1d(_Convolution):
    """A convolution over sequences: weight (out, in / groups, k)."""

    name = "Conv1d"
    source = "torch.nn.Conv1d"
    dimensions = 1


@register
@dataclass(frozen=True)
class Conv2d(_Convolution):
    """A convolution over images: weight (out, in / groups, k, k)."""

    name = "Conv2d"
    source = "torch.nn.Conv2d"
    dimensions = 2


@register
@dataclass(frozen=True)
class Conv3d(_Convolution):
    """A convolution over volumes: weight (out, in / groups, k, k, k)."""

    name = "Conv3d"
    source = "torch.nn.Conv3d"
    dimensions = 3
