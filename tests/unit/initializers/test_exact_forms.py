"""Each initializer's exact form, against rational arithmetic written out here."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.specs import form_of, linear, weight_form
from weightbank.forms import (
    ConstantForm,
    DeltaOrthogonalForm,
    DiracForm,
    EyeForm,
    Form,
    KeptVarianceForm,
    NormalForm,
    OrthogonalForm,
    SparseForm,
    TruncatedForm,
    UniformForm,
)
from weightbank.initializers import catalogue, registered
from weightbank.scale import Scale

HALF = Fraction(1, 2)
POINT_TWO, POINT_02 = Fraction(0.2), Fraction(0.02)
THIRD = Fraction(1, 3)


def normal(variance: Fraction, moment: str | None = None, mean: float = 0.0) -> NormalForm:
    """Return a normal by its variance."""
    return NormalForm(mean, Scale(variance, moment))


def uniform(bound_squared: Fraction, moment: str | None = None) -> UniformForm:
    """Return a uniform around 0 by its bound squared."""
    return UniformForm(Fraction(0), Scale(bound_squared, moment))


# Of a tensor (6, 4, 3, 3): fan_in 36, fan_out 54.
SHAPE = [6, 4, 3, 3]
CASES: list[tuple[Any, Form]] = [
    ("zeros", ConstantForm(0.0)),
    ("ones", ConstantForm(1.0)),
    ({"type": "constant", "val": 0.1}, ConstantForm(0.1)),
    ({"type": "constant", "val": -0.0}, ConstantForm(0.0)),
    ("normal", normal(Fraction(1))),
    ({"type": "normal", "mean": 0.5, "std": 0.02}, normal(POINT_02**2, mean=0.5)),
    ({"type": "normal", "mean": 0.5, "std": 0}, ConstantForm(0.5)),
    ("uniform", UniformForm(HALF, Scale(HALF**2))),
    (
        {"type": "uniform", "a": -0.2, "b": 0.7},
        UniformForm(
            (Fraction(-0.2) + Fraction(0.7)) / 2, Scale(((Fraction(0.7) + POINT_TWO) / 2) ** 2)
        ),
    ),
    ({"type": "uniform", "a": 0.3, "b": 0.3}, ConstantForm(0.3)),
    ("trunc_normal", TruncatedForm(0.0, Scale(Fraction(1)), -2.0, 2.0)),
    (
        {"type": "trunc_normal", "mean": 0.1, "std": 0.2, "a": None, "b": 0.3},
        TruncatedForm(0.1, Scale(POINT_TWO**2), None, 0.3),
    ),
    ({"type": "trunc_normal", "std": 0, "a": 1, "b": 2}, ConstantForm(1.0)),
    ({"type": "trunc_normal", "std": 0, "mean": 9}, ConstantForm(2.0)),
    ({"type": "trunc_normal", "a": 1, "b": 1}, ConstantForm(1.0)),
    ("truncated_normal", KeptVarianceForm(Scale(Fraction(1)), 2.0)),
    (
        {"type": "truncated_normal", "std": 0.02, "cutoff_sigma": 3},
        KeptVarianceForm(Scale(POINT_02**2), 3.0),
    ),
    ({"type": "truncated_normal", "std": 0}, ConstantForm(0.0)),
    ("xavier_normal", normal(Fraction(2, 36 + 54))),
    ("xavier_uniform", uniform(Fraction(6, 36 + 54))),
    ({"type": "xavier_normal", "gain": 0.2}, normal(POINT_TWO**2 * Fraction(2, 90))),
    ({"type": "xavier_normal", "gain": 0}, ConstantForm(0.0)),
    ({"type": "xavier_normal", "gain": "tanh"}, normal(Fraction(25, 9) * Fraction(2, 90))),
    ({"type": "xavier_uniform", "gain": "relu"}, uniform(2 * Fraction(6, 90))),
    ({"type": "xavier_normal", "gain": "gelu"}, normal(Fraction(2, 90), "gelu")),
    (
        {"type": "xavier_normal", "gain": "tanh", "gain_rule": "second_moment"},
        normal(Fraction(2, 90), "tanh"),
    ),
    (
        {"type": "xavier_normal", "gain": "leaky_relu"},
        normal(2 / (1 + Fraction(0.01) ** 2) * Fraction(2, 90)),
    ),
    ({"type": "xavier_normal", "fan_in": 10}, normal(Fraction(2, 10 + 54))),
    ({"type": "xavier_uniform", "fan_in": 10, "fan_out": 20}, uniform(Fraction(6, 30))),
    # torch's own defaults: leaky_relu with a slope of 0.
    ("kaiming_normal", normal(Fraction(2, 36))),
    ("kaiming_uniform", uniform(Fraction(6, 36))),
    ({"type": "kaiming_normal", "mode": "fan_out"}, normal(Fraction(2, 54))),
    ({"type": "kaiming_normal", "nonlinearity": "relu"}, normal(Fraction(2, 36))),
    ({"type": "kaiming_normal", "nonlinearity": "linear"}, normal(Fraction(1, 36))),
    ({"type": "kaiming_normal", "nonlinearity": "conv2d"}, normal(Fraction(1, 36))),
    ({"type": "kaiming_normal", "nonlinearity": "sigmoid"}, normal(Fraction(1, 36))),
    (
        {"type": "kaiming_normal", "nonlinearity": "tanh"},
        normal(Fraction(25, 9) / 36),
    ),
    ({"type": "kaiming_normal", "nonlinearity": "selu"}, normal(Fraction(9, 16) / 36)),
    (
        {"type": "kaiming_normal", "nonlinearity": "selu", "gain_rule": "second_moment"},
        normal(Fraction(1, 36)),
    ),
    ({"type": "kaiming_normal", "nonlinearity": "silu"}, normal(Fraction(1, 36), "silu")),
    (
        {"type": "kaiming_uniform", "nonlinearity": "mish"},
        uniform(Fraction(3, 36), "mish"),
    ),
    ({"type": "kaiming_normal", "a": 0.2}, normal(2 / (1 + POINT_TWO**2) / 36)),
    ({"type": "kaiming_normal", "a": 0.2, "nonlinearity": "relu"}, normal(Fraction(2, 36))),
    ({"type": "kaiming_normal", "fan_in": 8}, normal(Fraction(2, 8))),
    ({"type": "kaiming_normal", "fan_out": 8}, normal(Fraction(2, 36))),
    ({"type": "kaiming_normal", "mode": "fan_out", "fan_out": 8}, normal(Fraction(2, 8))),
    ("lecun_normal", normal(Fraction(1, 36))),
    ("lecun_uniform", uniform(Fraction(3, 36))),
    ({"type": "lecun_normal", "fan_in": 5}, normal(Fraction(1, 5))),
    ("variance_scaling", KeptVarianceForm(Scale(Fraction(1, 36)), 2.0)),
    (
        {"type": "variance_scaling", "scale": 0.2, "mode": "fan_avg", "distribution": "uniform"},
        uniform(3 * POINT_TWO / 45),
    ),
    (
        {"type": "variance_scaling", "mode": "fan_out", "distribution": "normal"},
        normal(Fraction(1, 54)),
    ),
    ({"type": "variance_scaling", "scale": 0}, ConstantForm(0.0)),
    ("orthogonal", OrthogonalForm(Scale(Fraction(1)))),
    ({"type": "orthogonal", "gain": 0.2}, OrthogonalForm(Scale(POINT_TWO**2))),
    ({"type": "orthogonal", "gain": "relu"}, OrthogonalForm(Scale(Fraction(2)))),
    (
        {"type": "orthogonal", "gain": "tanh", "gain_rule": "second_moment"},
        OrthogonalForm(Scale(Fraction(1), "tanh")),
    ),
    ({"type": "orthogonal", "gain": 0}, ConstantForm(0.0)),
    ({"type": "delta_orthogonal", "gain": "relu"}, DeltaOrthogonalForm(Scale(Fraction(2)))),
    ({"type": "delta_orthogonal", "gain": 0}, ConstantForm(0.0)),
    ("dirac", DiracForm(1)),
    ({"type": "dirac", "groups": 3}, DiracForm(3)),
]
MATRIX_CASES: list[tuple[Any, Form]] = [
    ("eye", EyeForm()),
    ({"type": "sparse", "sparsity": 0.25}, SparseForm(Scale(Fraction(0.01) ** 2), 2)),
    ({"type": "sparse", "sparsity": 0.5, "std": 1}, SparseForm(Scale(Fraction(1)), 3)),
    ({"type": "sparse", "sparsity": 0}, normal(Fraction(0.01) ** 2)),
    ({"type": "sparse", "sparsity": 1}, ConstantForm(0.0)),
    ({"type": "sparse", "sparsity": 0.9}, ConstantForm(0.0)),
    ({"type": "sparse", "sparsity": 0.5, "std": 0}, ConstantForm(0.0)),
]


@pytest.mark.parametrize(("init", "form"), CASES, ids=repr)
def test_exact_forms(init: Any, form: Form) -> None:
    """A tensor of four dimensions gets exactly the numbers of the formula."""
    assert form_of(init, SHAPE) == form


@pytest.mark.parametrize(("init", "form"), MATRIX_CASES, ids=repr)
def test_exact_forms_of_matrices(init: Any, form: Form) -> None:
    """A matrix of six rows gets exactly the numbers of the formula."""
    assert form_of(init, [6, 8]) == form


TESTED_APART = {"tie", "pretrained", "moments_of", "slice_of"}


def test_every_initializer_is_covered() -> None:
    """No registered initializer is left out, but for those that have tests of their own."""

    def name(init: Any) -> str:
        found: str = init if isinstance(init, str) else init["type"]
        return found

    assert {name(init) for init, _ in (*CASES, *MATRIX_CASES)} == set(registered()) - TESTED_APART


def test_every_initializer_of_torch_is_there() -> None:
    """Each function of torch.nn.init that fills a tensor has an initializer of its name."""
    functions = {
        name.removesuffix("_")
        for name in dir(torch.nn.init)
        if name.endswith("_") and not name.startswith("_")
    }
    assert functions <= set(registered())
    assert len(functions) == 14


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("he_normal", "kaiming_normal"),
        ("he_uniform", "kaiming_uniform"),
        ("glorot_normal", "xavier_normal"),
        ("glorot_uniform", "xavier_uniform"),
    ],
)
def test_aliases_are_the_same_distribution(alias: str, name: str) -> None:
    """Keras' names mean torch's initializers, arguments and all."""
    fans = {"fan_in": 10}
    assert form_of({"type": alias, **fans}, SHAPE) == form_of({"type": name, **fans}, SHAPE)


def test_all_aliases_are_tested() -> None:
    """The catalogue has no other alias; different distributions are never aliases."""
    aliases = {alias for row in catalogue() for alias in row["aliases"]}
    assert aliases == {"he_normal", "he_uniform", "glorot_normal", "glorot_uniform"}


def test_the_two_truncated_normals_differ() -> None:
    """Absolute bounds and bounds in standard deviations are two distributions."""
    assert form_of({"type": "trunc_normal", "std": 1}, [2]) != form_of(
        {"type": "truncated_normal", "std": 1}, [2]
    )


sizes = st.integers(1, 5000)
kernels = st.lists(st.integers(1, 9), min_size=0, max_size=3)
gains = st.floats(2**-10, 2**10)


def _within_an_ulp(ours: np.float32, theirs: float) -> bool:
    return abs(float(ours) - theirs) <= float(np.spacing(np.float32(theirs)))


@given(out=sizes, inputs=sizes, kernel=kernels, gain=gains)
def test_xavier_is_torchs_formula(out: int, inputs: int, kernel: list[int], gain: float) -> None:
    """Std and bound are torch's, computed in float64, within an ulp of float32."""
    shape = (out, inputs, *kernel)
    meta = torch.empty(shape, device="meta")
    fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(meta)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    ours = form_of({"type": "xavier_normal", "gain": gain}, list(shape))
    bound = form_of({"type": "xavier_uniform", "gain": gain}, list(shape))
    assert isinstance(ours, NormalForm)
    assert isinstance(bound, UniformForm)
    assert _within_an_ulp(ours.std.float32(), std)
    assert _within_an_ulp(bound.half_width.float32(), math.sqrt(3.0) * std)


