"""Presets: their rows, that a released one never changes, and torch's own distributions."""

import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import pytest
import torch

from tests.specs import forms, linear, parameter, resolved, weight_form
from weightbank.errors import MissingInitializerError, UnknownTypeError
from weightbank.forms import ConstantForm, Form, NormalForm, SplitForm, UniformForm
from weightbank.layers.base import WEIGHT_KINDS
from weightbank.nonlinearities import NONLINEARITIES
from weightbank.presets import DEFAULT, PRESETS, catalogue
from weightbank.scale import Scale

VECTORS = Path(__file__).parents[2] / "vectors" / "presets.json"


def uniform(bound_squared: Fraction) -> UniformForm:
    """Return U(-r, r) by r squared."""
    return UniformForm(Fraction(0), Scale(bound_squared))


def normal(variance: Fraction, moment: str | None = None) -> NormalForm:
    """Return N(0, variance), over a second moment if one is named."""
    return NormalForm(0.0, Scale(variance, moment))


@pytest.mark.parametrize("name", ["advised@1", "torch@2"])
def test_a_released_preset_never_changes(name: str) -> None:
    """The rows of a released preset are those that were written down at its release.

    A better choice is a new version beside it; never edit the rows in presets.json.
    """
    released = json.loads(VECTORS.read_text("utf-8"))[name]
    rows = next(preset["rows"] for preset in catalogue() if preset["name"] == name)
    assert json.loads(json.dumps(rows)) == released


def test_every_preset_is_written_down() -> None:
    """No preset is released without its rows."""
    assert set(json.loads(VECTORS.read_text("utf-8"))) == set(PRESETS.by_name)


def test_every_choice_has_a_reason_and_a_source() -> None:
    """A row without either could not be checked by whoever reads it."""
    for preset in catalogue():
        assert all(row["reason"] and row["source"] for row in preset["rows"])


def test_a_spec_without_preset_is_advised() -> None:
    """The default preset is what its name says."""
    assert DEFAULT == "advised@1"
    assert resolved(linear()).resolved == resolved(linear(), preset="advised@1").resolved


@pytest.mark.parametrize("name", ["torch", "torch@1", "Torch@2", 2, None, ["torch@2"]])
def test_unknown_presets(name: object) -> None:
    """A preset that there is not is refused with those that there are."""
    if name is None:
        assert resolved(linear(), preset=None).resolved == resolved(linear()).resolved
        return
    with pytest.raises(UnknownTypeError, match=r"preset .* is not a preset we know; accepted: "):
        resolved(linear(), preset=name)


@pytest.mark.parametrize("preset", sorted(PRESETS.by_name))
def test_a_bare_parameter_has_no_default(preset: str) -> None:
    """Nobody knows what a bare parameter is for, so it must be given an initializer."""
    bare = {"name": "position", "type": "Parameter", "shape": [2, 3]}
    with pytest.raises(MissingInitializerError, match=r"position .* is a bare Parameter") as caught:
        resolved(bare, preset=preset)
    assert "a rule whose pattern matches its whole name" in caught.value.accepted


CONV = {"name": "c", "type": "Conv2d", "in_channels": 4, "out_channels": 6, "kernel_size": 3}
ATTENTION = {"name": "a", "type": "MultiheadAttention", "embed_dim": 8, "num_heads": 2}
EMBEDDING = {"name": "e", "type": "Embedding", "num_embeddings": 10, "embedding_dim": 4}
NORM = {"name": "n", "type": "BatchNorm2d", "num_features": 3}
TRANSPOSED = {"name": "t", "type": "Conv1D", "nx": 8, "nf": 2}

TORCH_FORMS: list[tuple[dict[str, Any], str, Form]] = [
    (linear(inputs=7), "fc.weight", uniform(Fraction(1, 7))),
    (linear(inputs=7), "fc.bias", uniform(Fraction(1, 7))),
    (CONV, "c.weight", uniform(Fraction(1, 36))),
    (CONV, "c.bias", uniform(Fraction(1, 36))),
    ({**CONV, "groups": 2}, "c.weight", uniform(Fraction(1, 18))),
    ({**CONV, "groups": 2}, "c.bias", uniform(Fraction(1, 18))),
    (EMBEDDING, "e.weight", normal(Fraction(1))),
    (ATTENTION, "a.in_proj_weight", uniform(Fraction(6, 8 + 24))),
    ({**ATTENTION, "kdim": 4}, "a.k_proj_weight", uniform(Fraction(6, 8 + 4))),
    ({**ATTENTION, "kdim": 4}, "a.q_proj_weight", uniform(Fraction(6, 8 + 8))),
    (ATTENTION, "a.out_proj.weight", uniform(Fraction(1, 8))),
    (ATTENTION, "a.in_proj_bias", ConstantForm(0.0)),
    (ATTENTION, "a.out_proj.bias", ConstantForm(0.0)),
    # xavier_normal_ of a tensor (1, 1, E) has fans (E, E).
    ({**ATTENTION, "add_bias_kv": True}, "a.bias_k", normal(Fraction(2, 8 + 8))),
    ({**ATTENTION, "add_bias_kv": True}, "a.bias_v", normal(Fraction(2, 8 + 8))),
    (NORM, "n.weight", ConstantForm(1.0)),
    (NORM, "n.bias", ConstantForm(0.0)),
    (NORM, "n.running_var", ConstantForm(1.0)),
    (TRANSPOSED, "t.weight", normal(Fraction(0.02) ** 2)),
    (TRANSPOSED, "t.bias", ConstantForm(0.0)),
]


