"""Differences of two specs: what was edited is found, and nothing else."""

import copy
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.specs import linear, parameter, resolved
from tests.strategies import SEEDS, specs
from weightbank import Layout, ReferenceBackend, ResolvedSpec, Spec, WeightsFile, resolve
from weightbank.diff import Difference, TensorDifference, compare
from weightbank.dtypes import FLOAT32
from weightbank.forms import PretrainedForm, ZeroedRowForm
from weightbank.resolved import ResolvedTensor
from weightbank.stored import StoredFile, StoredTensor

NORMAL = {"type": "normal", "std": 0.02}


def of(*layers: dict[str, Any], **keys: Any) -> ResolvedSpec:
    """A spec that is resolved."""
    return resolved(*layers, **keys).resolved


def only(found: Difference) -> TensorDifference:
    """The one difference that there is."""
    assert len(found.differences) == 1, found.differences
    return found.differences[0]


def test_equal_specs_do_not_differ() -> None:
    """In whatever way they were written."""
    found = compare(of(linear("a"), linear("b")), of(linear("b"), linear("a")))
    assert (found.differences, found.equal, found.same_order) == ((), 4, True)


def test_each_key_that_differs_is_told() -> None:
    """From and to, in the words of the document."""
    before = of(parameter([4, 2], NORMAL), dtype="float32")
    after = of(parameter([4, 3], "zeros", dtype="bfloat16"), dtype="float32")
    found = only(compare(before, after))
    assert [(change.key, change.before, change.after) for change in found.changes] == [
        ("shape", [4, 2], [4, 3]),
        ("dtype", "float32", "bfloat16"),
        ("dtype_fixed", False, True),
        (
            "initializer",
            {"type": "normal", "mean": 0.0, "std": 0.02},
            {"type": "constant", "value": 0.0},
        ),
    ]
    assert found.sentence() == (
        "shape [4, 2] became [4, 3], dtype float32 became bfloat16, its dtype became fixed, "
        "normal (mean 0.0, std 0.02) became constant (value 0.0); other bytes"
    )


def test_a_tie_differs_where_its_target_does() -> None:
    """Though its own entry is the same."""
    tie = parameter([3, 2], {"type": "tie", "to": "p"}, "tied")
    other = {"type": "normal", "std": 0.5}
    found = compare(of(parameter([3, 2], NORMAL), tie), of(parameter([3, 2], other), tie))
    tied = next(item for item in found.differences if item.name == "tied")
    assert (tied.kind, tied.changes, tied.same_bytes) == ("changed", (), False)
    assert tied.sentence() == "tied to 'p' in both, which differs; other bytes"


def test_other_words_for_the_same_numbers_have_the_same_bytes() -> None:
    """A shape that is another one, a constant that rounds to the same."""
    flat, square = of(parameter([6], NORMAL)), of(parameter([2, 3], NORMAL))
    assert only(compare(flat, square)).same_bytes
    ones = of(parameter([2], {"type": "constant", "val": 1.0}, dtype="bfloat16"))
    nearly = of(parameter([2], {"type": "constant", "val": 1.001}, dtype="bfloat16"))
    assert only(compare(ones, nearly)).same_bytes
    wide = of(parameter([2], {"type": "constant", "val": 1.001}))
    assert not only(compare(ones, wide)).same_bytes


def test_a_tensor_with_another_name_has_other_values_if_they_are_drawn() -> None:
    """A rename says so; constants stay what they are."""
    drawn = only(compare(of(parameter([3], NORMAL, "a")), of(parameter([3], NORMAL, "b"))))
    assert (drawn.kind, drawn.same_bytes) == ("renamed", False)
    assert "depends on the name" in drawn.sentence()
    zeros = only(compare(of(parameter([3], "zeros", "a")), of(parameter([3], "zeros", "b"))))
    assert (zeros.kind, zeros.same_bytes) == ("renamed", True)


def test_a_module_that_moved_is_matched_by_the_ends_of_names() -> None:
    """Blocks that are alike are told apart by what stands before."""
    blocks = [linear(f"layer{index}.fc") for index in range(4)]
    moved = [linear(f"backbone.layer{index}.fc") for index in range(4)]
    found = compare(of(*blocks), of(*moved))
    assert found.counts == {"removed": 0, "added": 0, "renamed": 8, "changed": 0}
    for item in found.differences:
        assert item.after is not None
        assert item.after.tensor.name == f"backbone.{item.name}"


def test_what_could_be_renamed_in_two_ways_is_not() -> None:
    """It is removed and added."""
    before = of(parameter([3], NORMAL, "a"), parameter([3], NORMAL, "b"))
    after = of(parameter([3], NORMAL, "c"), parameter([3], NORMAL, "d"))
    assert compare(before, after).counts == {"removed": 2, "added": 2, "renamed": 0, "changed": 0}


def test_the_order_is_that_of_the_files() -> None:
    """Which a dtype changes, as wide ones come first."""
    before = of(parameter([2], NORMAL, "a"), parameter([2], NORMAL, "b"))
    after = of(parameter([2], NORMAL, "a", dtype="float16"), parameter([2], NORMAL, "b"))
    assert not compare(before, after).same_order
    assert compare(before, of(parameter([2], NORMAL, "b"))).same_order


