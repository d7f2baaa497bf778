"""Gains: the stored second moments computed anew, torch's table, and the literature's."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import pytest
import torch

from weightbank.errors import UnknownTypeError
from weightbank.nonlinearities import (
    NONLINEARITIES,
    catalogue,
    find_nonlinearity,
    gain_squared,
    second_moment_digits,
)

DIGITS = 75
# Phi(-20) is 1e-89: beyond it nothing of 60 digits is left.
REACH = 20


def _functions(mp: Any) -> dict[str, Callable[[Any], Any]]:
    """Return every map as its formula has it."""
    root = mp.sqrt(2 / mp.pi)
    return {
        "linear": lambda z: z,
        "relu": lambda z: max(z, mp.mpf(0)),
        "tanh": mp.tanh,
        "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
        "softsign": lambda z: z / (1 + abs(z)),
        "hardtanh": lambda z: min(mp.mpf(1), max(mp.mpf(-1), z)),
        "erf": mp.erf,
        "gelu": lambda z: z * mp.ncdf(z),
        "gelu_tanh": lambda z: z / 2 * (1 + mp.tanh(root * (z + mp.mpf("0.044715") * z**3))),
        "silu": lambda z: z / (1 + mp.exp(-z)),
        "mish": lambda z: z * mp.tanh(mp.log1p(mp.exp(z))),
        "elu": lambda z: z if z > 0 else mp.expm1(z),
        "celu": lambda z: z if z > 0 else mp.expm1(z),
        "softplus": lambda z: mp.log1p(mp.exp(z)),
        "hardswish": lambda z: z * min(mp.mpf(1), max(mp.mpf(0), z / 6 + mp.mpf(1) / 2)),
        "sin": mp.sin,
    }


def _second_moment(mp: Any, function: Callable[[Any], Any]) -> Any:
    """Integrate phi(z)**2 over the normal density, piece by piece between all kinks."""
    pieces = [mp.mpf(edge) for edge in (-REACH, -9, -6, -3, -1, 0, 1, 3, 6, 9, REACH)]
    return mp.quad(lambda z: function(z) ** 2 * mp.npdf(z), pieces)


@pytest.fixture(scope="module")
def mp() -> Any:
    """A context of mpmath with more digits than are stored."""
    context = mpmath.mp.clone()
    context.dps = DIGITS
    return context


@pytest.mark.parametrize("name", sorted(set(NONLINEARITIES) - {"leaky_relu", "selu"}))
def test_second_moments_to_the_last_digit(mp: Any, name: str) -> None:
    """Each stored second moment is the integral, within one unit of its 60th digit."""
    stored = NONLINEARITIES[name].second_moment
    exact = (
        mp.mpf(stored.numerator) / stored.denominator
        if isinstance(stored, Fraction)
        else mp.mpf(stored)
    )
    assert abs(_second_moment(mp, _functions(mp)[name]) - exact) <= mp.mpf(10) ** -60


@pytest.mark.parametrize(
    "name", [name for name, row in NONLINEARITIES.items() if isinstance(row.second_moment, str)]
)
def test_second_moments_have_60_digits(name: str) -> None:
    """Sixty digits are more than the one rounding to float32 can ever ask for."""
    assert len(second_moment_digits(name).removeprefix("0.")) == 60


def test_selu_keeps_its_second_moment(mp: Any) -> None:
    """With the constants that define it, E[selu(z)**2] is exactly 1."""
    half_exp = mp.exp(mp.mpf(1) / 2)
    erfc = mp.erfc(1 / mp.sqrt(2))
    alpha = -mp.sqrt(2 / mp.pi) / (erfc * half_exp - 1)
    negative = alpha**2 * (mp.exp(2) * mp.erfc(mp.sqrt(2)) - 2 * half_exp * erfc + 1) / 2
    mean = 1 / mp.sqrt(2 * mp.pi) + alpha * (half_exp * erfc - 1) / 2
    scale = 1 / mp.sqrt(mp.mpf(1) / 2 + negative)
    assert abs(mean) < mp.mpf(10) ** -60
    assert abs(scale - mp.mpf("1.0507009873554805")) < mp.mpf(10) ** -15
    assert NONLINEARITIES["selu"].second_moment == 1


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2, -0.5, 1.0])
def test_leaky_relu_follows_its_slope(mp: Any, slope: float) -> None:
    """The second moment is (1 + a**2) / 2, and both rules agree."""
    leaky = find_nonlinearity("leaky_relu")
    moment = _second_moment(mp, lambda z: z if z > 0 else mp.mpf(slope) * z)
    for rule in ("torch", "second_moment"):
        factor, of = gain_squared(leaky, rule=rule, slope=slope)  # type: ignore[arg-type]
        assert of is None
        assert abs(mp.mpf(factor.numerator) / factor.denominator - 1 / moment) < mp.mpf(10) ** -60


@pytest.mark.parametrize("name", sorted(set(NONLINEARITIES) - {"leaky_relu"}))
def test_gains_are_those_of_torch(name: str) -> None:
    """Where torch has a gain, ours squares to its square; where it raises, ours is None."""
    ours = NONLINEARITIES[name].torch_gain_squared
    if ours is None:
        with pytest.raises(ValueError, match="Unsupported nonlinearity"):
            torch.nn.init.calculate_gain(name)  # type: ignore[arg-type]
    else:
        gain = torch.nn.init.calculate_gain(name)  # type: ignore[arg-type]
        assert gain**2 == pytest.approx(float(ours), rel=4e-16)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2, 1.0, 3.0])
def test_the_gain_of_leaky_relu_is_that_of_torch(slope: float) -> None:
    """The gain of leaky_relu squares to 2 / (1 + a**2)."""
    gain = torch.nn.init.calculate_gain("leaky_relu", slope)
    factor, _ = gain_squared(find_nonlinearity("leaky_relu"), slope=slope)
    assert gain**2 == pytest.approx(float(factor), rel=4e-16)


# 1 / sqrt(E[phi(z)**2]), 12 digits, computed by another program from the definitions.
PUBLISHED = {
    "relu": 1.414213562373,
    "tanh": 1.592537419723,
    "sigmoid": 1.846228545339,
    "selu": 1.0,
    "gelu": 1.533530441196,
    "silu": 1.676532470331,
    "mish": 1.486847581273,
    "elu": 1.245198300701,
    "softplus": 1.041866835535,
    "softsign": 2.337533363109,
    "erf": 1.467166950489,
    "hardtanh": 1.392036140448,
    "hardswish": 1.736657212767,
    "sin": 1.520866623179,
}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_gains_of_another_program(name: str) -> None:
    """The gain that keeps the second moment agrees to 12 decimals."""
    row = next(row for row in catalogue() if row["name"] == name)
    assert row["gain_second_moment"] == pytest.approx(PUBLISHED[name], abs=6e-13)


@pytest.mark.parametrize(
    "name", [name for name, row in NONLINEARITIES.items() if row.slope_at_zero is not None]
)
def test_slopes_at_zero(mp: Any, name: str) -> None:
    """phi'(0) is as stored; from both sides, where the map is made of two pieces."""
    function, slope = _functions(mp)[name], NONLINEARITIES[name].slope_at_zero
    assert slope is not None
    step = mp.mpf(10) ** -30
    for side in (step, -step):
        difference = (function(side) - function(mp.mpf(0))) / side
        assert abs(difference - mp.mpf(slope.numerator) / slope.denominator) < mp.mpf(10) ** -25


