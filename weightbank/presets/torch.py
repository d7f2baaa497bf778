"""torch@2: what PyTorch 2's own modules start from, distribution for distribution.

Not torch's bytes, which follow its generator; its distributions, exactly. torch
writes its linear default as kaiming_uniform with a = sqrt(5): the bound is
1 / sqrt(fan_in), and that is how it stands here.
"""

from fractions import Fraction

from weightbank.assignment import Assignment
from weightbank.initializers.constants import Ones, Zeros
from weightbank.initializers.normal import Normal
from weightbank.initializers.variance_scaling import VarianceScaling
from weightbank.initializers.xavier import XavierNormal, XavierUniform
from weightbank.layers.base import Kind
from weightbank.presets.base import Preset, Recommendation, Situation, row

_BOUND = VarianceScaling(scale=Fraction(1, 3), mode="fan_in", distribution="uniform")
_BIAS_REASON = "torch draws a bias from U(±1/sqrt(fan_in)), with its weight's fan_in"


def _fixed(reason: str, source: str, assignment: Assignment) -> Recommendation:
    return Recommendation(assignment=assignment, reason=reason, source=source)


_TABLE: dict[Kind, Recommendation] = {
    "linear_weight": _fixed(
        "torch's default, kaiming_uniform(a=sqrt(5)), is U(±1/sqrt(fan_in))",
        "torch.nn.Linear.reset_parameters",
        Assignment(initializer=_BOUND),
    ),
    "convolution_weight": _fixed(
        "torch's default, kaiming_uniform(a=sqrt(5)), is U(±1/sqrt(fan_in))",
        "torch.nn.modules.conv._ConvNd.reset_parameters",
        Assignment(initializer=_BOUND),
    ),
    "conv1d_weight": _fixed(
        "transformers' Conv1D is no torch module; its own default is N(0, 0.02^2)",
        "transformers.pytorch_utils.Conv1D",
        Assignment(initializer=Normal(std=0.02)),
    ),
    "conv1d_bias": _fixed(
        "transformers' Conv1D starts its bias at zero",
        "transformers.pytorch_utils.Conv1D",
        Assignment(initializer=Zeros()),
    ),
    "attention_input_weight": _fixed(
        "torch takes Xavier over the fused projection, as one matrix of 3E rows",
        "torch.nn.MultiheadAttention._reset_parameters",
        Assignment(initializer=XavierUniform()),
    ),
    "attention_output_weight": _fixed(
        "the output projection is a torch Linear, and keeps its default",
        "torch.nn.MultiheadAttention._reset_parameters",
        Assignment(initializer=_BOUND),
    ),
    "attention_bias": _fixed(
        "torch zeroes the biases of attention",
        "torch.nn.MultiheadAttention._reset_parameters",
        Assignment(initializer=Zeros()),
    ),
    "attention_bias_vector": _fixed(
        "torch draws bias_k and bias_v with xavier_normal",
        "torch.nn.MultiheadAttention._reset_parameters",
        Assignment(initializer=XavierNormal()),
    ),
    "embedding_weight": _fixed(
        "torch draws embeddings from N(0, 1)",
        "torch.nn.Embedding.reset_parameters",
        Assignment(initializer=Normal()),
    ),
    "norm_weight": _fixed(
        "a normalization starts as itself: scale 1",
        "torch.nn.LayerNorm.reset_parameters",
        Assignment(initializer=Ones()),
    ),
    "norm_bias": _fixed(
        "a normalization starts as itself: shift 0",
        "torch.nn.LayerNorm.reset_parameters",
        Assignment(initializer=Zeros()),
    ),
}


class TorchPreset(Preset):
    """PyTorch 2's defaults."""

    name = "torch@2"
    summary = "What PyTorch 2's modules start from: the same distributions, our numbers."

    def recommend(self, situation: Situation) -> Recommendation | None:
        """See ``Preset.recommend``."""
        parameter = situation.parameter
        if parameter.kind == "bias":
            return _bias(parameter.fan_in)
        return _TABLE.get(parameter.kind)

    def rows(self) -> list[dict[str, object]]:
        """See ``Preset.rows``."""
        return [row("bias", _bias(None)), *(row(kind, entry) for kind, entry in _TABLE.items())]


def _bias(fan_in: int | None) -> Recommendation:
    bound = VarianceScaling(
        scale=Fraction(1, 3), mode="fan_in", distribution="uniform", fan_in=fan_in
    )
    return _fixed(_BIAS_REASON, "torch.nn.Linear.reset_parameters", Assignment(initializer=bound))
