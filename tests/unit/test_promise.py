"""The six consequences of the promise, each over random specs."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from safetensors.torch import load, save

from tests.specs import linear, parameter, values_of, whole
from tests.strategies import SEEDS, specs
from weightbank import CpuBackend, Layout, ReferenceBackend, Spec, WeightsFile, resolve
from weightbank.errors import UnrepresentableError
from weightbank.resolved import ResolvedSpec

REFERENCE, CPU = ReferenceBackend(), CpuBackend()
RESOLVED: dict[str, Any] = {"data": st.data(), "document": specs(), "seed": SEEDS}


def resolved(document: dict[str, Any]) -> ResolvedSpec:
    """Resolve a document."""
    return resolve(Spec.from_document(document)).resolved


def file_of(spec: ResolvedSpec, seed: int, backend: Any = REFERENCE) -> WeightsFile:
    """Return the file of a resolved spec."""
    return WeightsFile(Layout.of(spec), seed=seed, backend=backend)


def tensors_of(file: WeightsFile) -> dict[str, bytes]:
    """Return the data of every tensor by its name."""
    layout = file.layout
    return {
        tensor.name: bytes(file.read(start, start + tensor.size_bytes))
        for tensor, start in zip(layout.tensors, layout.starts, strict=True)
    }


@pytest.mark.parametrize("backend", [REFERENCE, CPU], ids=["reference", "cpu"])
@given(data=st.data(), document=specs(), seed=SEEDS)
def test_any_partition_into_ranges_is_the_file(
    backend: Any, data: st.DataObject, document: dict[str, Any], seed: int
) -> None:
    """1: ranges of any sizes, read in any order from one file or many, concatenate to it."""
    spec = resolved(document)
    expected = whole(file_of(spec, seed, backend))
    cuts = data.draw(st.lists(st.integers(0, len(expected)), max_size=12))
    edges = sorted({0, *cuts, len(expected)})
    ranges = list(pairwise(edges))
    file = file_of(spec, seed, backend)
    parts = {}
    for at, (start, stop) in data.draw(st.permutations(list(enumerate(ranges)))):
        fresh = data.draw(st.booleans())
        parts[at] = bytes((file_of(spec, seed, backend) if fresh else file).read(start, stop))
    assert b"".join(parts[at] for at in range(len(ranges))) == expected


@given(data=st.data(), document=specs(), seed=SEEDS)
def test_no_tensor_moves_another_ones_values(
    data: st.DataObject, document: dict[str, Any], seed: int
) -> None:
    """2: adding, removing and reordering layers leaves every other tensor's bytes."""
    layers = document["layers"]
    kept = data.draw(st.permutations(layers))[: data.draw(st.integers(1, len(layers)))]
    names = {layer["name"] for layer in kept}
    untied = [layer for layer in kept if _tie_of(layer) is None or _tie_of(layer) in names]
    assume(untied)
    added = parameter([3, 5], "normal", "an added one")
    before = tensors_of(file_of(resolved(document), seed))
    after = tensors_of(file_of(resolved({**document, "layers": [added, *untied]}), seed))
    assert after.pop("an added one")
    assert after == {name: before[name] for name in after}


def _tie_of(layer: dict[str, Any]) -> Any:
    init = layer.get("init")
    return init.get("to") if isinstance(init, dict) else None


@given(
    outputs=st.integers(2, 40),
    inputs=st.integers(1, 40),
    shard=st.tuples(st.integers(0, 39), st.integers(0, 39)),
    seed=SEEDS,
)
def test_a_shard_has_the_scale_of_the_whole(
    outputs: int, inputs: int, shard: tuple[int, int], seed: int
) -> None:
    """3: rows made alone are the rows of the whole tensor, whose fans they have."""
    first, last = sorted(row % outputs for row in shard)
    document = {"layers": [linear("fc", inputs, outputs, init="xavier_normal")]}
    file = file_of(resolved(document), seed)
    everything = file.elements("fc.weight", 0, outputs * inputs)
    rows = file_of(resolved(document), seed).elements(
        "fc.weight", first * inputs, (last + 1) * inputs
    )
    assert rows.tobytes() == everything[first * inputs : (last + 1) * inputs].tobytes()


