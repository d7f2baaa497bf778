"""The layouts of full size are those of the libraries' own models."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests.hub import checkpoints, layouts
from tests.hub.checkpoints import INDEX, PICKLE, SMALL_CHECKPOINTS, WEIGHTS, MadeCheckpoint
from tests.hub.content import FileContent
from tests.hub.full_size import FullSizeCheckpoints
from tests.hub.layouts import ResNetSizes, VitSizes


@pytest.mark.usefixtures("torchvision_operators")
@pytest.mark.parametrize(
    ("architecture", "layout"),
    [
        ("resnet50", layouts.resnet_of_timm(ResNetSizes())),
        ("vit_base_patch16_224", layouts.vit_of_timm(VitSizes())),
    ],
)
def test_timms_layouts_are_its_models(architecture: str, layout: layouts.Layout) -> None:
    """Names, shapes and their order."""
    import timm
    import torch

    with torch.device("meta"):
        state = timm.create_model(architecture).state_dict()
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    assert list(found.items()) == list(layout.items())


@pytest.mark.usefixtures("torchvision_operators")
def test_transformers_layout_of_resnet_50_is_its_model() -> None:
    """Names, shapes and their order."""
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification

    with torch.device("meta"):
        config = ResNetConfig(id2label=dict.fromkeys(range(1000), ""))
        state = ResNetForImageClassification(config).state_dict()
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    assert list(found.items()) == list(layouts.resnet_of_transformers(ResNetSizes()).items())


@pytest.mark.parametrize("made", SMALL_CHECKPOINTS.values(), ids=SMALL_CHECKPOINTS)
def test_a_checkpoint_is_the_same_bytes_each_time(made: Callable[[], MadeCheckpoint]) -> None:
    """Tests may know its hashes."""
    assert made().files == made().files


@pytest.mark.parametrize("made", SMALL_CHECKPOINTS.values(), ids=SMALL_CHECKPOINTS)
def test_no_two_tensors_have_the_same_values(made: Callable[[], MadeCheckpoint]) -> None:
    """A mix-up of two tensors shows."""
    tensors = made().tensors()
    assert len({values.tobytes() for values in tensors.values()}) == len(tensors)


def test_weights_have_what_the_checkpoint_says() -> None:
    """Values and dtypes, integers included, as numbers of half precision too."""
    made = checkpoints.timm_resnet(dtype="F16")
    found = safetensors.numpy.load(_bytes(made, WEIGHTS))
    assert found["bn1.num_batches_tracked"].dtype == np.int64
    assert found["conv1.weight"].dtype == np.float16
    for name, values in made.tensors().items():
        np.testing.assert_array_equal(found[name], values)


def test_bf16_has_the_upper_half_of_each_number() -> None:
    """In safetensors and in a pickle alike."""
    import io

    import safetensors.torch
    import torch

    made = checkpoints.timm_resnet(dtype="BF16").with_pickle()
    expected = checkpoints.timm_resnet().tensor("conv1.weight")
    found = safetensors.torch.load(_bytes(made, WEIGHTS))["conv1.weight"]
    pickled = torch.load(io.BytesIO(_bytes(made, PICKLE)), weights_only=True)["conv1.weight"]
    assert found.dtype == pickled.dtype == torch.bfloat16
    assert torch.equal(found, pickled)
    np.testing.assert_allclose(found.float().numpy(), expected, rtol=2**-7)


def test_shards_hold_each_tensor_once() -> None:
    """The index names the shard of each."""
    made = checkpoints.transformers_gpt2().sharded(3)
    index: dict[str, Any] = json.loads(_bytes(made, INDEX))
    assert set(index["weight_map"]) == set(made.layout)
    assert set(index["weight_map"].values()) == set(made.files) - {INDEX, "config.json"}
    for path in sorted(set(index["weight_map"].values())):
        names = [name for name, shard in index["weight_map"].items() if shard == path]
        assert sorted(safetensors.numpy.load(_bytes(made, path))) == sorted(names)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_pickle_has_the_same_tensors(*, is_zip: bool) -> None:
    """Both forms of torch.save."""
    import io

    import torch

    made = checkpoints.timm_vit().with_pickle(is_zip=is_zip)
    found = torch.load(io.BytesIO(_bytes(made, PICKLE)), weights_only=True)
    for name, values in made.tensors().items():
        np.testing.assert_array_equal(found[name].numpy(), values)


def test_full_size_checkpoints_are_made_once(full_size_checkpoints: FullSizeCheckpoints) -> None:
    """ResNet-50 has 102 MB in a file."""
    made = full_size_checkpoints.timm_resnet50()
    assert full_size_checkpoints.timm_resnet50() is made
    assert FileContent(made.files[WEIGHTS]).size_bytes > 102_000_000
    assert made.tensor("fc.weight").shape == (1000, 2048)


def _bytes(made: MadeCheckpoint, path: str) -> bytes:
    return FileContent(made.files[path]).read()
