"""A spec as written: its keys, layers and names, and what is refused of them."""

import re
import time
from typing import Any

import pytest

from tests.specs import linear, parameter, resolved
from weightbank import Limits, Spec, parse_json, parse_yaml, resolve
from weightbank.errors import (
    InvalidArgumentError,
    InvalidNameError,
    LimitExceededError,
    WeightbankError,
)


def read(document: Any, **limits: int) -> Spec:
    """Read a spec."""
    return Spec.from_document(document, limits=Limits(**limits))


def test_defaults() -> None:
    """A spec is float32, advised, and suggests no seed unless it says otherwise."""
    spec = read({"layers": [linear()]})
    assert (spec.seed, spec.dtype.name, spec.preset.name) == (None, "float32", "advised@1")
    assert (spec.rules, spec.allow) == ((), frozenset())


@pytest.mark.parametrize("key", ["seed", "dtype", "preset", "rules", "allow"])
def test_a_key_with_nothing_behind_it_is_left_out(key: str) -> None:
    """YAML writes null where nothing stands."""
    assert read({"layers": [linear()], key: None}) == read({"layers": [linear()]})


REFUSED: list[tuple[Any, str]] = [
    (None, "the spec None is not a mapping; accepted: seed, dtype, preset, layers, rules, allow"),
    ([], "the spec [] is not a mapping"),
    ("spec", "the spec 'spec' is not a mapping"),
    ({}, "layers None has no layers; accepted: a list of one or more"),
    ({"layers": []}, "layers [] has no layers"),
    ({"layers": {}}, "layers {} is not a list"),
    ({"layers": "Linear"}, "layers 'Linear' is not a list"),
    ({"layer": [linear()]}, "layer [{'name': 'fc'"),
    ({"layer": []}, "is not a key of a spec; accepted: layers (did you mean this?)"),
    ({"layers": [3]}, "layers[0] 3 is not a layer; accepted: a mapping with name, type and arg"),
    ({"layers": [linear(), None]}, "layers[1] None is not a layer"),
    ({"layers": [{"type": "Linear"}]}, "layers[0].name is missing; accepted: the layer's path"),
    ({"layers": [{"name": 3}]}, "layers[0].name 3 is not a string"),
    ({"layers": [{"name": "x"}]}, "layers[0] 'x'.type None is not a layer we know"),
    ({"layers": [{"name": "x", "type": "Linaer"}]}, "accepted: Linear (did you mean this?)"),
    ({"layers": [{"name": "x", "type": ["Linear"]}]}, "type ['Linear'] is not a layer we know"),
    ({"layers": [linear()], "dtype": "float8"}, "dtype 'float8' is not a dtype that weights can"),
    ({"layers": [linear()], "dtype": "int64"}, "accepted: float64, float32, bfloat16, float16"),
    ({"layers": [linear()], "dtype": 32}, "dtype 32 is not a dtype"),
    ({"layers": [linear()], "allow": "constant_weights"}, "allow 'constant_weights' is not a list"),
    ({"layers": [linear()], "allow": ["zeros"]}, "allow[0] 'zeros' cannot be allowed; accepted: c"),
    ({"layers": [linear()], "allow": [["x"]]}, "allow[0] ['x'] cannot be allowed"),
    ({"layers": [linear()], "rules": {}}, "rules {} is not a list; accepted: a list of [pattern"),
    ({"layers": [linear()], "rules": [".*"]}, "rules[0] '.*' is not a rule; accepted: [pattern"),
    ({"layers": [linear()], "rules": [[".*"]]}, "rules[0] ['.*'] is not a rule"),
    ({"layers": [linear()], "rules": [[1, "zeros"]]}, "rules[0] [1, 'zeros'] is not a rule"),
    ({"layers": [linear()], "rules": [[".*", "zeroes"]]}, "rules[0].type 'zeroes' is not an init"),
    ({"layers": [linear(nonlinearity="rleu")]}, "nonlinearity 'rleu' is not a nonlinearity we"),
    ({"layers": [linear(nonlinearity=3)]}, "layers[0] 'fc'.nonlinearity 3 is not a nonlinearity"),
    ({"layers": [linear(nonlinearity={})]}, "nonlinearity None is not a nonlinearity we know"),
    (
        {"layers": [linear(nonlinearity={"type": "relu", "negative_slope": 1})]},
        "nonlinearity.negative_slope 1 is not an argument of relu; accepted: no arguments",
    ),
    (
        {"layers": [linear(nonlinearity={"type": "leaky_relu", "slope": 1})]},
        "slope 1 is not an argument of nonlinearity; accepted: negative_slope",
    ),
    ({"layers": [linear(init={"wieght": "zeros"})]}, "weight (did you mean this?)"),
    ({"layers": [linear(init={"running_mean": "zeros"})]}, "is no parameter of this layer"),
    (
        {"layers": [{"name": "b", "type": "Buffer", "shape": [1], "value": 0, "init": "zeros"}]},
        "accepted: no init: this layer has only buffers",
    ),
    (
        {"layers": [{"name": "a", "type": "MultiheadAttention", "embed_dim": 2, "num_heads": 1,
                     "init": "zeros"}]},
        "does not say which parameter it is for; accepted: a mapping {in_proj_weight: ...,",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("document", "message"), REFUSED, ids=lambda item: repr(item)[:60])
def test_refused(document: Any, message: str) -> None:
    """The message names the place, the value, the problem and what is accepted."""
    with pytest.raises(WeightbankError, match=re.escape(message)):
        read(document)


@pytest.mark.parametrize("seed", [-1, 2**64, True, 1.0, "7", float("nan"), [1], 2**15000], ids=type)
def test_refused_seeds(seed: Any) -> None:
    """A seed is an integer in [0, 2**64), and nothing that looks like one."""
    with pytest.raises(WeightbankError, match=r"^seed .* accepted: an integer in \[0, 2\*\*64\)$"):
        read({"layers": [linear()], "seed": seed})


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_outermost_seeds(seed: int) -> None:
    """The least and the greatest seed are seeds."""
    assert read({"layers": [linear()], "seed": seed}).seed == seed


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a\nb", "holds a control character"),
        ("a\x00", "holds a control character"),
        ("a\x7f", "holds a control character"),
        ("a\x85", "holds a control character"),
        ("\ud800", "is not Unicode text"),
        ("x" * 513, "has 513 bytes"),
        ("é" * 257, "has 514 bytes"),
    ],
)
def test_refused_names(name: str, problem: str) -> None:
    """A name has to stand in a header, and in a message about it."""
    with pytest.raises(InvalidNameError, match=problem) as caught:
        read({"layers": [linear(name)]})
    assert caught.value.argument == "layers[0].name"
    assert "1 to 512 bytes of UTF-8 without control characters" in caught.value.accepted
    str(caught.value).encode("utf-8")


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (parameter([1], "zeros", "__metadata__"), "is reserved by the safetensors format"),
        (parameter([1], "zeros", ""), "tensor '' is empty"),
        (linear("x" * 510), "has 517 bytes"),
    ],
)
def test_refused_tensor_names(layer: dict[str, Any], problem: str) -> None:
    """The name of a tensor is checked, and not only that of its layer."""
    with pytest.raises(InvalidNameError, match=problem):
        resolved(layer)


