"""What is unwise but served, and what is refused because equal weights stay equal.

Each sentence says why and names its source. The full linter is a thing of its
own; these are the findings that every resolved spec comes with.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from weightbank.errors import ConstantWeightsError
from weightbank.fans import Axes
from weightbank.forms import Form, KeptVarianceForm, NormalForm, TruncatedForm, UniformForm
from weightbank.layers import WEIGHT_KINDS, ParameterDeclaration
from weightbank.nonlinearities import Nonlinearity, gain_squared
from weightbank.resolved import ResolvedTensor, only_value, unpadded

_SYMMETRY = "Goodfellow, Bengio & Courville 2016, Deep Learning, section 8.4"
_HE = "He et al. 2015, https://arxiv.org/abs/1502.01852"
_SAXE = "Saxe et al. 2013, https://arxiv.org/abs/1312.6120"
_ZERO = (
    "hidden weights are all zero: no gradient reaches the layers below unless a shortcut passes "
    "them by"
)
_UNSCALED = (
    "the variance does not shrink with the fan-in, so signals and gradients grow by a factor of "
    "about variance * fan_in in each layer; kaiming_normal or xavier_normal scale it"
)
_FEWEST_DIMENSIONS = 2
# Second moments grow by this factor a layer before we speak of it.
_LARGE_FACTOR = 10


@dataclass(frozen=True, slots=True)
class Caution:
    """Something unwise about a spec.

    Attributes:
        code: Stable name of the kind of warning.
        message: One sentence, with the reason.
        source: Where that is known from.
        tensors: Names of the tensors it is about.
    """

    code: str
    message: str
    source: str
    tensors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor with what is known of the parameter that it stands for.

    Attributes:
        tensor: Resolved; of a tie, with its target's form.
        declaration: Of the parameter.
        nonlinearity: That follows its layer, or None.
        slope: Negative slope of that.
        is_last: Whether it belongs to the last layer of the spec.
        follows_fans: Whether its initializer takes the variance from its fans.
    """

    tensor: ResolvedTensor
    declaration: ParameterDeclaration
    nonlinearity: Nonlinearity | None
    slope: float
    is_last: bool
    follows_fans: bool

    @property
    def is_matrix(self) -> bool:
        """Whether it is a layer's weight of two or more dimensions."""
        many = len(self.tensor.shape) >= _FEWEST_DIMENSIONS
        return self.declaration.kind in WEIGHT_KINDS and many


def check_constant_weights(weights: Iterable[Weight]) -> None:
    """Refuse a layer's weight that is constant and not zero.

    Raises:
        ConstantWeightsError: Naming the tensor and its value.
    """
    for weight in weights:
        value = only_value(weight.tensor) if weight.is_matrix else None
        if value:
            raise ConstantWeightsError(
                weight.tensor.name,
                value,
                "is every element of this weight: units with equal weights get equal updates and "
                f"stay equal, so the layer learns as if it had one unit ({_SYMMETRY})",
                "an initializer that draws, or `allow: [constant_weights]` in the spec",
            )


def find_warnings(weights: Sequence[Weight]) -> tuple[Caution, ...]:
    """Return what is unwise about weights, one warning a kind."""
    zero = [weight for weight in weights if _is_hidden_zero(weight)]
    constant = [weight for weight in weights if weight.is_matrix and only_value(weight.tensor)]
    large = [weight for weight in weights if weight.is_matrix and _is_unscaled(weight)]
    groups = (
        (
            "zero_weights",
            _ZERO,
            _SAXE,
            zero,
        ),
        (
            "constant_weights",
            "weights are all equal, as the spec allows: units with equal weights stay equal",
            _SYMMETRY,
            constant,
        ),
        (
            "unscaled_normal",
            _UNSCALED,
            _HE,
            large,
        ),
    )
    return tuple(
        Caution(code, message, source, tuple(weight.tensor.name for weight in found))
        for code, message, source, found in groups
        if found
    )


def _is_hidden_zero(weight: Weight) -> bool:
    return weight.is_matrix and not weight.is_last and only_value(weight.tensor) == 0


def _is_unscaled(weight: Weight) -> bool:
    """Return whether a given std ignores a fan that it should follow, as N(0, 1) does."""
    axes = weight.declaration.axes
    variance = _given_variance(unpadded(weight.tensor.form))
    if weight.follows_fans or weight.declaration.kind == "embedding_weight" or axes is None:
        return False
    if variance is None:
        return False
    return variance >= 1 or variance * _fan_in(weight, axes) > _healthy(weight)


def _given_variance(form: Form) -> Fraction | None:
    """Return the variance that an initializer was given, before any cut; None without one."""
    if isinstance(form, UniformForm):
        return form.half_width.square / 3
    if isinstance(form, NormalForm | TruncatedForm | KeptVarianceForm):
        return form.std.square
    return None


def _fan_in(weight: Weight, axes: Axes) -> int:
    return axes.fans(weight.tensor.shape).fan_in


def _healthy(weight: Weight) -> Fraction:
    """Return the largest variance * fan_in that is not worth a warning."""
    if weight.nonlinearity is None:
        return Fraction(_LARGE_FACTOR)
    factor, moment = gain_squared(weight.nonlinearity, rule="second_moment", slope=weight.slope)
    digits = weight.nonlinearity.second_moment
    exact = factor if moment is None else factor / Fraction(digits)
    return _LARGE_FACTOR * exact
