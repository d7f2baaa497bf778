"""Checkpoints of full size, in files that are made once for all tests that want them."""

from collections.abc import Callable
from pathlib import Path

from tests.hub import configs, layouts
from tests.hub.checkpoints import WEIGHTS, MadeCheckpoint
from tests.hub.layouts import Layout, ResNetSizes, VitSizes
from tests.hub.tensors import make_tensors, write_safetensors

_SEED = 50


class FullSizeCheckpoints:
    """ResNet-50 (102 MB) and ViT-B/16 (346 MB), each in the layout of two libraries."""

    def __init__(self, folder: Path) -> None:
        """Make nothing yet.

        Args:
            folder: Where files go.
        """
        self._folder = folder
        self._made: dict[str, MadeCheckpoint] = {}

    def timm_resnet50(self) -> MadeCheckpoint:
        """Return ResNet-50 as ``timm/resnet50.a1_in1k`` has it."""
        sizes = ResNetSizes()
        config = configs.resnet_config_of_timm(sizes)
        return self._get("timm_resnet50", lambda: layouts.resnet_of_timm(sizes), config)

    def timm_vit_base(self) -> MadeCheckpoint:
        """Return ViT-B/16 as ``timm/vit_base_patch16_224.*`` has it."""
        sizes = VitSizes()
        config = configs.vit_config_of_timm(sizes)
        return self._get("timm_vit_base", lambda: layouts.vit_of_timm(sizes), config)

    def transformers_resnet50(self) -> MadeCheckpoint:
        """Return ResNet-50 as ``microsoft/resnet-50`` has it."""
        sizes = ResNetSizes()
        config = configs.resnet_config_of_transformers(sizes)
        layout = layouts.resnet_of_transformers
        return self._get("transformers_resnet50", lambda: layout(sizes), config)

    def transformers_vit_base(self) -> MadeCheckpoint:
        """Return ViT-B/16 as ``google/vit-base-patch16-224`` has it."""
        sizes = VitSizes()
        config = configs.vit_config_of_transformers(sizes)
        layout = layouts.vit_of_transformers
        return self._get("transformers_vit_base", lambda: layout(sizes), config)

    def _get(self, name: str, layout: Callable[[], Layout], config: bytes) -> MadeCheckpoint:
        if name not in self._made:
            path = self._folder / f"{name}.safetensors"
            made = layout()
            write_safetensors(make_tensors(made, seed=_SEED), path)
            files: dict[str, bytes | Path] = {"config.json": config, WEIGHTS: path}
            self._made[name] = MadeCheckpoint(files, made, _SEED)
        return self._made[name]