def test_stored_tensors_are_known_by_their_hash() -> None:
    """Another commit with the same file has the same bytes."""
    file = StoredFile("timm/net", "a" * 40, "model.safetensors", "sha256:" + "0" * 64)
    stored = StoredTensor(file, "w", FLOAT32, (2, 2))
    one = ResolvedTensor("w", (2, 2), FLOAT32, False, PretrainedForm(stored, None))  # noqa: FBT003
    later = replace(stored, file=replace(file, commit="b" * 40))
    other = replace(stored, file=replace(file, hash="sha256:" + "1" * 64))
    found = only(compare(_spec(one), _spec(_with(one, later))))
    assert found.same_bytes
    assert found.sentence() == (
        f'tensor.commit of pretrained "{"a" * 40}" became "{"b" * 40}"; the same bytes'
    )
    assert not only(compare(_spec(one), _spec(_with(one, other)))).same_bytes
    row = replace(one, form=ZeroedRowForm(one.form, 0))
    later_row = replace(one, form=ZeroedRowForm(_with(one, later).form, 0))
    assert only(compare(_spec(row), _spec(later_row))).same_bytes


def _with(tensor: ResolvedTensor, stored: StoredTensor) -> ResolvedTensor:
    return replace(tensor, form=PretrainedForm(stored, None))


def _spec(tensor: ResolvedTensor) -> ResolvedSpec:
    return ResolvedSpec((tensor,))


def test_parts_are_of_the_whole_list() -> None:
    """Names stand in one order, and each once."""
    found = compare(
        of(*(parameter([2], NORMAL, name) for name in "abc")),
        of(*(parameter([3], NORMAL, name) for name in "bcd")),
    )
    names = [item.name for item in found.differences]
    assert names == ["a", "b", "c", "d"]
    assert [item.name for item in found.part(after="a", limit=2)] == ["b", "c"]
    assert [item.name for item in found.part(after="bb", limit=9)] == ["c", "d"]


def read(spec: ResolvedSpec, name: str, seed: int) -> bytes:
    """All bytes of one tensor."""
    file = WeightsFile(Layout.of(spec), seed=seed, backend=ReferenceBackend())
    tensor = next(tensor for tensor in spec.tensors if tensor.name == name)
    values: bytes = file.elements(name, 0, tensor.elements).tobytes()
    return values


@given(st.data())
def test_a_random_edit_is_found(data: st.DataObject) -> None:
    """The tensors of the layer that was edited, and those tied to them; the rest is equal."""
    document = data.draw(specs())
    before = resolve(Spec.from_document(document)).resolved
    tied = {layer["init"]["to"] for layer in document["layers"] if _is_tie(layer)}
    free = [layer for layer in document["layers"] if layer["name"] not in tied]
    edited = copy.deepcopy(document)
    layer = data.draw(st.sampled_from(free))
    at = document["layers"].index(layer)
    kind = data.draw(st.sampled_from(["remove", "add", "replace"]))
    own = {name for name in (tensor.name for tensor in before.tensors) if _is_of(name, layer)}
    if kind == "remove" and len(document["layers"]) > 1 and len(free) > 1:
        del edited["layers"][at]
        expected = {"removed": own}
    elif kind == "add":
        edited["layers"].append(parameter([11, 13], NORMAL, "brand new"))
        expected = {"added": {"brand new"}}
    else:
        edited["layers"][at] = parameter([11, 13], NORMAL, layer["name"])
        expected = {"removed": own - {layer["name"]}, "added": {layer["name"]} - own}
        expected["changed"] = own & {layer["name"]}
    found = compare(before, resolve(Spec.from_document(edited)).resolved)
    for kind in ("removed", "added", "changed", "renamed"):
        names = {item.name for item in found.differences if item.kind == kind}
        assert names == expected.get(kind, set())
    assert found.equal == len(before.tensors) - len(
        expected.get("removed", set()) | expected.get("changed", set())
    )


@given(specs(), specs(), SEEDS)
def test_same_bytes_are_the_same_bytes(one: Any, other: Any, seed: int) -> None:
    """Whatever is said to have them is made, twice, and compared."""
    before = resolve(Spec.from_document(one)).resolved
    after = resolve(Spec.from_document(other)).resolved
    found = compare(before, after)
    assert found.equal + sum(item.before is not None for item in found.differences) == len(
        before.tensors
    )
    assert found.equal + sum(item.after is not None for item in found.differences) == len(
        after.tensors
    )
    for item in found.differences:
        assert item.sentence()
        if item.same_bytes:
            assert item.before is not None
            assert item.after is not None
            old, new = item.before.tensor.name, item.after.tensor.name
            assert read(before, old, seed) == read(after, new, seed)
    back = compare(after, before)
    assert back.counts["added"] == found.counts["removed"]
    assert back.counts["renamed"] == found.counts["renamed"]
    assert back.equal == found.equal


def _is_tie(layer: dict[str, Any]) -> bool:
    init = layer.get("init")
    return isinstance(init, dict) and init.get("type") == "tie"


def _is_of(name: str, layer: dict[str, Any]) -> bool:
    return name == layer["name"] or (
        layer["type"] not in {"Parameter", "Buffer"} and name.startswith(f"{layer['name']}.")
    )
