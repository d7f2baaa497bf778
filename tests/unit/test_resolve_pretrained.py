"""Specs that start from a checkpoint: who decides what, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.specs import linear
from tests.stored import NAME, Memory, memory
from weightbank import Limits, Resolution, ResolvedSpec, Spec, parse_yaml, resolve
from weightbank.errors import (
    InvalidTieError,
    LimitExceededError,
    MissingCheckpointError,
    MissingTensorError,
    UnrepresentableError,
    UnusedRuleError,
)
from weightbank.forms import ConstantForm, MomentsForm, PretrainedForm, TieForm, ZeroedRowForm
from weightbank.stored import CheckpointName

PRETRAINED = {"type": "pretrained", "repo": "owner/model"}
NORM = {"name": "bn", "type": "BatchNorm2d", "num_features": 3}
EMBEDDING = {
    "name": "tok", "type": "Embedding", "num_embeddings": 5, "embedding_dim": 4, "padding_idx": 0,
}  # fmt: skip


def resolution(
    layers: list[dict[str, Any]], checkpoint: Memory, *rules: list[Any], **keys: Any
) -> Resolution:
    """Resolve a spec of some layers and rules."""
    spec = Spec.from_document({"layers": layers, "rules": list(rules), **keys})
    return resolve(spec, checkpoints=checkpoint.checkpoints)


def kinds(resolution: Resolution) -> dict[str, str]:
    """Return the type of each tensor's form."""
    return {tensor.name: tensor.form.type for tensor in resolution.resolved.tensors}