def test_rules_choose_between_two_conventions() -> None:
    """The torch rule falls back to the second moment only where torch has no gain."""
    tanh, gelu = find_nonlinearity("tanh"), find_nonlinearity("gelu")
    assert gain_squared(tanh) == (Fraction(25, 9), None)
    assert gain_squared(tanh, rule="second_moment") == (1, "tanh")
    assert gain_squared(gelu) == gain_squared(gelu, rule="second_moment") == (1, "gelu")


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("identity", "linear"),
        ("swish", "silu"),
        ("conv1d", "linear"),
        ("conv3d", "linear"),
        ("conv_transpose2d", "linear"),
    ],
)
def test_other_names(alias: str, name: str) -> None:
    """Torch's names of linear layers, and two that are in wide use, are understood."""
    assert find_nonlinearity(alias).name == name


@pytest.mark.parametrize("name", ["rleu", "", 3, None, ["relu"], {"type": "relu"}])
def test_unknown_names_are_refused(name: object) -> None:
    """What is no nonlinearity is refused with those that are."""
    with pytest.raises(UnknownTypeError, match=r"is not a nonlinearity we know; accepted: .*relu"):
        find_nonlinearity(name)


def test_a_near_miss_is_suggested() -> None:
    """The likely name comes first."""
    with pytest.raises(UnknownTypeError, match=r"accepted: leaky_relu \(did you mean this\?\)"):
        find_nonlinearity("leakyrelu")