@given(
    out=sizes,
    inputs=sizes,
    kernel=kernels,
    a=st.floats(0, 4),
    mode=st.sampled_from(["fan_in", "fan_out"]),
    nonlinearity=st.sampled_from(["leaky_relu", "relu", "tanh", "selu", "linear", "sigmoid"]),
)
def test_kaiming_is_torchs_formula(
    *, out: int, inputs: int, kernel: list[int], a: float, mode: str, nonlinearity: Any
) -> None:
    """Std and bound are torch's, computed in float64, within an ulp of float32."""
    shape = (out, inputs, *kernel)
    meta = torch.empty(shape, device="meta")
    fan = torch.nn.init._calculate_correct_fan(meta, mode)  # type: ignore[arg-type]
    std = torch.nn.init.calculate_gain(nonlinearity, a) / math.sqrt(fan)
    given_arguments = {"a": a, "mode": mode, "nonlinearity": nonlinearity}
    ours = form_of({"type": "kaiming_normal", **given_arguments}, list(shape))
    bound = form_of({"type": "kaiming_uniform", **given_arguments}, list(shape))
    assert isinstance(ours, NormalForm)
    assert isinstance(bound, UniformForm)
    assert _within_an_ulp(ours.std.float32(), std)
    assert _within_an_ulp(bound.half_width.float32(), math.sqrt(3.0) * std)


