"""Linear, and transformers' Conv1D, which stores the same thing transposed."""

from dataclasses import dataclass

from weightbank.arguments import argument
from weightbank.fans import Axes
from weightbank.layers.base import Declaration, Layer, ParameterDeclaration, register


@register
@dataclass(frozen=True)
class Linear(Layer):
    """A fully connected layer: weight (out_features, in_features)."""

    in_features: int = argument(description="Size of each input.", minimum=1)
    out_features: int = argument(description="Size of each output.", minimum=1)
    bias: bool = argument(default=True, description="Whether there is a bias.")

    name = "Linear"
    source = "torch.nn.Linear"

    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """See ``Layer.tensors``."""
        del where
        weight = ParameterDeclaration(
            suffix="weight",
            shape=(self.out_features, self.in_features),
            kind="linear_weight",
            axes=Axes(),
        )
        bias = ParameterDeclaration(
            suffix="bias", shape=(self.out_features,), kind="bias", fan_in=self.in_features
        )
        return (weight, bias) if self.bias else (weight,)


@register
@dataclass(frozen=True)
class TransposedLinear(Layer):
    """GPT-2's Conv1D: a linear layer whose weight is (in, out), and its fans with it."""

    nf: int = argument(description="Size of each output.", minimum=1)
    nx: int = argument(description="Size of each input.", minimum=1)

    name = "Conv1D"
    source = "transformers.pytorch_utils.Conv1D"

    def tensors(self, where: str) -> tuple[Declaration, ...]:
        """See ``Layer.tensors``."""
        del where
        return (
            ParameterDeclaration(
                suffix="weight",
                shape=(self.nx, self.nf),
                kind="conv1d_weight",
                axes=Axes(output=1, input=0),
            ),
            ParameterDeclaration(
                suffix="bias", shape=(self.nf,), kind="conv1d_bias", fan_in=self.nx
            ),
        )
