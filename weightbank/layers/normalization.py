"""LayerNorm, RMSNorm, GroupNorm and the batch norms."""

from dataclasses import dataclass
from typing import Any

from weightbank.arguments import argument, ignored_argument
from weightbank.errors import InvalidArgumentError
from weightbank.layers.base import (
    BufferDeclaration,
    Declaration,
    Layer,
    ParameterDeclaration,
    register,
)


def _weight(shape: tuple[int, ...]) -> ParameterDeclaration:
    return ParameterDeclaration(suffix="weight", shape=shape, kind="norm_weight")


def _bias(shape: tuple[int, ...]) -> ParameterDeclaration:
    return ParameterDeclaration(suffix="bias", shape=shape, kind="norm_bias")


def _affine(shape: tuple[int, ...], *, weight: bool, bias: bool) -> tuple[Declaration, ...]:
    """Return the parameters of a normalization: without a weight there is no bias either."""
    if not weight:
        return ()
    return (_weight(shape), _bias(shape)) if bias else (_weight(shape),)


def _normalized_shape(value: int | tuple[int, ...], where: str) -> tuple[int, ...]:
    shape = (value,) if isinstance(value, int) else value
    if not shape:
        raise InvalidArgumentError(
            f"{where}.normalized_shape", [], "is empty", "an integer, or a list of them"
        )
    return shape


@register
@dataclass(frozen=True)
class LayerNorm(Layer):
    """Normalization over the last dimensions: weight and bias of normalized_shape."""

    normalized_shape: int | tuple[int, ...] = argument(
        description="One size, or one for each of the last dimensions.", minimum=1
    )
    eps: Any = ignored_argument(1e-5)
    elementwise_affine: bool = argument(default=True, description="Whether there is a weight.")
    bias: bool = argument(default=True, description="Whether there is a bias beside the weight.")

    name = "LayerNorm"
    source = "torch.nn.LayerNorm"

    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """See ``Layer.tensors``."""
        shape = _normalized_shape(self.normalized_shape, where)
        return _affine(shape, weight=self.elementwise_affine, bias=self.bias)


@register
@dataclass(frozen=True)
class RMSNorm(Layer):
    """Root-mean-square normalization over the last dimensions: a weight alone."""

    normalized_shape: int | tuple[int, ...] = argument(
        description="One size, or one for each of the last dimensions.", minimum=1
    )
    eps: Any = ignored_argument(None)
    elementwise_affine: bool = argument(default=True, description="Whether there is a weight.")

    name = "RMSNorm"
    source = "torch.nn.RMSNorm"

    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """See ``Layer.tensors``."""
        shape = _normalized_shape(self.normalized_shape, where)
        return (_weight(shape),) if self.elementwise_affine else ()


@register
@dataclass(frozen=True)
class GroupNorm(Layer):
    """Normalization over groups of channels: weight and bias a channel."""

    num_groups: int = argument(description="Groups; must divide the channels.", minimum=1)
    num_channels: int = argument(description="Channels.", minimum=1)
    eps: Any = ignored_argument(1e-5)
    affine: bool = argument(default=True, description="Whether there is a weight.")
    bias: bool = argument(default=True, description="Whether there is a bias beside the weight.")

    name = "GroupNorm"
    source = "torch.nn.GroupNorm"

    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """See ``Layer.tensors``."""
        if self.num_channels % self.num_groups:
            raise InvalidArgumentError(
                f"{where}.num_groups",
                self.num_groups,
                f"does not divide num_channels = {self.num_channels}",
                "a divisor of it",
            )
        return _affine((self.num_channels,), weight=self.affine, bias=self.bias)


@dataclass(frozen=True)
class _BatchNorm(Layer):
    num_features: int = argument(description="Channels.", minimum=1)
    eps: Any = ignored_argument(1e-5)
    momentum: Any = ignored_argument(0.1)
    affine: bool = argument(default=True, description="Whether there is a weight.")
    track_running_stats: bool = argument(
        default=True, description="Whether there are running statistics."
    )
    bias: bool = argument(default=True, description="Whether there is a bias beside the weight.")

    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """See ``Layer.tensors``."""
        del where
        shape = (self.num_features,)
        affine = _affine(shape, weight=self.affine, bias=self.bias)
        if not self.track_running_stats:
            return affine
        return (
            *affine,
            BufferDeclaration(suffix="running_mean", shape=shape, value=0.0),
            BufferDeclaration(suffix="running_var", shape=shape, value=1.0),
            BufferDeclaration(suffix="num_batches_tracked", shape=(), value=0.0, dtype="int64"),
        )


@register
@dataclass(frozen=True)
class BatchNorm1d(_BatchNorm):
    """Normalization over a batch of vectors or sequences."""

    name = "BatchNorm1d"
    source = "torch.nn.BatchNorm1d"


@register
@dataclass(frozen=True)
class BatchNorm2d(_BatchNorm):
    """Normalization over a batch of images."""

    name = "BatchNorm2d"
    source = "torch.nn.BatchNorm2d"


@register
@dataclass(frozen=True)
class BatchNorm3d(_BatchNorm):
    """Normalization over a batch of volumes."""

    name = "BatchNorm3d"
    source = "torch.nn.BatchNorm3d"


@register
@dataclass(frozen=True)
class SyncBatchNorm(_BatchNorm):
    """Batch normalization across processes; its tensors are BatchNorm's."""

    process_group: Any = ignored_argument(None)

    name = "SyncBatchNorm"
    source = "torch.nn.SyncBatchNorm"