def test_he_of_the_known_answers(vectors: dict[str, Any]) -> None:
    """f32(sqrt(2 / fan)) has the known bits."""
    for fan, bits in vectors["scale"]["sqrt_2_over_fan"].items():
        form = weight_form(linear(inputs=int(fan), outputs=1, init="he_normal"))
        assert isinstance(form, NormalForm)
        assert form.std.float32().view(np.uint32) == int(bits, 16)


def test_xavier_of_the_known_answers(vectors: dict[str, Any]) -> None:
    """The bound of xavier_uniform has the known bits."""
    for fans, bits in vectors["scale"]["xavier_bound"].items():
        inputs, outputs = (int(fan) for fan in fans.split(","))
        form = weight_form(linear(inputs=inputs, outputs=outputs, init="xavier_uniform"))
        assert isinstance(form, UniformForm)
        assert form.half_width.float32().view(np.uint32) == int(bits, 16)


def test_gains_of_the_known_answers(vectors: dict[str, Any]) -> None:
    """Kaiming with each nonlinearity and a fan of 100 has the known bits."""
    for case, bits in vectors["std_of_gain"].items():
        name = case.removesuffix("_fan_100").removesuffix("_0.2")
        init = {"type": "kaiming_normal", "nonlinearity": name, "a": 0.2}
        form = weight_form(linear(inputs=100, init=init))
        assert isinstance(form, NormalForm)
        assert form.std.float32().view(np.uint32) == int(bits, 16)


