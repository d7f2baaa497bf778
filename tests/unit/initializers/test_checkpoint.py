"""What initializers from checkpoints have in common: names, and what is missing there."""

from typing import Any

import pytest
import torch

from tests.specs import linear
from tests.stored import NAME, memory
from weightbank import Limits, Spec, resolve
from weightbank.errors import (
    InvalidArgumentError,
    LimitExceededError,
    MissingTensorError,
    UnknownKeyError,
)
from weightbank.initializers.pretrained import Pretrained
from weightbank.stored import CheckpointName


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        ({}, "fc.weight", "fc.weight"),
        ({"prefix": "backbone"}, "backbone.fc.weight", "fc.weight"),
        ({"prefix": "backbone."}, "backbone.fc.weight", "fc.weight"),
        ({"prefix": "backbone"}, "backbones.fc.weight", None),
        ({"prefix": "backbone"}, "fc.weight", None),
        ({"source_prefix": "vit"}, "fc.weight", "vit.fc.weight"),
        ({"source_prefix": "vit."}, "fc.weight", "vit.fc.weight"),
        ({"prefix": "a.b", "source_prefix": "c"}, "a.b.fc.weight", "c.fc.weight"),
        ({"rename": (("head", "classifier"),)}, "head.weight", "classifier.weight"),
        ({"rename": (("head", "classifier"),)}, "header.weight", "header.weight"),
        ({"rename": (("head", "classifier"),)}, "a.head.weight", "a.head.weight"),
        ({"rename": (("head.weight", "w"), ("head", "b"))}, "head.weight", "w"),
        ({"rename": (("a", "x"), ("a.b", "y"))}, "a.b.c", "y.c"),
        ({"rename": (("blocks", ""),)}, "blocks.0.weight", "0.weight"),
        (
            {"rename": (("fc", "x"),), "prefix": "a", "source_prefix": "v"},
            "a.fc.weight",
            "x.weight",
        ),
    ],
)
def test_names_in_the_checkpoint(
    arguments: dict[str, Any], name: str, expected: str | None
) -> None:
    """A prefix is taken away, the longest renaming counts, or another prefix is put before."""
    assert Pretrained(repo="owner/model", **arguments).source_name(name) == expected


def test_a_checkpoints_name() -> None:
    """Repository, revision and file, as the Hub's clients call them."""
    assert Pretrained(repo="a/b").checkpoint_name == CheckpointName("a/b", "main", None)
    assert Pretrained(repo="a/b", revision="v1", file="c.safetensors").checkpoint_name == (
        CheckpointName("a/b", "v1", "c.safetensors")
    )


def parsed(**arguments: Any) -> Spec:
    """Return a spec whose only rule is of some arguments."""
    rule = ["fc[.].*", {"type": "pretrained", "repo": "owner/model", **arguments}]
    return Spec.from_document({"layers": [linear()], "rules": [rule]})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rename": ["fc"]}, r"rules\[0\].rename \['fc'\] is not a mapping of names to names"),
        ({"rename": {"fc": 1}}, r"rules\[0\].rename.fc 1 is not a name for another name"),
        ({"rename": {1: "fc"}}, r"rules\[0\].rename.1 'fc' is not a name for another name"),
        ({"missing": "skip"}, r"rules\[0\].missing 'skip' is not 'error' or 'init'"),
        ({"grid": [3]}, r"rules\[0\].grid \[3\] has 1 items; accepted: a list of 2"),
        ({"grid": [3, 0]}, r"rules\[0\].grid \[3, 0\] is too small"),
        ({"prefix_tokens": -1}, r"rules\[0\].prefix_tokens -1 is too small"),
        ({"clean": 1}, r"rules\[0\].clean 1 is not true or false"),
        ({"residual": {"layers": 2}}, r"rules\[0\].residual .* goes with no pretrained"),
        ({"split": {"axis": 0, "sizes": [3]}}, r"rules\[0\].split .* goes with no pretrained"),
        ({"padding_idx": 0}, r"rules\[0\].padding_idx 0 goes with no pretrained"),
    ],
)
def test_what_is_no_argument_is_refused(arguments: dict[str, Any], message: str) -> None:
    """By name, with what is accepted."""
    with pytest.raises(InvalidArgumentError, match=message):
        parsed(**arguments)


