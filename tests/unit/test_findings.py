"""Constant weights, in every way to write them; and what is unwise but served."""

from typing import Any

import pytest

from tests.specs import linear, parameter, resolved
from weightbank.errors import ConstantWeightsError

ONES: Any = {"type": "constant", "val": 0.5}
TABLE = {"name": "e", "type": "Embedding", "num_embeddings": 4, "embedding_dim": 3}
CONSTANT: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "constant": ([linear(init=ONES)], {}),
    "ones": ([linear(init="ones")], {}),
    "negative": ([linear(init={"type": "constant", "val": -1e-3})], {}),
    "normal of std 0": ([linear(init={"type": "normal", "mean": 1, "std": 0})], {}),
    "uniform of a = b": ([linear(init={"type": "uniform", "a": 1, "b": 1})], {}),
    "trunc_normal of a = b": ([linear(init={"type": "trunc_normal", "a": 1, "b": 1})], {}),
    "trunc_normal of std 0": ([linear(init={"type": "trunc_normal", "mean": 1, "std": 0})], {}),
    "by a rule": ([linear()], {"rules": [[".*weight", "ones"]]}),
    "a convolution": (
        [{"name": "c", "type": "Conv2d", "in_channels": 2, "out_channels": 3, "kernel_size": 1,
          "init": "ones"}],
        {},
    ),
    "a transposed layer": ([{"name": "c", "type": "Conv1D", "nx": 2, "nf": 3, "init": ONES}], {}),
    "an embedding": ([{**TABLE, "init": "ones"}], {}),
    "attention": (
        [{"name": "a", "type": "MultiheadAttention", "embed_dim": 4, "num_heads": 2,
          "init": {"in_proj_weight": "ones"}}],
        {},
    ),
    "with a padding row": ([{**TABLE, "padding_idx": 0, "init": "ones"}], {}),
    "with an initializer's padding row": (
        [linear(init={"type": "constant", "val": 1, "padding_idx": 0})], {},
    ),
    "split": (
        [linear(inputs=4, outputs=4,
                init={"type": "constant", "val": 1, "split": {"axis": 0, "sizes": [1, 3]}})],
        {},
    ),
    "tied to a bare parameter": (
        [parameter([3, 4], "ones"), linear(init={"type": "tie", "to": "p"})], {},
    ),
    "one value in bfloat16": (
        [linear(init={"type": "normal", "mean": 1, "std": 1e-4})], {"dtype": "bfloat16"},
    ),
    "one value in float16": (
        [linear(init={"type": "uniform", "a": 1, "b": 1.0001})], {"dtype": "float16"},
    ),
    "one value in float32": ([linear(init={"type": "uniform", "a": 1, "b": 1 + 1e-9})], {}),
    "one value within bounds": (
        [linear(init={"type": "trunc_normal", "mean": 1, "std": 1e-9})], {},
    ),
    "one value within narrow bounds": (
        [linear(init={"type": "trunc_normal", "mean": 1, "std": 1e-9, "a": 0.5, "b": 1.5})], {},
    ),
    "an identity of one input": (
        [{"name": "c", "type": "Conv1d", "in_channels": 1, "out_channels": 4, "kernel_size": 1,
          "init": {"type": "dirac", "groups": 4}}],
        {},
    ),
    "one value in a layer's dtype": (
        [linear(init={"type": "normal", "mean": 1, "std": 1e-4}, dtype="bfloat16")], {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", CONSTANT)
def test_constant_weights_are_refused(way: str) -> None:
    """However it is written, a weight of one value is refused, with the reason and a source."""
    layers, keys = CONSTANT[way]
    with pytest.raises(ConstantWeightsError, match="is every element of this weight") as caught:
        resolved(*layers, **keys)
    message = str(caught.value)
    assert "units with equal weights get equal updates and stay equal" in message
    assert "Goodfellow, Bengio & Courville 2016, Deep Learning" in message
    assert "`allow: [constant_weights]`" in message


@pytest.mark.parametrize("way", CONSTANT)
def test_constant_weights_can_be_allowed(way: str) -> None:
    """With the allowance they are served, and warned of."""
    layers, keys = CONSTANT[way]
    resolution = resolved(*layers, **keys, allow=["constant_weights"])
    assert "constant_weights" in {warning.code for warning in resolution.warnings}


NOT_CONSTANT: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "a bias": ([linear(init={"bias": "ones"})], {}),
    "a norm": ([{"name": "n", "type": "LayerNorm", "normalized_shape": [2, 3]}], {}),
    "a bare parameter": ([parameter([3, 4], "ones")], {}),
    "a buffer": ([{"name": "b", "type": "Buffer", "shape": [3, 4], "value": 1}], {}),
    "zeros": ([linear(init="zeros")], {}),
    "two values in bfloat16": (
        [linear(init={"type": "normal", "mean": 1, "std": 1e-2})], {"dtype": "bfloat16"},
    ),
    "float32 where 16 bits would be constant": (
        [linear(init={"type": "normal", "mean": 1, "std": 1e-4})], {},
    ),
    "eye": ([linear(init="eye")], {}),
    "orthogonal": ([linear(init="orthogonal")], {}),
    "an identity of two groups": (
        [{"name": "c", "type": "Conv1d", "in_channels": 1, "out_channels": 4, "kernel_size": 1,
          "init": {"type": "dirac", "groups": 2}}],
        {},
    ),
    "bounds around two values": (
        [linear(init={"type": "trunc_normal", "mean": 1, "std": 1e-3})], {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", NOT_CONSTANT)
def test_what_is_no_constant_weight(way: str) -> None:
    """Biases, norms and bare tensors may be constant; so may a weight be zero."""
    layers, keys = NOT_CONSTANT[way]
    assert resolved(*layers, **keys).resolved


def warnings_of(*layers: dict[str, Any], **keys: Any) -> dict[str, tuple[str, ...]]:
    """Return what is warned of, by its code."""
    return {warning.code: warning.tensors for warning in resolved(*layers, **keys).warnings}


def test_standard_normal_weights_are_warned_of() -> None:
    """N(0, 1) ignores the fan-in; the message says why in a sentence, with a source."""
    (warning,) = resolved(linear(init="normal", inputs=100)).warnings
    assert (warning.code, warning.tensors) == ("unscaled_normal", ("fc.weight",))
    assert "variance does not shrink with the fan-in" in warning.message
    assert warning.source.startswith("He et al. 2015")


@pytest.mark.parametrize(
    ("inputs", "std", "nonlinearity", "is_warned_of"),
    [
        (4, 1.0, None, True),
        (4, 0.99, None, False),
        (1000, 0.02, None, False),
        (1000, 0.11, None, True),
        (1000, 0.1, "relu", False),
        (1000, 0.15, "relu", True),
        (1000, 0.15, "gelu", False),
        (1000, 0.16, "gelu", True),
    ],
)
def test_normals_that_ignore_a_large_fan(
    inputs: int, std: float, nonlinearity: str | None, *, is_warned_of: bool
) -> None:
    """A given std is warned of where signals would grow tenfold in a layer, or it is 1."""
    layer = linear(inputs=inputs, nonlinearity=nonlinearity, init={"type": "normal", "std": std})
    assert ("unscaled_normal" in warnings_of(layer)) == is_warned_of


@pytest.mark.parametrize(
    "init",
    [
        {"type": "trunc_normal", "std": 1},
        {"type": "truncated_normal", "std": 1},
        {"type": "uniform", "a": -100, "b": 100},
    ],
    ids=str,
)
def test_other_draws_that_ignore_a_large_fan(init: dict[str, Any]) -> None:
    """A uniform or a cut normal of a given spread is no better than a normal."""
    assert "unscaled_normal" in warnings_of(linear(inputs=100, init=init))


def test_a_variance_of_one_that_follows_the_fan_is_fine() -> None:
    """He's variance before relu is 1 where the fan is 2."""
    assert "unscaled_normal" not in warnings_of(linear(inputs=2, init="he_normal"))


def test_draws_that_a_dtype_rounds_to_zero_are_zero_weights() -> None:
    """A std of 1e-9 is below all that float16 holds, of either sign."""
    layers = [linear("a", init={"type": "normal", "std": 1e-9}), linear("b")]
    assert warnings_of(*layers, dtype="float16")["zero_weights"] == ("a.weight",)


@pytest.mark.parametrize(
    "layer",
    [
        {**TABLE, "init": "normal"},
        parameter([100, 100], "normal"),
        linear(init={"bias": "normal"}),
        linear(inputs=100, init="he_normal"),
    ],
    ids=str,
)
def test_normals_that_are_as_they_should_be(layer: dict[str, Any]) -> None:
    """Embeddings have no fan to follow, and scaled initializers follow theirs."""
    assert "unscaled_normal" not in warnings_of(layer)


def test_hidden_zero_weights_are_warned_of() -> None:
    """No gradient passes a hidden layer of zeros."""
    zeros = linear("hidden", init="zeros")
    assert warnings_of(zeros, linear("head")) == {"zero_weights": ("hidden.weight",)}


def test_a_zero_head_is_fine() -> None:
    """The last weight of a spec may start at zero."""
    norm = {"name": "n", "type": "LayerNorm", "normalized_shape": 3}
    assert warnings_of(linear("hidden"), linear("head", init="zeros"), norm) == {}


def test_a_warning_names_all_its_tensors() -> None:
    """There is one warning a kind, however many tensors it is about."""
    layers = [linear(f"l{at}", init="zeros") for at in range(3)]
    assert warnings_of(*layers) == {"zero_weights": ("l0.weight", "l1.weight")}


def test_defaults_are_not_warned_of() -> None:
    """Both presets are healthy."""
    layers = [linear("a", nonlinearity="relu"), TABLE, linear("b")]
    for preset in ("torch@2", "advised@1"):
        assert warnings_of(*layers, preset=preset) == {}
