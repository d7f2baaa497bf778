"""The real model classes of the examples, each built on the meta device."""

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Example:
    """A model that an example spec is for.

    Attributes:
        build: Returns the model; call it under ``torch.device("meta")``.
        inputs: Returns one batch for a forward pass.
    """

    build: Callable[[], torch.nn.Module]
    inputs: Callable[[], torch.Tensor]


def _resnet50() -> torch.nn.Module:
    import timm  # noqa: PLC0415 - each example needs only its own library

    return timm.create_model("resnet50", pretrained=False)


def _torchvision_resnet50() -> torch.nn.Module:
    from torchvision.models import resnet50  # noqa: PLC0415

    return resnet50(weights=None)


def _vit_b16() -> torch.nn.Module:
    from transformers import ViTConfig, ViTForImageClassification  # noqa: PLC0415

    return ViTForImageClassification(ViTConfig(num_labels=1000))


def _gpt2() -> torch.nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel  # noqa: PLC0415

    return GPT2LMHeadModel(GPT2Config())


def _images() -> torch.Tensor:
    return torch.linspace(-1, 1, 3 * 224 * 224).reshape(1, 3, 224, 224)


def _tokens() -> torch.Tensor:
    return torch.arange(16).reshape(1, 16)


EXAMPLES = {
    "resnet50": Example(_resnet50, _images),
    "resnet50:torchvision": Example(_torchvision_resnet50, _images),
    "vit_b16": Example(_vit_b16, _images),
    "gpt2": Example(_gpt2, _tokens),
}
"""By the name of the spec, with the library behind a colon where there are two."""
