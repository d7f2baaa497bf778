"""Activations, and the gain that each asks of the weights before it.

Two conventions are in use and both are here by name. torch's table
(``torch.nn.init.calculate_gain``) covers few activations; for the others, and
everywhere under ``gain_rule: second_moment``, the gain keeps the second moment of
the signal: gain**2 = 1 / E[phi(z)**2] with z standard normal. The two disagree
for tanh, sigmoid and selu.

The second moments are written out to 60 digits; a test computes them anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal

from weightbank.errors import UnknownTypeError
from weightbank.suggestions import accepted_names

Kind = Literal["linear", "rectified", "saturating", "self_normalizing", "smooth"]
GainRule = Literal["torch", "second_moment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonlinearity:
    """One activation.

    Attributes:
        name: torch's spelling.
        kind: What decides between schemes in the preset ``advised``.
        formula: phi(z), in words a reader can type.
        torch_gain_squared: Square of torch's gain, exact; None where torch raises.
        second_moment: E[phi(z)**2] for z standard normal: a rational, or 60
            decimal digits of an irrational.
        slope_at_zero: phi'(0), exact; None where the map has a kink there.
    """

    name: str
    kind: Kind
    formula: str
    torch_gain_squared: Fraction | None
    second_moment: Fraction | str
    slope_at_zero: Fraction | None


_HALF, _ONE = Fraction(1, 2), Fraction(1)

# Name, kind, formula, torch's gain squared, second moment, slope at zero.
_ROWS: tuple[tuple[str, Kind, str, Fraction | None, Fraction | str, Fraction | None], ...] = (
    ("linear", "linear", "z", _ONE, _ONE, _ONE),
    ("relu", "rectified", "max(0, z)", Fraction(2), _HALF, None),
    # leaky_relu's row is for the slope that a caller gives; see gain_squared.
    ("leaky_relu", "rectified", "z if z > 0 else a * z", Fraction(2), _HALF, None),
    (
        "tanh", "saturating", "tanh(z)", Fraction(25, 9),
        "0.394294490397841174416459772444119560573790749422305097621123", _ONE,
    ),
    (
        "sigmoid", "saturating", "1 / (1 + exp(-z))", _ONE,
        "0.293379035858092962737649171281901159423718287674155544533859", Fraction(1, 4),
    ),
    (
        "softsign", "saturating", "z / (1 + abs(z))", None,
        "0.183014021266547499088224835052223895402980941922130686746008", _ONE,
    ),
    (
        "hardtanh", "saturating", "min(1, max(-1, z))", None,
        "0.516058550961713300404339614128878690342656058525129949024890", _ONE,
    ),
    (
        "erf", "saturating", "erf(z)", None,
        "0.464559054397539978509532408117536217011267994843348308370809", None,
    ),
    (
        "selu", "self_normalizing", "1.0507 * (z if z > 0 else 1.6733 * (exp(z) - 1))",
        Fraction(9, 16), _ONE, None,
    ),
    (
        "gelu", "smooth", "z * Phi(z)", None,
        "0.425221482570298674918554416385494906899564413394440108799894", _HALF,
    ),
    (
        "gelu_tanh", "smooth",
        "z/2 * (1 + tanh(sqrt(2/pi) * (z + 0.044715 * z**3)))", None,
        "0.425193711033099451198548339750185894835310755588270181834082", _HALF,
    ),
    (
        "silu", "smooth", "z / (1 + exp(-z))", None,
        "0.355775519817352156230794292333666440615676183578126134901064", _HALF,
    ),
    (
        "mish", "smooth", "z * tanh(ln(1 + exp(z)))", None,
        "0.452342192375882770682040036796088331004480731385781337483148", Fraction(3, 5),
    ),
    (
        "elu", "smooth", "z if z > 0 else exp(z) - 1", None,
        "0.644945417492923863063461440337786703267686953192130460340832", _ONE,
    ),
    (
        "celu", "smooth", "z if z > 0 else exp(z) - 1", None,
        "0.644945417492923863063461440337786703267686953192130460340832", _ONE,
    ),
    (
        "softplus", "smooth", "ln(1 + exp(z))", None,
        "0.921245908859300278677248686821363397395587019362897724873572", _HALF,
    ),
    (
        "hardswish", "smooth", "z * min(1, max(0, z/6 + 1/2))", None,
        "0.331567375137907694587749428574471153504358756817289694826116", _HALF,
    ),
    (
        "sin", "smooth", "sin(z)", None,
        "0.432332358381693654053000252513757798296184227045212059265921", _ONE,
    ),
)  # fmt: skip

DEFAULT_SLOPE = 0.01
"""leaky_relu's negative slope where nobody gives one: that of torch.nn.LeakyReLU."""