@given(
    sparsity=st.floats(0, 1),
    rows=st.integers(1, 300),
)
def test_sparse_has_torchs_number_of_zeros(sparsity: float, rows: int) -> None:
    """The zeros of a column are rounded up as torch rounds them."""
    zeros = math.ceil(sparsity * rows)
    form = form_of({"type": "sparse", "sparsity": sparsity}, [rows, 2])
    expected = {0: NormalForm, rows: ConstantForm}.get(zeros, SparseForm)
    assert isinstance(form, expected)
    assert not isinstance(form, SparseForm) or form.zeros_per_column == zeros


def test_a_layers_fans_beat_the_shape() -> None:
    """A grouped convolution has the fans of its kind, a bare Parameter those of its shape."""
    layer = {
        "name": "c",
        "type": "Conv2d",
        "in_channels": 4,
        "out_channels": 6,
        "groups": 2,
        "kernel_size": 3,
        "init": {"type": "kaiming_normal", "mode": "fan_out"},
    }
    assert weight_form(layer) == normal(Fraction(2, 27))
    assert form_of({"type": "kaiming_normal", "mode": "fan_out"}, [6, 2, 3, 3]) == normal(
        Fraction(2, 54)
    )


def test_fractions_of_our_presets_are_not_for_specs() -> None:
    """Numbers in a spec are doubles: a third has to be written as one."""
    with pytest.raises(Exception, match="scale '1/3' is not a finite number"):
        form_of({"type": "variance_scaling", "scale": "1/3"}, SHAPE)
    form = form_of({"type": "variance_scaling", "scale": 1 / 3, "distribution": "normal"}, SHAPE)
    assert form == normal(Fraction(1 / 3) / 36)
    assert form != normal(THIRD / 36)
