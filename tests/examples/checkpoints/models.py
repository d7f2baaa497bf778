"""Models of full size: their checkpoints, loaded by themselves and by timm, and specs of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tests.examples.checkpoints.bank import Tensors, checkpoint_path
from tests.examples.conftest import ROOT
from weightbank import parse_yaml


@dataclass(frozen=True, slots=True)
class Model:
    """A model whose checkpoint the Hub has.

    Attributes:
        name: timm's, or the name of transformers' class.
        repository: Of its checkpoint.
        head: Path of its classifier.
        features: That go into the classifier.
        stem: The weight that sees the image.
    """

    name: str
    repository: str
    head: str
    features: int
    stem: str

    @property
    def path(self) -> str:
        """Of its checkpoint, at the service."""
        return checkpoint_path(self.repository)


RESNET50 = Model("resnet50", "timm/resnet50.a1_in1k", "fc", 2048, "conv1.weight")
VIT_BASE = Model(
    "vit_base_patch16_224",
    "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k",
    "head",
    768,
    "patch_embed.proj.weight",
)
TRANSFORMERS_RESNET50 = Model(
    "ResNetForImageClassification",
    "microsoft/resnet-50",
    "classifier.1",
    2048,
    "resnet.embedder.embedder.convolution.weight",
)
TRANSFORMERS_VIT_BASE = Model(
    "ViTForImageClassification",
    "google/vit-base-patch16-224",
    "classifier",
    768,
    "vit.embeddings.patch_embeddings.projection.weight",
)


def name_of(model: Model) -> str:
    """Return what a test with this model is called."""
    return model.name


def meta_model(name: str, **arguments: Any) -> torch.nn.Module:
    """Return one of timm's models without values."""
    import timm

    with torch.device("meta"):
        model: torch.nn.Module = timm.create_model(name, **arguments)
    return model


def load_strictly(tensors: Tensors, model: torch.nn.Module) -> Tensors:
    """Return the tensors of a model without values, once it has loaded these."""
    model.to_empty(device="cpu").load_state_dict(tensors, strict=True)
    return dict(model.state_dict())


def loaded_by_timm(name: str, checkpoint: Path, **arguments: Any) -> Tensors:
    """Return the tensors of a model that timm itself has loaded a checkpoint into."""
    import timm

    overlay = {"file": str(checkpoint)}
    model = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **arguments)
    return dict(model.state_dict())


def resnet_spec(*rules: Sequence[Any]) -> dict[str, Any]:
    """Return the example's ResNet-50 for ten classes, with rules of its own."""
    example = parse_yaml((ROOT / "examples" / "resnet50.yaml").read_bytes())
    *backbone, head = example["layers"]
    assert head["name"] == RESNET50.head
    return {"layers": [*backbone, {**head, "out_features": 10}], "rules": list(rules)}
