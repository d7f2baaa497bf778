"""Which modules are which layers, and how their arguments are read back."""

from collections.abc import Callable
from typing import Any

from weightbank.layers import Layer
from weightbank.layers.attention import MultiheadAttention
from weightbank.layers.convolution import Conv1d, Conv2d, Conv3d
from weightbank.layers.embedding import Embedding
from weightbank.layers.linear import Linear, TransposedLinear
from weightbank.layers.normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GroupNorm,
    LayerNorm,
    RMSNorm,
    SyncBatchNorm,
)

Reader = Callable[[Any], Layer]


def read_layer(module: Any) -> Layer | None:
    """Return the layer that a module, or a class it derives from, stands for.

    The caller compares the tensors: a subclass may have others.

    Args:
        module: Any ``torch.nn.Module``.
    """
    for cls in type(module).__mro__:
        reader = _READERS.get(f"{cls.__module__}.{cls.__qualname__}")
        if reader is not None:
            return reader(module)
    return None


def _size(sizes: Any) -> int | tuple[int, ...]:
    """Return one number where all are equal."""
    plain = tuple(int(size) for size in sizes)
    return plain[0] if len(set(plain)) == 1 else plain


def _linear(module: Any) -> Layer:
    return Linear(
        in_features=module.in_features,
        out_features=module.out_features,
        bias=module.bias is not None,
    )


def _transposed_linear(module: Any) -> Layer:
    inputs, outputs = module.weight.shape
    return TransposedLinear(nf=int(outputs), nx=int(inputs))


def _convolution(cls: type[Conv1d | Conv2d | Conv3d]) -> Reader:
    def read(module: Any) -> Layer:
        return cls(
            in_channels=module.in_channels,
            out_channels=module.out_channels,
            kernel_size=_size(module.kernel_size),
            groups=module.groups,
            bias=module.bias is not None,
        )

    return read


def _batch_norm(cls: type[BatchNorm1d | BatchNorm2d | BatchNorm3d | SyncBatchNorm]) -> Reader:
    def read(module: Any) -> Layer:
        return cls(
            num_features=module.num_features,
            affine=module.affine,
            track_running_stats=module.track_running_stats,
            bias=module.bias is not None or not module.affine,
        )

    return read


def _embedding(module: Any) -> Layer:
    return Embedding(
        num_embeddings=module.num_embeddings,
        embedding_dim=module.embedding_dim,
        padding_idx=module.padding_idx,
    )


def _layer_norm(module: Any) -> Layer:
    return LayerNorm(
        normalized_shape=_shape(module.normalized_shape),
        elementwise_affine=module.elementwise_affine,
        bias=module.bias is not None or not module.elementwise_affine,
    )


def _shape(sizes: Any) -> int | tuple[int, ...]:
    """Return a normalized shape, as a number where it is one."""
    plain = tuple(int(size) for size in sizes)
    return plain[0] if len(plain) == 1 else plain


def _rms_norm(module: Any) -> Layer:
    return RMSNorm(
        normalized_shape=_shape(module.normalized_shape),
        elementwise_affine=module.elementwise_affine,
    )


def _group_norm(module: Any) -> Layer:
    return GroupNorm(
        num_groups=module.num_groups,
        num_channels=module.num_channels,
        affine=module.affine,
        bias=module.bias is not None or not module.affine,
    )


def _attention(module: Any) -> Layer:
    return MultiheadAttention(
        embed_dim=module.embed_dim,
        num_heads=module.num_heads,
        bias=module.in_proj_bias is not None,
        add_bias_kv=module.bias_k is not None,
        kdim=None if module.kdim == module.embed_dim else module.kdim,
        vdim=None if module.vdim == module.embed_dim else module.vdim,
    )


_READERS: dict[str, Reader] = {
    "torch.nn.modules.linear.Linear": _linear,
    "torch.nn.modules.conv.Conv1d": _convolution(Conv1d),
    "torch.nn.modules.conv.Conv2d": _convolution(Conv2d),
    "torch.nn.modules.conv.Conv3d": _convolution(Conv3d),
    "torch.nn.modules.batchnorm.BatchNorm1d": _batch_norm(BatchNorm1d),
    "torch.nn.modules.batchnorm.BatchNorm2d": _batch_norm(BatchNorm2d),
    "torch.nn.modules.batchnorm.BatchNorm3d": _batch_norm(BatchNorm3d),
    "torch.nn.modules.batchnorm.SyncBatchNorm": _batch_norm(SyncBatchNorm),
    "torch.nn.modules.sparse.Embedding": _embedding,
    "torch.nn.modules.normalization.LayerNorm": _layer_norm,
    "torch.nn.modules.normalization.RMSNorm": _rms_norm,
    "torch.nn.modules.normalization.GroupNorm": _group_norm,
    "torch.nn.modules.activation.MultiheadAttention": _attention,
    "transformers.pytorch_utils.Conv1D": _transposed_linear,
}
