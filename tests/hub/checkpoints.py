"""Checkpoints in the layouts of real ones, small unless sizes say otherwise.

>>> checkpoint = timm_resnet()
>>> sorted(checkpoint.files)
['config.json', 'model.safetensors']
>>> checkpoint.tensor("fc.weight").shape
(10, 64)
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tests.hub import configs, layouts
from tests.hub.layouts import GptSizes, Layout, ResNetSizes, VitSizes
from tests.hub.tensors import (
    FloatDtype,
    make_tensor,
    make_tensors,
    to_pickle,
    to_safetensors,
)

SMALL_RESNET = ResNetSizes(depths=(1, 2, 1, 1), channels=(4, 8, 12, 16), classes=10)
SMALL_VIT = VitSizes(width=24, depth=2, heads=3, patch=16, image=64, classes=10)
WEIGHTS = "model.safetensors"
PICKLE = "pytorch_model.bin"
INDEX = "model.safetensors.index.json"


@dataclass(frozen=True, slots=True)
class MadeCheckpoint:
    """A checkpoint, and what is in it.

    Attributes:
        files: As ``HubServer.add_repository`` takes them.
        layout: Shapes by name.
        seed: What its values follow from, besides their names.
        dtype: Of what is no integer.
    """

    files: Mapping[str, bytes | Path]
    layout: Layout
    seed: int
    dtype: FloatDtype = "F32"

    def tensor(self, name: str) -> NDArray[Any]:
        """Return the values of a tensor."""
        return make_tensor(name, self.layout[name], seed=self.seed, dtype=self.dtype)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the values of all."""
        return make_tensors(self.layout, seed=self.seed, dtype=self.dtype)

    def sharded(self, shards: int = 3) -> "MadeCheckpoint":
        """Return it with its weights in several files, and an index of them."""
        kept = {path: source for path, source in self.files.items() if path != WEIGHTS}
        return replace(self, files={**kept, **shard(self.tensors(), shards)})

    def with_pickle(self, *, is_zip: bool = True) -> "MadeCheckpoint":
        """Return it with the same weights pickled beside."""
        pickled = to_pickle(self.tensors(), is_zip=is_zip)
        return replace(self, files={**self.files, PICKLE: pickled})

    def pickled_only(self, *, is_zip: bool = True) -> "MadeCheckpoint":
        """Return it with its weights pickled, and not otherwise."""
        kept = {path: source for path, source in self.files.items() if path != WEIGHTS}
        pickled = to_pickle(self.tensors(), is_zip=is_zip)
        return replace(self, files={**kept, PICKLE: pickled})


def timm_resnet(
    sizes: ResNetSizes = SMALL_RESNET, *, seed: int = 0, dtype: FloatDtype = "F32"
) -> MadeCheckpoint:
    """Return a ResNet as timm has it on the Hub."""
    config = configs.resnet_config_of_timm(sizes)
    return _make(layouts.resnet_of_timm(sizes), config, seed, dtype)


def timm_vit(
    sizes: VitSizes = SMALL_VIT, *, seed: int = 0, dtype: FloatDtype = "F32"
) -> MadeCheckpoint:
    """Return a vision transformer as timm has it on the Hub."""
    config = configs.vit_config_of_timm(sizes)
    return _make(layouts.vit_of_timm(sizes), config, seed, dtype)


def transformers_resnet(
    sizes: ResNetSizes = SMALL_RESNET, *, seed: int = 0, dtype: FloatDtype = "F32"
) -> MadeCheckpoint:
    """Return a ResNet as transformers has it on the Hub."""
    config = configs.resnet_config_of_transformers(sizes)
    return _make(layouts.resnet_of_transformers(sizes), config, seed, dtype)


def transformers_vit(
    sizes: VitSizes = SMALL_VIT, *, seed: int = 0, dtype: FloatDtype = "F32"
) -> MadeCheckpoint:
    """Return a vision transformer as transformers has it on the Hub."""
    config = configs.vit_config_of_transformers(sizes)
    made = _make(layouts.vit_of_transformers(sizes), config, seed, dtype)
    preprocessor = configs.vit_preprocessor_of_transformers(sizes)
    return replace(made, files={**made.files, "preprocessor_config.json": preprocessor})


def transformers_gpt2(sizes: GptSizes | None = None, *, seed: int = 0) -> MadeCheckpoint:
    """Return a GPT-2 as it is on the Hub under ``gpt2``, with masks and without a prefix."""
    chosen = sizes or GptSizes()
    config = configs.gpt2_config_of_transformers(chosen)
    return _make(layouts.gpt2_of_transformers(chosen), config, seed, "F32")


def shard(tensors: Mapping[str, NDArray[Any]], shards: int) -> dict[str, bytes]:
    """Return the files of a split checkpoint: its shards, and their index."""
    names = list(tensors)
    size = -(-len(names) // shards)
    files: dict[str, bytes] = {}
    weight_map: dict[str, str] = {}
    for number in range(shards):
        path = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        part = {name: tensors[name] for name in names[number * size : (number + 1) * size]}
        files[path] = to_safetensors(part)
        weight_map |= dict.fromkeys(part, path)
    total = sum(values.nbytes for values in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    return {**files, INDEX: (json.dumps(index, indent=2) + "\n").encode()}


def _make(layout: Layout, config: bytes, seed: int, dtype: FloatDtype) -> MadeCheckpoint:
    weights = to_safetensors(make_tensors(layout, seed=seed, dtype=dtype))
    return MadeCheckpoint({"config.json": config, WEIGHTS: weights}, layout, seed, dtype)


SMALL_CHECKPOINTS: Mapping[str, Callable[[], MadeCheckpoint]] = {
    "timm/resnet_small": timm_resnet,
    "timm/vit_small": timm_vit,
    "microsoft/resnet-small": transformers_resnet,
    "google/vit-small": transformers_vit,
    "gpt2": transformers_gpt2,
}
"""A maker of each kind, by a name such as the Hub's."""