def norm(channels: int = 3, **more: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the tensors of a trained batch norm."""
    tensors = {
        "bn.weight": torch.rand(channels),
        "bn.bias": torch.rand(channels),
        "bn.running_mean": torch.rand(channels),
        "bn.running_var": torch.rand(channels),
        "bn.num_batches_tracked": torch.tensor(77),
    }
    return tensors | {f"bn.{suffix}": tensor for suffix, tensor in more.items()}


def test_running_statistics_come_with_their_layer() -> None:
    """Without them a pretrained normalization is broken."""
    found = resolution([NORM], memory(norm()), [".*", PRETRAINED])
    assert set(kinds(found).values()) == {"pretrained"}
    assert len(found.choices) == 1
    assert found.choices[0].origin == "rules[0]"
    assert found.choices[0].initializer == PRETRAINED
    assert len(found.choices[0].tensors) == 5


def test_buffers_that_the_checkpoint_lacks_keep_their_value() -> None:
    """And so do those of another shape there."""
    checkpoint = memory(norm(running_var=torch.rand(4)))
    found = resolution([NORM], checkpoint, [".*", PRETRAINED])
    assert kinds(found)["bn.running_var"] == "constant"
    lacking = memory({name: value for name, value in norm().items() if name != "bn.running_mean"})
    assert kinds(resolution([NORM], lacking, [".*", PRETRAINED]))["bn.running_mean"] == "constant"


def test_only_pretrained_rules_see_buffers() -> None:
    """A rule before one decides the parameters, and leaves buffers to it."""
    rules = ["bn[.].*", "ones"], [".*", PRETRAINED]
    found = kinds(resolution([NORM], memory(norm()), *rules))
    assert found["bn.weight"] == "constant"
    assert found["bn.running_mean"] == "pretrained"
    moments = {"type": "moments_of", "repo": "owner/model"}
    found = kinds(resolution([NORM], memory(norm()), [".*", moments]))
    assert found["bn.weight"] == "moments_of"
    assert found["bn.running_mean"] == "constant"


def test_a_buffer_is_taken_from_the_first_rule_that_is_about_it() -> None:
    """The statistics of another checkpoint would not go with the weights of this one."""
    other = CheckpointName("other/model")
    lacking = {name: value for name, value in norm().items() if "running" not in name}
    checkpoints = memory(lacking).checkpoints | memory(norm(), name=other).checkpoints

    def found(missing: str) -> Any:
        first = {**PRETRAINED, "missing": missing}
        rules = [["bn[.].*", first], [".*", {"type": "pretrained", "repo": "other/model"}]]
        spec = Spec.from_document({"layers": [NORM, linear()], "rules": rules})
        fc = {"fc.weight": torch.zeros(3, 4), "fc.bias": torch.zeros(3)}
        both = checkpoints | memory(norm() | fc, name=other).checkpoints
        resolved = resolve(spec, checkpoints=both).resolved
        return {tensor.name: tensor.form for tensor in resolved.tensors}["bn.running_mean"]

    assert isinstance(found("error"), ConstantForm)
    form = found("init")
    assert isinstance(form, PretrainedForm)
    assert form.tensor.file.repository == "other/model"


def test_an_integer_buffer_keeps_its_dtype() -> None:
    """A counter that is stored otherwise is refused rather than guessed at."""
    checkpoint = memory(norm(num_batches_tracked=torch.tensor(77.0)))
    with pytest.raises(UnrepresentableError, match=r"'float32' is the dtype of .* to int64"):
        resolution([NORM], checkpoint, [".*", PRETRAINED])


def test_what_a_checkpoint_lacks_goes_on_to_the_next_rule() -> None:
    """Of a rule and of a layer's own initializer, and then to the preset."""
    checkpoint = memory({"a.weight": torch.zeros(3, 4)})
    lenient = {**PRETRAINED, "missing": "init"}
    layers = [linear("a"), linear("b", init=lenient), linear("c")]
    found = resolution(layers, checkpoint, [".*", lenient], [".*[.]bias", "ones"])
    assert kinds(found)["a.weight"] == "pretrained"
    origins = {name: choice.origin for choice in found.choices for name in choice.tensors}
    assert origins == {
        "a.weight": "rules[0]",
        "a.bias": "rules[1]",
        "b.weight": "preset advised@1",
        "b.bias": "rules[1]",
        "c.weight": "preset advised@1",
        "c.bias": "rules[1]",
    }


def test_a_rule_of_which_the_checkpoint_has_nothing_is_refused() -> None:
    """A prefix is most often what is wrong."""
    lenient = {**PRETRAINED, "missing": "init"}
    with pytest.raises(UnusedRuleError, match=r"its checkpoint has no tensor for 'fc\.weight'"):
        resolution([linear()], memory({"x.fc.weight": torch.zeros(3, 4)}), [".*", lenient])


def test_a_rule_after_one_that_has_all_is_refused() -> None:
    """It decides nothing, as ever."""
    lenient = {**PRETRAINED, "missing": "init"}
    checkpoint = memory({"fc.weight": torch.zeros(3, 4), "fc.bias": torch.zeros(3)})
    with pytest.raises(UnusedRuleError, match=r"rules\[0\] '\.\*' already decides 'fc.weight'"):
        resolution([linear()], checkpoint, [".*", lenient], [".*", "zeros"])


def test_a_checkpoint_that_was_not_given_is_asked_for_first() -> None:
    """Before anything else is found wrong."""
    spec = Spec.from_document({"layers": [linear(init=PRETRAINED)]})
    with pytest.raises(MissingCheckpointError) as caught:
        resolve(spec)
    assert caught.value.code == "missing_checkpoint"
    assert str(caught.value) == (
        "repo 'owner/model' is a checkpoint that has to be found first, and the library alone "
        "reads no files and asks no network; accepted: this spec sent to a server, or "
        "`checkpoints` given to resolve()"
    )


def test_ties_to_a_pretrained_tensor() -> None:
    """A tied head is written with the checkpoint's bytes, in its target's dtype."""
    head = linear("head", 4, 5, bias=False, init={"type": "tie", "to": "tok.weight"})
    checkpoint = memory({"tok.weight": torch.rand(5, 4)})
    found = resolution([EMBEDDING, head], checkpoint, ["tok[.]weight", PRETRAINED])
    forms = {tensor.name: tensor.form for tensor in found.resolved.tensors}
    assert forms["head.weight"] == TieForm("tok.weight")
    assert isinstance(forms["tok.weight"], PretrainedForm)
    assert found.resolved.stored_tensors == (checkpoint.checkpoint.tensors["tok.weight"],)


def test_ties_keep_their_rules() -> None:
    """A pretrained tensor of another shape is no target."""
    head = linear("head", 5, 4, bias=False, init={"type": "tie", "to": "tok.weight"})
    checkpoint = memory({"tok.weight": torch.rand(5, 4)})
    with pytest.raises(InvalidTieError, match="has shape"):
        resolution([EMBEDDING, head], checkpoint, ["tok[.]weight", PRETRAINED])


def test_a_layers_padding_row_is_not_zeroed_where_it_is_copied() -> None:
    """The checkpoint's row is the right one; drawn rows are zeroed as ever."""
    checkpoint = memory({"tok.weight": torch.rand(5, 4)})
    for initializer, form in (
        ("pretrained", PretrainedForm),
        ("slice_of", PretrainedForm),
        ("moments_of", ZeroedRowForm),
    ):
        init = {"type": initializer, "repo": "owner/model"}
        found = resolution([EMBEDDING], checkpoint, [".*", init]).resolved.tensors[0].form
        assert isinstance(found, form)
        if isinstance(found, ZeroedRowForm):
            assert isinstance(found.values, MomentsForm)


@pytest.mark.parametrize("initializer", ["pretrained", "slice_of", "moments_of"])
def test_nothing_is_warned_of(initializer: str) -> None:
    """What a checkpoint's values are is not known, and was its author's choice."""
    init = {"type": initializer, "repo": "owner/model"}
    layers = [linear("a", 3000, 3, bias=False), linear("b", 3000, 3, bias=False)]
    checkpoint = memory({name: torch.ones(3, 3000) for name in ("a.weight", "b.weight")})
    found = resolution(layers, checkpoint, [".*", init])
    assert found.warnings == ()


def test_floating_dtypes_follow_the_spec() -> None:
    """What is stored in one is converted to the spec's, the layer's, or the request's."""
    layers = [linear("a", bias=False), linear("b", bias=False, dtype="float64")]
    tensors = {name: torch.ones(3, 4, dtype=torch.float16) for name in ("a.weight", "b.weight")}
    resolved = resolution(layers, memory(tensors), [".*", PRETRAINED], dtype="bfloat16").resolved
    assert [tensor.dtype.name for tensor in resolved.tensors] == ["bfloat16", "float64"]
    resolved = resolved.with_dtype("float32")
    assert [tensor.dtype.name for tensor in resolved.tensors] == ["float32", "float64"]


def test_the_id_does_not_tell_how_it_was_written() -> None:
    """A rule or a layer's own init, a prefix or a renaming, a tag or the commit behind it."""
    checkpoint = memory({"fc.weight": torch.rand(3, 4), "module.x.weight": torch.rand(3, 4)})

    def spec_id(name: str, *, own: bool, **arguments: Any) -> str:
        init = {"type": "pretrained", "repo": "owner/model", **arguments}
        layer = linear(name, bias=False, **({"init": init} if own else {}))
        rules = [] if own else [[".*", init]]
        spec = Spec.from_document({"layers": [layer], "rules": rules})
        checkpoints = {found: checkpoint.under(found).checkpoint for found in spec.checkpoints()}
        return resolve(spec, checkpoints=checkpoints).resolved.id

    ids = {
        spec_id("a.fc", own=True, prefix="a"),
        spec_id("a.fc", own=False, prefix="a."),
        spec_id("a.fc", own=False, rename={"a": ""}),
        spec_id("a.fc", own=False, rename={"a.fc": "fc"}, clean=False),
        spec_id("a.fc", own=False, rename={"a.fc": "module.fc"}, revision="v1"),
        spec_id("a.fc", own=False, prefix="a", file="model.safetensors", missing="init"),
        spec_id("a.fc", own=True, prefix="a", input_channels="adapt", positions="resample"),
    }
    assert len(ids) == 1
    assert spec_id("a.x", own=True, prefix="a") not in ids


def test_the_id_pins_the_files_hash() -> None:
    """The same tensor of another file is another spec."""
    tensors = {"fc.weight": torch.rand(3, 4)}
    one = resolution([linear(bias=False)], memory(tensors), [".*", PRETRAINED]).resolved
    moved = memory(tensors, files={"fc.weight": "other.safetensors"})
    other = resolution([linear(bias=False)], moved, [".*", PRETRAINED]).resolved
    assert one.id != other.id
    assert one.sources[0].hash in one.canonical_json().decode()


def test_a_resolved_spec_is_read_back_with_its_sources() -> None:
    """Each file once, whatever number of tensors is in it."""
    tensors = {
        "a.weight": torch.rand(3, 4),
        "b.weight": torch.rand(3, 4),
        "c.weight": torch.rand(3, 4),
    }
    checkpoint = memory(tensors, files={"b.weight": "b.safetensors"})
    layers = [linear(name, bias=False) for name in "abcd"]
    resolved = resolution(layers, checkpoint, ["[abc][.].*", PRETRAINED]).resolved
    again = ResolvedSpec.from_json(resolved.canonical_json())
    assert again == resolved
    assert [file.path for file in again.sources] == ["model.safetensors", "b.safetensors"]
    assert len(again.stored_tensors) == 3
    assert resolution([linear()], memory({})).resolved.sources == ()


def test_a_missing_tensor_stops_a_strict_rule() -> None:
    """Even where a rule after it would take it."""
    rules = ["fc[.].*", PRETRAINED], [".*", "zeros"]
    with pytest.raises(MissingTensorError):
        resolution([linear(), linear("x")], memory({}), *rules)


def test_names_are_of_checkpoints_as_the_spec_has_them() -> None:
    """A checkpoint under another revision is another name."""
    spec = Spec.from_document({"layers": [linear(init={**PRETRAINED, "revision": "v1"})]})
    assert NAME not in spec.checkpoints()
    with pytest.raises(MissingCheckpointError):
        resolve(spec, checkpoints=memory({"fc.weight": torch.zeros(3, 4)}).checkpoints)


def test_the_work_of_matching_buffers_is_bounded_too() -> None:
    """Pretrained rules are matched with more names than others."""
    layers = [NORM | {"name": f"bn{at}"} for at in range(50)]

    def steps(init: Any) -> int:
        spec = Spec.from_document({"layers": layers, "rules": [[".*", init]]})
        with pytest.raises(LimitExceededError) as caught:
            resolve(spec, limits=Limits(matching_steps=1), checkpoints=memory({}).checkpoints)
        return int(str(caught.value.value))

    assert steps(PRETRAINED) > 2.4 * steps("ones")


def test_the_example_of_the_docs() -> None:
    """A pretrained backbone under a seeded head, for other images."""
    text = (Path(__file__).parents[2] / "docs" / "spec.md").read_text("utf-8")
    section = text.split("## From a pretrained checkpoint")[1]
    spec = Spec.from_document(parse_yaml(section.split("```yaml")[1].split("```")[0]))
    tensors = {f"bn1.{name.removeprefix('bn.')}": value for name, value in norm(64).items()}
    (name,) = spec.checkpoints()
    checkpoint = memory(tensors | {"conv1.weight": torch.rand(64, 3, 7, 7)}, name=name)
    found = kinds(resolve(spec, checkpoints=checkpoint.checkpoints))
    assert {name for name, kind in found.items() if kind == "pretrained"} == {
        name for name in found if name.startswith("backbone.")
    }
    assert len(found) == 8
