"""advised@1: what the literature recommends, by kind of layer and nonlinearity.

Exact look-ups, each with its reason and source: Xavier before saturating units,
He before rectified ones, LeCun before selu, and for gelu, silu and the rest the
gain that keeps their own second moment.
"""

from typing import Any

from weightbank.assignment import Assignment, SplitSizes
from weightbank.initializers.constants import Ones, Zeros
from weightbank.initializers.kaiming import KaimingNormal
from weightbank.initializers.lecun import LecunNormal
from weightbank.initializers.normal import Normal
from weightbank.initializers.xavier import XavierNormal, XavierUniform
from weightbank.layers.base import Kind
from weightbank.nonlinearities import DEFAULT_SLOPE, NONLINEARITIES, Nonlinearity
from weightbank.presets.base import Preset, Recommendation, Situation, row

_GLOROT = "Glorot & Bengio 2010, PMLR 9:249"
_HE = "He et al. 2015, https://arxiv.org/abs/1502.01852"
_KUMAR = "Kumar 2017, https://arxiv.org/abs/1704.08863"
_PENNINGTON = "Pennington et al. 2017, https://arxiv.org/abs/1711.04735"
_GPT2 = "Radford et al. 2019, Language Models are Unsupervised Multitask Learners"
_GOYAL = "Goyal et al. 2017, https://arxiv.org/abs/1706.02677"

# 1 / phi'(0), at which a saturating unit passes small signals unchanged.
_SATURATING_GAINS: dict[str, tuple[float, str]] = {
    "tanh": (1.0, _GLOROT),
    "hardtanh": (1.0, _PENNINGTON),
    "softsign": (1.0, _GLOROT),
    "erf": (0.886226925452758, _PENNINGTON),
    "sigmoid": (4.0, _KUMAR),
}

_LAYER_WEIGHTS: tuple[Kind, ...] = ("linear_weight", "convolution_weight", "conv1d_weight")


def _recommend(initializer: Any, reason: str, source: str) -> Recommendation:
    return Recommendation(
        assignment=Assignment(initializer=initializer), reason=reason, source=source
    )


_FIXED: dict[Kind, Recommendation] = {
    "bias": _recommend(Zeros(), "a bias starts at zero: the weights break the symmetry", _GLOROT),
    "conv1d_bias": _recommend(Zeros(), "a bias starts at zero", _GPT2),
    "attention_bias": _recommend(Zeros(), "attention starts without preferences", _GLOROT),
    "attention_bias_vector": _recommend(
        XavierNormal(),
        "a learned key or value is a vector of E inputs and E outputs",
        "torch.nn.MultiheadAttention",
    ),
    "attention_output_weight": _recommend(
        XavierUniform(), "a projection that no nonlinearity follows: Glorot's balance", _GLOROT
    ),
    "norm_weight": _recommend(Ones(), "a normalization starts as itself: scale 1", _GOYAL),
    "norm_bias": _recommend(Zeros(), "a normalization starts as itself: shift 0", _GOYAL),
}

_TIED_EMBEDDING = _recommend(
    Normal(std=0.02), "a tied table is also the output layer, whose logits must start small", _GPT2
)
_EMBEDDING = _recommend(
    Normal(), "a look-up has no fan: unit variance for what follows", "torch.nn.Embedding"
)
_NO_NONLINEARITY = _recommend(
    XavierUniform(),
    "no nonlinearity is named after this layer: signals and gradients are balanced",
    _GLOROT,
)


def _before(nonlinearity: Nonlinearity, slope: float) -> Recommendation:
    """Return what a weight gets whose layer this nonlinearity follows."""
    name = nonlinearity.name
    if nonlinearity.kind == "linear":
        return _NO_NONLINEARITY
    if nonlinearity.kind == "saturating":
        gain, source = _SATURATING_GAINS[name]
        reason = f"{name} saturates: Xavier, with gain 1/phi'(0)"
        return _recommend(XavierUniform(gain=gain), reason, source)
    if nonlinearity.kind == "self_normalizing":
        reason = "selu has its fixed point of mean 0 and variance 1 at variance 1/fan_in"
        return _recommend(
            LecunNormal(), reason, "Klambauer et al. 2017, https://arxiv.org/abs/1706.02515"
        )
    if nonlinearity.kind == "rectified":
        reason = f"{name} passes half of the signal: He keeps its variance through the depth"
        return _recommend(KaimingNormal(a=slope, nonlinearity=name), reason, _HE)
    reason = f"gain 1/sqrt(E[{name}(z)^2]) keeps the second moment; torch's table has none"
    initializer = KaimingNormal(nonlinearity=name, gain_rule="second_moment")
    return _recommend(initializer, reason, "He et al. 2015, with E[phi(z)^2] in place of 1/2")


def _slope(nonlinearity: Nonlinearity) -> float:
    return DEFAULT_SLOPE if nonlinearity.name == "leaky_relu" else 0.0


def _attention_input(parts: tuple[int, ...] | None) -> Recommendation:
    split = None if parts is None else SplitSizes(axis=0, sizes=parts)
    return Recommendation(
        assignment=Assignment(initializer=XavierUniform(), split=split),
        reason="queries, keys and values are three projections: each has its own fans",
        source=_GLOROT,
    )


class AdvisedPreset(Preset):
    """What the literature recommends."""

    name = "advised@1"
    summary = "What the literature recommends for each kind of layer and nonlinearity."

    def recommend(self, situation: Situation) -> Recommendation | None:
        """See ``Preset.recommend``."""
        parameter, nonlinearity = situation.parameter, situation.nonlinearity
        if parameter.kind in _LAYER_WEIGHTS:
            if nonlinearity is None:
                return _NO_NONLINEARITY
            return _before(nonlinearity, situation.slope)
        if parameter.kind == "embedding_weight":
            return _TIED_EMBEDDING if situation.is_tie_target else _EMBEDDING
        if parameter.kind == "attention_input_weight":
            return _attention_input(parameter.parts)
        return _FIXED.get(parameter.kind)

    def rows(self) -> list[dict[str, Any]]:
        """See ``Preset.rows``."""
        return [
            *(
                row(kind, _before(nonlinearity, _slope(nonlinearity)), nonlinearity.name)
                for kind in _LAYER_WEIGHTS
                for nonlinearity in NONLINEARITIES.values()
            ),
            *(row(kind, entry) for kind, entry in _FIXED.items()),
            row("attention_input_weight", _attention_input(None)),
            row("embedding_weight", _EMBEDDING, "any, where nothing is tied to it"),
            row("embedding_weight", _TIED_EMBEDDING, "any, where another tensor is tied to it"),
        ]
