"""Resolving: ties, names, dtypes and bounds."""

import re
from typing import Any

import pytest

from tests.specs import linear, parameter, resolved
from weightbank import Limits, Spec, resolve
from weightbank.errors import (
    DuplicateNameError,
    InvalidArgumentError,
    InvalidTieError,
    LimitExceededError,
    UnrepresentableError,
)


def tie(to: str) -> dict[str, str]:
    """Return a tie."""
    return {"type": "tie", "to": to}


P = parameter([2, 3], "normal")
TIES: list[tuple[list[dict[str, Any]], str]] = [
    ([parameter([2], tie("p"))], "p: tie to 'p' is the tensor itself; accepted: the name of"),
    ([parameter([2], tie("q"))], "p: tie to 'q' is no tensor of this spec"),
    (
        [P, parameter([2, 3], tie("p"), "q"), parameter([2, 3], tie("q"), "r")],
        "r: tie to 'q' is tied itself, and ties take one step",
    ),
    ([parameter([2], tie("q"), "p"), parameter([2], tie("p"), "q")], "tie to 'q' is tied itself"),
    (
        [P, parameter([3, 2], tie("p"), "q")],
        "q: tie to 'p' has shape [2, 3], and 'q' has [3, 2]; accepted: a tensor of the same shape",
    ),
    (
        [P, parameter([2, 3], tie("p"), "q", dtype="float64")],
        "q: tie to 'p' follows the file's dtype, and 'q' fixes float64",
    ),
    (
        [P, parameter([2, 3], tie("p"), "q", dtype="float32")],
        "follows the file's dtype, and 'q' fixes float32; accepted: a dtype on both layers or on",
    ),
    (
        [{**P, "dtype": "float16"}, parameter([2, 3], tie("p"), "q", dtype="bfloat16")],
        "q: tie to 'p' has dtype float16, and 'q' fixes bfloat16",
    ),
]


@pytest.mark.parametrize(("layers", "message"), TIES, ids=lambda item: str(item)[:60])
def test_refused_ties(layers: list[dict[str, Any]], message: str) -> None:
    """A tie takes one step, to a tensor of its own shape and dtype."""
    with pytest.raises(InvalidTieError, match=re.escape(message)):
        resolved(*layers)


def test_a_tie_has_its_targets_dtype() -> None:
    """Where only the target fixes its dtype, both have it."""
    spec = resolved({**P, "dtype": "float16"}, parameter([2, 3], tie("p"), "q")).resolved
    assert {tensor.dtype.name for tensor in spec.with_dtype("float64").tensors} == {"float16"}


def test_a_tie_may_stand_before_its_target() -> None:
    """Order in the spec does not matter."""
    assert resolved(parameter([2, 3], tie("p"), "a"), P).resolved


def test_a_tie_to_a_buffer() -> None:
    """A buffer's value can be tied to, too."""
    buffer = {"name": "b", "type": "Buffer", "shape": [2], "value": 3}
    assert resolved(buffer, parameter([2], tie("b"))).resolved


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([P, P], "the tensor 'p' is declared 2 times, by layers[0] 'p' and layers[1] 'p'"),
        (
            [linear(), parameter([2], "zeros", "fc.weight")],
            "the tensor 'fc.weight' is declared 2 times, by layers[0] 'fc' and layers[1] 'fc.we",
        ),
        ([linear()] * 9, "is declared 9 times, by layers[0] 'fc' and layers[1] 'fc' and layers[2]"),
    ],
)
def test_two_tensors_of_one_name(layers: list[dict[str, Any]], message: str) -> None:
    """The name is refused, with the layers that declare it."""
    with pytest.raises(DuplicateNameError, match=re.escape(message)):
        resolved(*layers)


def test_a_spec_without_tensors() -> None:
    """Layers that have none make no file."""
    layer = {"name": "n", "type": "LayerNorm", "normalized_shape": 3, "elementwise_affine": False}
    with pytest.raises(InvalidArgumentError, match="layers 1 have no tensors at all"):
        resolved(layer)


def test_a_dtype_asked_for_leaves_fixed_ones() -> None:
    """Only floating tensors that do not fix their own follow."""
    layers = [
        linear(),
        linear("fixed", dtype="float64"),
        {"name": "bn", "type": "BatchNorm1d", "num_features": 2},
    ]
    spec = resolved(*layers).resolved.with_dtype("bfloat16")
    dtypes = {tensor.name: tensor.dtype.name for tensor in spec.tensors}
    assert dtypes["fc.weight"] == dtypes["bn.running_mean"] == "bfloat16"
    assert dtypes["fixed.weight"] == "float64"
    assert dtypes["bn.num_batches_tracked"] == "int64"


def test_a_dtype_asked_for_has_to_hold_the_values() -> None:
    """Values beyond float16 are refused by the tensor's name."""
    spec = resolved(parameter([2], {"type": "constant", "val": 1e5})).resolved
    with pytest.raises(UnrepresentableError, match=r"p 100000\.0 can be .* float16 cannot hold"):
        spec.with_dtype("float16")