@pytest.mark.parametrize(("layer", "tensor", "form"), TORCH_FORMS, ids=repr)
def test_torchs_distributions_exactly(layer: dict[str, Any], tensor: str, form: Form) -> None:
    """Each tensor has the distribution that torch's source gives it, as exact numbers."""
    assert forms(layer, preset="torch@2")[tensor] == form


def _sequence(build: Callable[[], torch.nn.Module]) -> dict[str, torch.Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build().state_dict()


REAL: list[tuple[Callable[[], torch.nn.Module], dict[str, Any]]] = [
    (lambda: torch.nn.Linear(300, 200), linear("", 300, 200)),
    (
        lambda: torch.nn.Conv2d(64, 96, 3, groups=4),
        {**CONV, "name": "", "in_channels": 64, "out_channels": 96, "groups": 4},
    ),
    (
        lambda: torch.nn.Conv1d(16, 300, 5),
        {"name": "", "type": "Conv1d", "in_channels": 16, "out_channels": 300, "kernel_size": 5},
    ),
    (
        lambda: torch.nn.Embedding(500, 100),
        {**EMBEDDING, "name": "", "num_embeddings": 500, "embedding_dim": 100},
    ),
    (
        lambda: torch.nn.MultiheadAttention(128, 2, add_bias_kv=True),
        {**ATTENTION, "name": "", "embed_dim": 128, "add_bias_kv": True},
    ),
    (
        lambda: torch.nn.MultiheadAttention(128, 2, kdim=64),
        {**ATTENTION, "name": "", "embed_dim": 128, "kdim": 64},
    ),
    (lambda: torch.nn.LayerNorm(50), {"name": "", "type": "LayerNorm", "normalized_shape": 50}),
]


@pytest.mark.parametrize(("build", "layer"), REAL, ids=lambda item: str(item)[:60])
def test_torchs_own_modules_have_these_distributions(
    build: Callable[[], torch.nn.Module], layer: dict[str, Any]
) -> None:
    """The std of each tensor of torch's module is ours, and no value is beyond our bound.

    A std that is off by 5 % is found with a probability above 0.9999 where a tensor has
    19,200 elements or more, as every weight here: the standard error is at most
    1 / sqrt(2 n) = 0.51 %, and 5 of them are let pass. Small biases only show errors of
    their kind.
    """
    ours = forms(layer, preset="torch@2")
    for name, tensor in _sequence(build).items():
        form, values = ours[name], tensor.double()
        if isinstance(form, ConstantForm):
            assert bool((values == form.value).all())
            continue
        low, high = form.bounds()
        expected = high / math.sqrt(3) if isinstance(form, UniformForm) else _std(form)
        allowed = 5 / math.sqrt(2 * values.numel())
        assert abs(values.square().mean().sqrt().item() / expected - 1) < allowed
        assert low <= values.min() <= values.max() <= high


def _std(form: Form) -> float:
    assert isinstance(form, NormalForm)
    return float(form.std.float32())


def _half_root_of_pi() -> Fraction:
    context = mpmath.mp.clone()
    context.dps = 50
    return Fraction(float(context.sqrt(context.pi) / 2))


GAINS_FOR_SATURATING = {
    "tanh": Fraction(1),
    "hardtanh": Fraction(1),
    "softsign": Fraction(1),
    "sigmoid": Fraction(4),
    # 1 / erf'(0) = sqrt(pi) / 2, to the double nearest to it.
    "erf": _half_root_of_pi(),
}
SMOOTH = [name for name, row in NONLINEARITIES.items() if row.kind == "smooth"]


@pytest.mark.parametrize("name", sorted(GAINS_FOR_SATURATING))
def test_saturating_units_get_xavier_with_the_gain_of_their_slope(name: str) -> None:
    """Xavier's bound, times 1 / phi'(0)."""
    square = GAINS_FOR_SATURATING[name] ** 2 * Fraction(6, 4 + 3)
    assert weight_form(linear(nonlinearity=name)) == uniform(square)


def test_every_saturating_unit_has_a_gain() -> None:
    """No saturating nonlinearity is without a row."""
    saturating = {name for name, row in NONLINEARITIES.items() if row.kind == "saturating"}
    assert saturating == set(GAINS_FOR_SATURATING)


@pytest.mark.parametrize(
    ("nonlinearity", "variance"),
    [
        ("relu", Fraction(2, 4)),
        ({"type": "leaky_relu", "negative_slope": 0.5}, Fraction(8, 5) / 4),
        ("leaky_relu", 2 / (1 + Fraction(0.01) ** 2) / 4),
    ],
)
def test_rectified_units_get_he(nonlinearity: object, variance: Fraction) -> None:
    """He's variance, with the slope that the spec gives."""
    assert weight_form(linear(nonlinearity=nonlinearity)) == normal(variance)


def test_selu_gets_lecun() -> None:
    """The fixed point of selu is at variance 1 / fan_in."""
    assert weight_form(linear(nonlinearity="selu")) == normal(Fraction(1, 4))


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_units_get_the_gain_of_their_own(name: str) -> None:
    """1 / fan_in over their own second moment."""
    assert weight_form(linear(nonlinearity=name)) == normal(Fraction(1, 4), name)


@pytest.mark.parametrize("nonlinearity", [None, "linear", "identity"])
def test_no_nonlinearity_gets_glorots_balance(nonlinearity: str | None) -> None:
    """Where nothing follows, signals and gradients are balanced."""
    assert weight_form(linear(nonlinearity=nonlinearity)) == uniform(Fraction(6, 7))


def test_transposed_weights_count_their_fans_by_meaning() -> None:
    """Conv1D has its inputs on axis 0."""
    assert weight_form({**TRANSPOSED, "nonlinearity": "relu"}) == normal(Fraction(2, 8))


ADVISED: list[tuple[dict[str, Any], str, Form]] = [
    (linear(), "fc.bias", ConstantForm(0.0)),
    (TRANSPOSED, "t.bias", ConstantForm(0.0)),
    (NORM, "n.weight", ConstantForm(1.0)),
    (NORM, "n.bias", ConstantForm(0.0)),
    (EMBEDDING, "e.weight", normal(Fraction(1))),
    (ATTENTION, "a.out_proj.weight", uniform(Fraction(6, 16))),
    (ATTENTION, "a.in_proj_bias", ConstantForm(0.0)),
    ({**ATTENTION, "add_bias_kv": True}, "a.bias_v", normal(Fraction(2, 16))),
    # Three parts of (8, 8) each have fans (8, 8), and so one scale.
    (ATTENTION, "a.in_proj_weight", uniform(Fraction(6, 16))),
    ({**ATTENTION, "vdim": 4}, "a.v_proj_weight", uniform(Fraction(6, 12))),
]


@pytest.mark.parametrize(("layer", "tensor", "form"), ADVISED, ids=repr)
def test_advised_rows_that_follow_from_the_kind(
    layer: dict[str, Any], tensor: str, form: Form
) -> None:
    """Biases, norms, embeddings and attention have one row each."""
    assert forms(layer)[tensor] == form


def test_a_tied_table_starts_small() -> None:
    """A table that is also the output layer gets 0.02."""
    head = linear("head", 4, 10, bias=False, init={"type": "tie", "to": "e.weight"})
    assert forms(EMBEDDING, head)["e.weight"] == normal(Fraction(0.02) ** 2)


def test_orthogonal_parts_of_a_fused_projection_stay_apart() -> None:
    """A rule that splits gives each part a matrix of its own."""
    rule = [".*in_proj_weight", {"type": "orthogonal", "split": {"axis": 0, "sizes": [8, 8, 8]}}]
    form = forms(ATTENTION, rules=[rule])["a.in_proj_weight"]
    assert isinstance(form, SplitForm)
    assert len(form.parts) == 3


def test_the_choices_say_who_decided() -> None:
    """Every tensor is in exactly one choice, with its origin."""
    resolution = resolved(
        linear(),
        NORM,
        parameter([2], "zeros"),
        rules=[[r"fc\.weight", "zeros"]],
    )
    origins = {name: choice.origin for choice in resolution.choices for name in choice.tensors}
    assert origins == {
        "fc.weight": "rules[0]",
        "fc.bias": "preset advised@1",
        "n.weight": "preset advised@1",
        "n.bias": "preset advised@1",
        "n.running_mean": "buffer",
        "n.running_var": "buffer",
        "n.num_batches_tracked": "buffer",
        "p": "layer",
    }


def test_rows_cover_every_weight() -> None:
    """Both presets have a row for every kind of weight."""
    for preset in catalogue():
        assert {row["parameter"] for row in preset["rows"]} >= WEIGHT_KINDS