def test_the_same_shape_of_another_kind_has_other_fans() -> None:
    """3: fans come from the layer's kind: (64, 16) is 16 inputs of Linear, and 64 of Conv1D."""
    init = {"type": "normal", "std": 1}
    normal = values_of(init, [64, 16], name="x.weight")
    he = {"init": "he_normal"}
    layers: list[tuple[dict[str, Any], int]] = [
        (linear("x", 16, 64, **he), 16),
        ({"name": "x", "type": "Conv1D", "nx": 64, "nf": 16, **he}, 64),
    ]
    for layer, fan_in in layers:
        made = file_of(resolved({"layers": [layer]}), 0).elements("x.weight", 0, 1024)
        assert np.array_equal(made, normal.reshape(-1) * np.float32(np.sqrt(2 / fan_in)))


@given(document=specs(), seed=SEEDS)
def test_sixteen_bits_are_the_float32_file_rounded(document: dict[str, Any], seed: int) -> None:
    """4: bfloat16, float16 and float64 are what torch makes of the float32 tensors."""
    plain = {key: value for key, value in document.items() if key != "dtype"}
    spec = resolved(plain)
    single = load(whole(file_of(spec, seed)))
    for name in ("bfloat16", "float16", "float64"):
        other = load(whole(file_of(spec.with_dtype(name), seed)))
        for tensor in spec.tensors:
            expected = single[tensor.name]
            if not tensor.dtype_fixed:
                expected = expected.to(getattr(torch, name))
            if name == "float64" and "constant" in str(tensor.form.document()):
                continue  # a constant of float64 is the double itself
            assert torch.equal(other[tensor.name], expected)
            assert other[tensor.name].dtype == expected.dtype


def test_a_double_constant_is_the_double_itself() -> None:
    """4: only what is drawn passes through float32."""
    spec = resolved({"layers": [parameter([2], {"type": "constant", "val": 0.1})]})
    assert load(whole(file_of(spec.with_dtype("float64"), 0)))["p"].tolist() == [0.1, 0.1]


@given(document=specs(), seed=SEEDS)
def test_every_backend_gives_the_same_bytes(document: dict[str, Any], seed: int) -> None:
    """5: the fast backend and the plain one write one file."""
    spec = resolved(document)
    assert whole(file_of(spec, seed, CPU)) == whole(file_of(spec, seed, REFERENCE))


@given(document=specs(), seed=SEEDS)
def test_loading_and_saving_gives_the_same_file(document: dict[str, Any], seed: int) -> None:
    """6: the safetensors library writes back the bytes that it read, ties and all."""
    data = whole(file_of(resolved(document), seed))
    assert save(load(data), metadata={"format": "pt"}) == data


@given(document=specs(), dtype=st.sampled_from(["float64", "bfloat16", "float16"]))
def test_a_dtype_asked_for_is_the_dtype_of_the_spec(document: dict[str, Any], dtype: str) -> None:
    """Changing the dtype of a resolved spec is resolving the spec in that dtype."""
    try:
        changed = resolved(document).with_dtype(dtype)
    except UnrepresentableError:
        return
    assert changed == resolved({**document, "dtype": dtype})


@given(document=specs())
def test_a_resolved_spec_reads_back_from_its_json(document: dict[str, Any]) -> None:
    """Canonical JSON is lossless: what is stored gives the same id and the same forms."""
    spec = resolved(document)
    again = ResolvedSpec.from_json(spec.canonical_json())
    assert again == spec
    assert again.id == spec.id


@given(document=specs(), seeds=st.lists(SEEDS, min_size=2, max_size=2, unique=True))
def test_the_seed_decides_every_drawn_tensor(document: dict[str, Any], seeds: list[int]) -> None:
    """Under two seeds, every tensor of 16 drawn elements or more differs."""
    spec = resolved(document)
    one, other = (tensors_of(file_of(spec, seed)) for seed in seeds)
    for tensor in spec.tensors:
        kind = tensor.form.document()["type"]
        if kind in ("normal", "uniform", "trunc_normal", "orthogonal") and tensor.elements >= 16:
            assert one[tensor.name] != other[tensor.name]
