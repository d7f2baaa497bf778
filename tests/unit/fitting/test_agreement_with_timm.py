"""What timm makes of a checkpoint when it loads it into another model, tensor by tensor."""

from typing import Any

import numpy as np
import pytest

from tests.model_shapes import checkpoint_of
from tests.stored import memory
from weightbank.backends.reference import ReferenceBackend
from weightbank.file import WeightsFile
from weightbank.fitting import Wishes, describe_model, fit
from weightbank.layout import Layout

pytestmark = pytest.mark.usefixtures("torchvision_operators")

SMALL_VIT = {"embed_dim": 12, "depth": 1, "num_heads": 3}


def config_of(model: Any) -> dict[str, Any]:
    """Return the config.json that goes with a model of timm."""
    config = {key: value for key, value in model.pretrained_cfg.items() if value is not None}
    return {"num_classes": model.num_classes, "pretrained_cfg": config}


@pytest.mark.parametrize(
    ("name", "in_chans"),
    [
        ("resnet10t", 1),
        ("mobilenetv3_small_050", 4),
        ("convnext_atto", 2),
        ("repvgg_a0", 1),
        ("tresnet_m", 1),
        ("swin_tiny_patch4_window7_224", 6),
        ("deit_tiny_distilled_patch16_224", 5),
        ("resnetv2_50x1_bit", 1),
        ("dla34", 1),
        ("dpn48b", 4),
    ],
)
def test_names_and_shapes_are_those_of_the_model(name: str, in_chans: int) -> None:
    """What is fitted by the hints of timm's own configuration can be loaded strictly."""
    import timm
    import torch

    with torch.device("meta"):
        source = timm.create_model(name)
        target = timm.create_model(name, num_classes=7, in_chans=in_chans)
    shapes = {key: tuple(tensor.shape) for key, tensor in source.state_dict().items()}
    wishes = Wishes(num_classes=7, in_channels=in_chans)
    fitted = fit(checkpoint_of(shapes), wishes, description=describe_model(config_of(source)))
    assert {tensor.name: tensor.shape for tensor in fitted.tensors} == {
        key: tuple(tensor.shape) for key, tensor in target.state_dict().items()
    }


@pytest.mark.parametrize(
    ("name", "options", "changes", "wishes"),
    [
        (
            "vit_tiny_patch16_224",
            SMALL_VIT,
            {"num_classes": 10, "in_chans": 1, "img_size": (160, 96)},
            Wishes(num_classes=10, in_channels=1, grid=(10, 6)),
        ),
        (
            "deit_tiny_distilled_patch16_224",
            SMALL_VIT,
            {"num_classes": 10, "in_chans": 5},
            Wishes(num_classes=10, in_channels=5),
        ),
        (
            "resnet10t",
            {"channels": (8, 8, 8, 8)},
            {"num_classes": 1000, "in_chans": 1},
            Wishes(in_channels=1),
        ),
    ],
)
def test_values_are_those_that_timm_loads(
    name: str, options: dict[str, Any], changes: dict[str, Any], wishes: Wishes
) -> None:
    """Tensors that are not adapted have timm's bytes; the others are within 16 ulp."""
    import timm
    import torch

    torch.manual_seed(7)
    source = timm.create_model(name, **options)
    for tensor in source.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(-1, 1)
    target = timm.create_model(
        name,
        pretrained=True,
        pretrained_cfg_overlay={"state_dict": source.state_dict(), "hf_hub_id": None},
        **options,
        **changes,
    )
    stored = memory(source.state_dict())
    fitted = fit(stored.checkpoint, wishes, description=describe_model(config_of(source)))
    file = WeightsFile(Layout.of(fitted), seed=1, backend=ReferenceBackend(), reader=stored.reader)
    loaded = target.state_dict()
    assert {tensor.name for tensor in fitted.tensors} == set(loaded)
    for tensor in fitted.tensors:
        if tensor.form.type != "pretrained":
            continue
        values = file.elements(tensor.name, 0, tensor.elements)
        expected = loaded[tensor.name].numpy().reshape(-1)
        if tensor.form.adaptation is None:
            assert values.tobytes() == expected.tobytes()
        else:
            assert np.abs(values - expected).max() <= 16 * np.spacing(np.float32(1))
