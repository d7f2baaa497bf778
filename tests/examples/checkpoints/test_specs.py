"""Specs that start from checkpoints of full size: backbone, positions, moments, slices."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.examples.checkpoints.bank import Bank
from tests.examples.checkpoints.bits import check_same_bits, same_bits
from tests.examples.checkpoints.models import (
    RESNET50,
    TRANSFORMERS_VIT_BASE,
    VIT_BASE,
    load_strictly,
    meta_model,
    resnet_spec,
)
from weightbank.from_module import from_module

SEED = 42
HEAD_RULE = [r"fc\..*", {"type": "normal", "std": 0.01}]
PRETRAINED = {"type": "pretrained", "repo": RESNET50.repository, "revision": "main"}
HEAD = {"fc.weight", "fc.bias"}
MOMENTS = {"running_mean", "running_var", "num_batches_tracked"}

RENAMED = {
    "": "",
    ".attention.q_proj": ".attention.attention.query",
    ".attention.k_proj": ".attention.attention.key",
    ".attention.v_proj": ".attention.attention.value",
    ".attention.o_proj": ".attention.output.dense",
    ".mlp.fc1": ".intermediate.dense",
    ".mlp.fc2": ".output.dense",
}
"""Modules of a ViT's block in memory, and in files: transformers translates since 5."""

pytestmark = [pytest.mark.examples, pytest.mark.usefixtures("torchvision_operators")]


def renamed_modules(blocks: int) -> dict[str, str]:
    """Return the names in files of a ViT's modules, by those that they have in memory."""
    return {
        f"vit.layers.{block}{here}": f"vit.encoder.layer.{block}{there}"
        for block in range(blocks)
        for here, there in RENAMED.items()
    }


def name_in_files(name: str, modules: dict[str, str]) -> str:
    """Return what a tensor is called in files."""
    inner = [path for path in modules if name.startswith(f"{path}.")]
    path = max(inner, key=len, default="")
    return modules.get(path, "") + name.removeprefix(path)


def selected(
    values: torch.Tensor, shape: torch.Size, *, selection: str, parts: int
) -> torch.Tensor:
    """Return half of the indices of a tensor along each axis that is twice as long as wanted.

    Axis 0 may have parts, such as a query's, a key's and a value's, each cut by itself.
    """
    for axis, wanted in enumerate(shape):
        stored = values.shape[axis]
        if stored == wanted:
            continue
        assert stored == 2 * wanted
        pieces = values.split(stored // (parts if axis == 0 else 1), dim=axis)
        size = pieces[0].shape[axis]
        indices = torch.arange(0, size, 2) if selection == "uniform" else torch.arange(size // 2)
        values = torch.cat([piece.index_select(axis, indices) for piece in pieces], dim=axis)
    return values


def test_a_pretrained_backbone_has_a_seeded_head(bank: Bank, sources: dict[str, Path]) -> None:
    """The backbone is the file's, with its running statistics; the head is that of a spec."""
    path = bank.post(resnet_spec(HEAD_RULE, [".*", PRETRAINED]))
    model = meta_model(RESNET50.name, num_classes=10)
    loaded = load_strictly(bank.tensors(path, seed=SEED), model)
    stored = load_file(sources[RESNET50.repository])
    fresh = bank.tensors(bank.post(resnet_spec(HEAD_RULE)), seed=SEED)
    check_same_bits(loaded, stored | {name: fresh[name] for name in HEAD})
    moments = {name for name in stored if name.rpartition(".")[2] in MOMENTS}
    assert len(moments) == 3 * 53
    assert not any(same_bits(loaded[name], fresh[name]) for name in moments)


def test_a_seed_moves_the_head_alone(bank: Bank) -> None:
    """What is pretrained has nothing to draw."""
    path = bank.post(resnet_spec(HEAD_RULE, [".*", PRETRAINED]))
    first, second = (bank.tensors(path, seed=seed) for seed in (SEED, SEED + 1))
    assert {name for name in first if not same_bits(first[name], second[name])} == HEAD


def test_a_vit_takes_another_grid(bank: Bank, sources: dict[str, Path]) -> None:
    """By the names it has in memory; its positions are those of the checkpoint with a grid."""
    from transformers import ViTConfig, ViTForImageClassification

    with torch.device("meta"):
        model = ViTForImageClassification(ViTConfig(image_size=384, num_labels=1000))
    modules = renamed_modules(model.config.num_hidden_layers)
    repository, path = TRANSFORMERS_VIT_BASE.repository, TRANSFORMERS_VIT_BASE.path
    rule: dict[str, Any] = {"type": "pretrained", "repo": repository}
    rule |= {"positions": "resample", "rename": modules}
    spec = {**from_module(model, preset=None).document, "rules": [[".*", rule]]}
    loaded = load_strictly(bank.tensors(bank.post(spec), seed=SEED), model)
    positions = "vit.embeddings.position_embeddings"
    resampled = bank.tensors(path, grid="24x24", include=positions, name="positions")
    assert resampled[positions].shape == (1, 1 + 24 * 24, 768)
    check_same_bits(
        {name_in_files(name, modules): values for name, values in loaded.items()},
        load_file(sources[repository]) | resampled,
    )


def test_moments_are_those_of_the_stored_tensor(bank: Bank, sources: dict[str, Path]) -> None:
    """Bit for bit what a normal with its mean and standard deviation draws."""
    convolution = {"type": "Conv2d", "bias": False}
    sizes = {"in_channels": 512, "out_channels": 512, "kernel_size": 3}
    layers = [
        {**convolution, "name": "conv1", "in_channels": 3, "out_channels": 64, "kernel_size": 7},
        {**convolution, "name": "layer4.2.conv2", **sizes},
        {"type": "Linear", "name": "fc", "in_features": 2048, "out_features": 1000},
    ]
    moments_of = {"type": "moments_of", "repo": RESNET50.repository}
    drawn = bank.weights({"layers": layers, "rules": [[".*", moments_of]]}, seed=SEED)
    rules = []
    for name, values in load_file(sources[RESNET50.repository]).items():
        if name in drawn:
            std, mean = torch.std_mean(values.double(), correction=0)
            normal = {"type": "normal", "mean": float(mean), "std": float(std)}
            rules.append([name.replace(".", r"\."), normal])
    check_same_bits(drawn, bank.weights({"layers": layers, "rules": rules}, seed=SEED))


@pytest.mark.parametrize("selection", ["uniform", "first"])
def test_a_small_vit_is_sliced_out_of_a_large_one(
    bank: Bank, sources: dict[str, Path], selection: str
) -> None:
    """ViT-S has half of the widths of ViT-B; queries, keys and values are cut each alone."""
    model = meta_model("vit_small_patch16_224")
    slice_of = {"type": "slice_of", "repo": VIT_BASE.repository, "selection": selection}
    rules = [[r".*\.qkv\..*", {**slice_of, "parts": 3}], [".*", slice_of]]
    spec = {**from_module(model, preset=None).document, "rules": rules}
    loaded = load_strictly(bank.tensors(bank.post(spec), seed=SEED), model)
    stored = load_file(sources[VIT_BASE.repository])
    expected = {
        name: selected(
            stored[name],
            values.shape,
            selection=selection,
            parts=3 if ".qkv." in name else 1,
        )
        for name, values in loaded.items()
    }
    check_same_bits(loaded, expected)
