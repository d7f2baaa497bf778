"""Embedding."""

from dataclasses import dataclass
from typing import Any

from weightbank.arguments import argument, ignored_argument
from weightbank.errors import InvalidArgumentError
from weightbank.fans import Axes
from weightbank.layers.base import Declaration, Layer, ParameterDeclaration, register


@register
@dataclass(frozen=True)
class Embedding(Layer):
    """A table of vectors: weight (num_embeddings, embedding_dim)."""

    num_embeddings: int = argument(description="Rows of the table.", minimum=1)
    embedding_dim: int = argument(description="Size of each vector.", minimum=1)
    padding_idx: int | None = argument(
        None, "Row that is zeroed last, whatever initializes the table; may count from the end."
    )
    max_norm: Any = ignored_argument(None)
    norm_type: Any = ignored_argument(2.0)
    scale_grad_by_freq: Any = ignored_argument(default=False)
    sparse: Any = ignored_argument(default=False)

    name = "Embedding"
    source = "torch.nn.Embedding"

    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """See ``Layer.tensors``."""
        rows = self.num_embeddings
        if self.padding_idx is not None and not -rows <= self.padding_idx < rows:
            raise InvalidArgumentError(
                f"{where}.padding_idx",
                self.padding_idx,
                "is no row of the table",
                f"{-rows} to {rows - 1}",
            )
        weight = ParameterDeclaration(
            suffix="weight",
            shape=(rows, self.embedding_dim),
            kind="embedding_weight",
            axes=Axes(),
            padding_idx=None if self.padding_idx is None else self.padding_idx % rows,
        )
        return (weight,)