def test_the_default_dtype() -> None:
    """A resolved spec knows which dtype its tensors follow, if any does."""
    assert resolved(P, dtype="bfloat16").resolved.default_dtype.name == "bfloat16"  # type: ignore[union-attr]
    assert resolved({**P, "dtype": "float16"}).resolved.default_dtype is None


def test_a_file_beyond_the_limit_is_refused_by_its_tensor() -> None:
    """The tensor that goes beyond the limit is named."""
    giant = {"name": "e", "type": "Embedding", "num_embeddings": 2**40, "embedding_dim": 2**10}
    with pytest.raises(LimitExceededError, match=r"4503599627370520 bytes and more .* 'e\.weight'"):
        resolved(P, giant)


def test_the_largest_shapes_do_not_overflow() -> None:
    """Eight dimensions of 2**53 are a number like any other."""
    with pytest.raises(LimitExceededError, match="bytes and more would be the size of the file"):
        resolved(parameter([2**53] * 8, "zeros"))


@pytest.mark.parametrize(
    "init",
    [
        "orthogonal",
        {"type": "sparse", "sparsity": 0.5},
        {"type": "orthogonal", "split": {"axis": 0, "sizes": [1, 8]}},
        {"type": "orthogonal", "padding_idx": 0},
    ],
    ids=str,
)
def test_what_is_made_whole_is_bounded(init: Any) -> None:
    """A tensor that cannot be made in parts has a limit of its own."""
    spec = Spec.from_document({"layers": [parameter([9, 8], init)]})
    assert resolve(spec, limits=Limits(whole_tensor_bytes=288))
    with pytest.raises(
        LimitExceededError, match=r"p 288 bytes are too many for .* made whole.* 287 bytes"
    ):
        resolve(spec, limits=Limits(whole_tensor_bytes=287))


def test_what_is_drawn_is_not_bounded_by_that() -> None:
    """Any range of a normal is made alone."""
    spec = Spec.from_document({"layers": [P]})
    assert resolve(spec, limits=Limits(whole_tensor_bytes=1))


def test_choices_are_grouped() -> None:
    """Tensors that share a decision are one choice."""
    choices = resolved(linear("a"), linear("b")).choices
    assert sorted(choice.tensors for choice in choices) == [
        ("a.bias", "b.bias"),
        ("a.weight", "b.weight"),
    ]
    assert all(choice.reason and choice.source for choice in choices)


@pytest.mark.parametrize(
    "init",
    [
        {"type": "trunc_normal", "mean": -1e39, "std": 1e39, "a": -1e38, "b": 1e38},
        {"type": "trunc_normal", "std": 1e39, "a": -1e38, "b": 1e38},
        {"type": "trunc_normal", "mean": 4e38, "std": 1e38, "a": None, "b": 3e38},
        {"type": "trunc_normal", "mean": -2e38, "std": 5e37, "a": -3e38, "b": None},
        {"type": "trunc_normal", "std": 2e37, "a": -1e38, "b": 1e39},
        {"type": "truncated_normal", "std": 1.6e38, "cutoff_sigma": 0.5},
        {"type": "truncated_normal", "std": 3e37, "cutoff_sigma": 0.05},
    ],
    ids=str,
)
def test_a_clamp_does_not_save_what_overflows_before_it(init: dict[str, Any]) -> None:
    """What a clamp would cut must be finite before: infinities make no distribution."""
    with pytest.raises(UnrepresentableError, match=r"^p .* float32 cannot hold"):
        resolved(parameter([8], init))


def test_groups_of_orthogonal_are_bounded() -> None:
    """A matrix for each of a million rows is refused before any is thought of."""
    init = {"type": "orthogonal", "groups": 2**20}
    with pytest.raises(LimitExceededError, match="p: groups 1048576 are too many matrices"):
        resolved(parameter([2**20, 1], init))


def test_parts_of_all_splits_together_are_bounded() -> None:
    """Many tensors of many parts are as much work as many tensors."""
    split = {"axis": 0, "sizes": list(range(1, 41))}
    layers = [parameter([820, 2], "zeros", f"p{at}") for at in range(5)]
    document = {
        "layers": [{**layer, "init": {"type": "xavier_normal", "split": split}} for layer in layers]
    }
    limits = Limits(tensors=100)
    with pytest.raises(LimitExceededError, match=r"layers 120 are more .* at 'p2'"):
        resolve(Spec.from_document(document, limits=limits), limits=limits)


def test_a_weight_is_not_tied_to_integers() -> None:
    """A parameter cannot take the bytes of an integer buffer."""
    buffer = {"name": "b", "type": "Buffer", "shape": [3, 4], "value": 1, "dtype": "int64"}
    tied = linear(init={"type": "tie", "to": "b"})
    with pytest.raises(InvalidTieError, match=r"has dtype int64, and 'fc\.weight' is a parameter"):
        resolved(buffer, tied)