def test_too_many_layers_are_refused_quickly() -> None:
    """A million layers are refused before the first one is read."""
    layers = [{"name": f"l{at}", "type": "Linear"} for at in range(10**6)]
    started = time.perf_counter()
    with pytest.raises(LimitExceededError, match="layers 1000000 are too many; accepted: 100000"):
        read({"layers": layers})
    assert time.perf_counter() - started < 1


def test_too_many_tensors_are_refused() -> None:
    """What counts are tensors, of which a layer may have several."""
    spec = read({"layers": [linear(f"l{at}") for at in range(6)]})
    accepted = resolve(spec, limits=Limits(tensors=12)).resolved
    assert len(accepted.tensors) == 12
    with pytest.raises(LimitExceededError, match="layers 12 are more tensors than a file may"):
        resolve(spec, limits=Limits(tensors=11))


@pytest.mark.parametrize(
    "text",
    [
        '{"layers": [{"name": "fc", "type": "Linear", "in_features": NaN, "out_features": 1}]}',
        '{"layers": [{"name": "fc", "type": "Linear", "in_features": 1e999, "out_features": 1}]}',
    ],
)
def test_nan_in_json_is_refused_by_its_argument(text: str) -> None:
    """NaN and infinities name the argument that they were written for."""
    with pytest.raises(InvalidArgumentError, match=r"layers\[0\] 'fc'\.in_features .* not finite"):
        read(parse_json(text))


@pytest.mark.parametrize("key", ["\ud800", "a\nb", "\x00", "k" * 100_000], ids=lambda key: key[:3])
def test_odd_keys_can_stand_in_any_message(key: str) -> None:
    """A key is the caller's: a message shows it in UTF-8, on one line, and not whole."""
    for document in ({key: 1}, {"layers": [linear(**{key: 1})]}):
        with pytest.raises(WeightbankError) as caught:
            read(document)
        message = str(caught.value)
        assert message.isprintable()
        assert len(message.encode("utf-8")) < 3000


