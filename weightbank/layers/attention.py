"""MultiheadAttention."""

from dataclasses import dataclass
from typing import Any

from weightbank.arguments import argument, ignored_argument
from weightbank.errors import InvalidArgumentError
from weightbank.fans import Axes
from weightbank.layers.base import Declaration, Layer, ParameterDeclaration, register


@register
@dataclass(frozen=True)
class MultiheadAttention(Layer):
    """Attention with queries, keys and values in one fused projection, or in three."""

    embed_dim: int = argument(description="Size of queries and outputs.", minimum=1)
    num_heads: int = argument(description="Heads; must divide embed_dim.", minimum=1)
    dropout: Any = ignored_argument(0.0)
    bias: bool = argument(default=True, description="Whether the projections have biases.")
    add_bias_kv: bool = argument(
        default=False, description="Whether a learned key and value are appended."
    )
    add_zero_attn: Any = ignored_argument(default=False)
    kdim: int | None = argument(None, "Size of keys; embed_dim if left out.", minimum=1)
    vdim: int | None = argument(None, "Size of values; embed_dim if left out.", minimum=1)
    batch_first: Any = ignored_argument(default=False)

    name = "MultiheadAttention"
    source = "torch.nn.MultiheadAttention"

    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """See ``Layer.tensors``."""
        if self.embed_dim % self.num_heads:
            raise InvalidArgumentError(
                f"{where}.num_heads",
                self.num_heads,
                f"does not divide embed_dim = {self.embed_dim}",
                "a divisor of it",
            )
        width = self.embed_dim
        output = ParameterDeclaration(
            suffix="out_proj.weight",
            shape=(width, width),
            kind="attention_output_weight",
            axes=Axes(),
        )
        return (
            *self._input_weights(),
            *self._biases({"in_proj_bias": 3 * width}),
            *self._appended(),
            output,
            *self._biases({"out_proj.bias": width}),
        )

    def _input_weights(self) -> tuple[Declaration, ...]:
        width = self.embed_dim
        key_size, value_size = self.kdim or width, self.vdim or width
        if key_size == value_size == width:
            fused = ParameterDeclaration(
                suffix="in_proj_weight",
                shape=(3 * width, width),
                kind="attention_input_weight",
                axes=Axes(),
                parts=(width, width, width),
            )
            return (fused,)
        return tuple(
            ParameterDeclaration(
                suffix=f"{letter}_proj_weight",
                shape=(width, size),
                kind="attention_input_weight",
                axes=Axes(),
            )
            for letter, size in (("q", width), ("k", key_size), ("v", value_size))
        )

    def _biases(self, sizes: dict[str, int]) -> tuple[Declaration, ...]:
        if not self.bias:
            return ()
        return tuple(
            ParameterDeclaration(suffix=suffix, shape=(size,), kind="attention_bias")
            for suffix, size in sizes.items()
        )

    def _appended(self) -> tuple[Declaration, ...]:
        if not self.add_bias_kv:
            return ()
        return tuple(
            ParameterDeclaration(
                suffix=suffix,
                shape=(1, 1, self.embed_dim),
                kind="attention_bias_vector",
                axes=Axes(),
            )
            for suffix in ("bias_k", "bias_v")
        )