@pytest.mark.parametrize("initializer", ["pretrained", "moments_of", "slice_of"])
def test_none_takes_a_modifier(initializer: str) -> None:
    """What follows from a checkpoint is not scaled, split or zeroed."""
    init = {"type": initializer, "repo": "a/b", "residual": {"layers": 2}}
    with pytest.raises(InvalidArgumentError, match=f"goes with no {initializer}, whose values"):
        Spec.from_document({"layers": [linear(init=init)]})


def test_arguments_of_one_are_not_those_of_another() -> None:
    """Only pretrained values are fitted."""
    init = {"type": "slice_of", "repo": "a/b", "input_channels": "adapt"}
    with pytest.raises(UnknownKeyError, match="is not an argument of slice_of"):
        Spec.from_document({"layers": [linear(init=init)]})


def test_too_long_a_renaming_is_refused() -> None:
    """It is looked at for every tensor."""
    with pytest.raises(InvalidArgumentError, match="has 10001 entries; accepted: 10000 or fewer"):
        parsed(rename={str(at): "" for at in range(10_001)})


def test_a_document_is_written_as_it_was_read() -> None:
    """Only with what differs from the defaults."""
    arguments = {"rename": {"b": "c", "a": "d"}, "grid": [2, 3], "clean": False}
    assignment = parsed(**arguments, prefix="", revision="main").rules[0].assignment
    assert assignment.document() == {"type": "pretrained", "repo": "owner/model", **arguments}


def refusal(checkpoint: dict[str, torch.Tensor], **arguments: Any) -> MissingTensorError:
    """Return why a spec is refused."""
    with pytest.raises(MissingTensorError) as caught:
        resolve(parsed(**arguments), checkpoints=memory(checkpoint).checkpoints)
    return caught.value


def test_a_missing_tensor_is_named_with_what_is_near() -> None:
    """With the name that was looked for, the commit, and ways out."""
    error = refusal({"head.weight": torch.zeros(3, 4), "head.bias": torch.zeros(3)})
    assert error.code == "missing_tensor"
    assert str(error) == (
        "fc.weight 'fc.weight' is no tensor of owner/model at "
        "0123456789012345678901234567890123456789; accepted: head.weight (did you mean this?), "
        "head.bias; or `missing: init`, or a rule of its own before this one"
    )


def test_a_tensor_outside_of_the_prefix_is_missing() -> None:
    """It cannot have been meant."""
    error = refusal({"fc.weight": torch.zeros(3, 4)}, prefix="backbone")
    assert str(error) == (
        "fc.weight does not begin with the prefix 'backbone' of pretrained; accepted: "
        "`missing: init`, or a rule of its own before this one"
    )


def test_limits_are_told_apart_from_mistakes() -> None:
    """A fitted convolution is made whole, and bounded by its size in float64."""
    layer = {
        "name": "fc", "type": "Conv2d", "in_channels": 1, "out_channels": 8, "kernel_size": 4,
        "bias": False,
    }  # fmt: skip
    rule = ["fc[.].*", {"type": "pretrained", "repo": "owner/model", "input_channels": "adapt"}]
    spec = Spec.from_document({"layers": [layer], "rules": [rule]})
    checkpoints = memory({"fc.weight": torch.zeros(8, 3, 4, 4)}).checkpoints
    stored_bytes = 8 * 8 * 3 * 4 * 4
    resolve(spec, checkpoints=checkpoints, limits=Limits(whole_tensor_bytes=stored_bytes))
    limits = Limits(whole_tensor_bytes=stored_bytes - 1)
    with pytest.raises(LimitExceededError, match="3072 bytes are too many for pretrained"):
        resolve(spec, checkpoints=checkpoints, limits=limits)


def test_a_spec_tells_what_to_find() -> None:
    """From rules and from layers' own initializers, each name once."""
    rules = [
        ["a[.].*", {"type": "pretrained", "repo": "owner/model"}],
        ["b[.].*", {"type": "moments_of", "repo": "owner/model"}],
        ["c[.].*", {"type": "slice_of", "repo": "owner/model", "revision": "v1"}],
        [".*", "zeros"],
    ]
    own = {"type": "pretrained", "repo": "other", "file": "x.safetensors"}
    spec = Spec.from_document({"layers": [linear(init=own)], "rules": rules})
    assert spec.checkpoints() == (
        NAME,
        CheckpointName("owner/model", "v1"),
        CheckpointName("other", file="x.safetensors"),
    )