NONLINEARITIES: Mapping[str, Nonlinearity] = MappingProxyType(
    {
        name: Nonlinearity(
            name=name,
            kind=kind,
            formula=formula,
            torch_gain_squared=torch_gain_squared,
            second_moment=second_moment,
            slope_at_zero=slope,
        )
        for name, kind, formula, torch_gain_squared, second_moment, slope in _ROWS
    }
)
"""All nonlinearities by name."""

_ALIASES = {"identity": "linear", "swish": "silu"}
_CONVOLUTIONS = {f"conv{way}{n}d" for way in ("", "_transpose") for n in (1, 2, 3)}


def find_nonlinearity(name: object, *, argument: str = "nonlinearity") -> Nonlinearity:
    """Return the nonlinearity of a name; torch's ``conv2d`` and its like are linear.

    Raises:
        UnknownTypeError: If there is none of that name.

    Examples:
        >>> find_nonlinearity("gelu").kind
        'smooth'
        >>> find_nonlinearity("conv2d").name
        'linear'
    """
    if isinstance(name, str):
        plain = "linear" if name in _CONVOLUTIONS else _ALIASES.get(name, name)
        if plain in NONLINEARITIES:
            return NONLINEARITIES[plain]
    raise UnknownTypeError(
        argument, name, "is not a nonlinearity we know", accepted_names(name, NONLINEARITIES)
    )


def gain_squared(
    nonlinearity: Nonlinearity, *, rule: GainRule = "torch", slope: float = 0.0
) -> tuple[Fraction, str | None]:
    """Return gain**2 as an exact number, or over a second moment.

    Args:
        nonlinearity: Of the layer's output.
        rule: ``torch`` uses torch's table where it has an entry and the second
            moment elsewhere; ``second_moment`` uses that everywhere.
        slope: leaky_relu's negative slope, taken exactly.

    Returns:
        ``(factor, name)``: gain**2 is ``factor`` if name is None, and otherwise
        ``factor`` over the irrational second moment of that nonlinearity.

    Examples:
        >>> gain_squared(find_nonlinearity("tanh"))
        (Fraction(25, 9), None)
        >>> gain_squared(find_nonlinearity("tanh"), rule="second_moment")
        (Fraction(1, 1), 'tanh')
        >>> gain_squared(find_nonlinearity("leaky_relu"), slope=0.5)
        (Fraction(8, 5), None)

    References:
        docs/numbers.md, "Scales"; torch.nn.init.calculate_gain.
    """
    if nonlinearity.name == "leaky_relu":
        # Both rules agree: E[phi(z)**2] is (1 + a**2) / 2.
        return 2 / (1 + Fraction(slope) ** 2), None
    if rule == "torch" and nonlinearity.torch_gain_squared is not None:
        return nonlinearity.torch_gain_squared, None
    if isinstance(nonlinearity.second_moment, Fraction):
        return 1 / nonlinearity.second_moment, None
    return Fraction(1), nonlinearity.name


def second_moment_digits(name: str) -> str:
    """Return the decimal digits of an irrational second moment.

    Examples:
        >>> second_moment_digits("gelu")[:12]
        '0.4252214825'
    """
    moment = NONLINEARITIES[name].second_moment
    assert isinstance(moment, str), name
    return moment


def catalogue() -> list[dict[str, Any]]:
    """Describe every nonlinearity, with both gains side by side.

    Examples:
        >>> next(row["gain_torch"] for row in catalogue() if row["name"] == "selu")
        0.75
    """
    return [_describe(nonlinearity) for nonlinearity in NONLINEARITIES.values()]


def _describe(nonlinearity: Nonlinearity) -> dict[str, Any]:
    moment = float(Fraction(nonlinearity.second_moment))
    torch_gain = nonlinearity.torch_gain_squared
    torch_value = None if torch_gain is None else float(torch_gain) ** 0.5
    own_gain = moment**-0.5
    slope = nonlinearity.slope_at_zero
    return {
        "name": nonlinearity.name,
        "kind": nonlinearity.kind,
        "formula": nonlinearity.formula,
        "second_moment": moment,
        "slope_at_zero": None if slope is None else float(slope),
        "gain_second_moment": own_gain,
        "gain_torch": torch_value,
        "gains_differ": torch_value is not None and abs(torch_value - own_gain) > 1e-9,  # noqa: PLR2004 - two doubles of one number
        "source": "torch.nn.init.calculate_gain; 1/sqrt(E[phi(z)^2]), z ~ N(0, 1)",
    }