def test_a_huge_integer_within_a_mapping() -> None:
    """YAML's hexadecimal integers have no bound, and do not break the message about them."""
    text = f"layers: [{{name: c, type: Conv1d, kernel_size: {{a: 0x{'f' * 5000}}}}}]"
    with pytest.raises(WeightbankError, match="kernel_size a dict with a very long integer is not"):
        read(parse_yaml(text))


SPEC: dict[str, Any] = {
    "seed": 3,
    "dtype": "bfloat16",
    "preset": "torch@2",
    "layers": [
        linear("fc1", 8, 8, init="he_normal"),
        linear("fc2", 8, 8),
        {"name": "bn", "type": "BatchNorm1d", "num_features": 8},
    ],
    "rules": [[r"fc2\.weight", {"type": "glorot_uniform"}]],
}
HE_BY_HAND = {"type": "kaiming_normal", "a": 0, "mode": "fan_in", "nonlinearity": "leaky_relu"}
SAME: dict[str, dict[str, Any]] = {
    "no seed": {key: value for key, value in SPEC.items() if key != "seed"},
    "another seed": {**SPEC, "seed": 4},
    "other order of keys": dict(reversed(SPEC.items())),
    "other order of layers": {**SPEC, "layers": SPEC["layers"][::-1]},
    "torch's names": {
        **SPEC,
        "layers": [linear("fc1", 8, 8, init=HE_BY_HAND), *SPEC["layers"][1:]],
        "rules": [[r"fc2\.weight", "xavier_uniform"]],
    },
    "rules for an init": {
        **SPEC,
        "layers": [linear("fc1", 8, 8), *SPEC["layers"][1:]],
        "rules": [["fc1[.]weight", "kaiming_normal"], *SPEC["rules"]],
    },
    "by the one mechanism": {
        **SPEC,
        "rules": [
            [
                r".*2\.weight",
                {"type": "variance_scaling", "mode": "fan_avg", "distribution": "uniform"},
            ]
        ],
    },
    "a number": {
        **SPEC,
        # 2 / 8 is the square of a double.
        "layers": [linear("fc1", 8, 8, init={"type": "normal", "std": 0.5}), *SPEC["layers"][1:]],
    },
    "integers as floats": {
        **SPEC,
        "layers": [linear("fc1", 8.0, 8, init="he_normal"), *SPEC["layers"][1:]],  # type: ignore[arg-type]
    },
}


@pytest.mark.parametrize("way", SAME)
def test_an_id_does_not_depend_on_the_way_of_writing(way: str) -> None:
    """Aliases, order, rules or inits, and seeds: one resolved spec has one id."""
    assert resolve(read(SAME[way])).resolved.id == resolve(read(SPEC)).resolved.id


def test_an_id_does_not_depend_on_the_language() -> None:
    """JSON and YAML of one spec have one id."""
    yaml = "layers:\n  - {name: fc, type: Linear, in_features: 4, out_features: 3, bias: false}\n"
    json = (
        '{"layers": [{"out_features": 3, "in_features": 4.0, "type": "Linear", "name": "fc",'
        ' "bias": false}]}'
    )
    ids = {resolve(read(document)).resolved.id for document in (parse_yaml(yaml), parse_json(json))}
    assert len(ids) == 1


DIFFERENT: dict[str, dict[str, Any]] = {
    "dtype": {**SPEC, "dtype": "float32"},
    "preset": {**SPEC, "preset": "advised@1"},
    "name": {**SPEC, "layers": [*SPEC["layers"][:2], {**SPEC["layers"][2], "name": "norm"}]},
    "shape": {**SPEC, "layers": [*SPEC["layers"][:1], linear("fc2", 4, 8), SPEC["layers"][2]]},
    "initializer": {**SPEC, "rules": [[r"fc2\.weight", "glorot_normal"]]},
    "fixed dtype": {
        **SPEC,
        "layers": [*SPEC["layers"][:2], {**SPEC["layers"][2], "dtype": "bfloat16"}],
    },
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_an_id_depends_on_everything_else(what: str) -> None:
    """Whatever changes bytes, or which bytes a dtype asked for would change, changes the id."""
    assert resolve(read(DIFFERENT[what])).resolved.id != resolve(read(SPEC)).resolved.id
