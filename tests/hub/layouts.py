"""Names and shapes of the tensors in real checkpoints, written out without their libraries.

The tests of this folder hold them against what timm and transformers make.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Layout = dict[str, tuple[int, ...]]
"""Shapes by name, in the order of a state dict."""

_EXPANSION = 4


@dataclass(frozen=True, slots=True)
class ResNetSizes:
    """Sizes of a ResNet of bottlenecks; those of ResNet-50 if nothing else is said.

    Attributes:
        depths: Blocks of each stage.
        channels: Inner channels of each stage; it gives out four times as many.
        stem: Channels of the first convolution.
        classes: Outputs.
    """

    depths: Sequence[int] = (3, 4, 6, 3)
    channels: Sequence[int] = (64, 128, 256, 512)
    stem: int = 64
    classes: int = 1000

    @property
    def features(self) -> int:
        """Inputs of the classifier."""
        return self.channels[-1] * _EXPANSION

    def blocks(self) -> Iterator[tuple[int, int, int, int, bool]]:
        """Return stage, block, inputs, inner channels, and whether the input is projected."""
        inputs = self.stem
        for stage, (depth, inner) in enumerate(zip(self.depths, self.channels, strict=True)):
            for block in range(depth):
                is_strided = block == 0 and stage > 0
                yield stage, block, inputs, inner, is_strided or inputs != inner * _EXPANSION
                inputs = inner * _EXPANSION


@dataclass(frozen=True, slots=True)
class VitSizes:
    """Sizes of a vision transformer; those of ViT-B/16 if nothing else is said.

    Attributes:
        width: Of each token.
        depth: Blocks.
        heads: Of attention.
        patch: Pixels of a patch's side.
        image: Pixels of an image's side.
        classes: Outputs.
    """

    width: int = 768
    depth: int = 12
    heads: int = 12
    patch: int = 16
    image: int = 224
    classes: int = 1000

    @property
    def tokens(self) -> int:
        """One for each patch, and one for the class."""
        return (self.image // self.patch) ** 2 + 1


@dataclass(frozen=True, slots=True)
class GptSizes:
    """Sizes of a tiny GPT-2.

    Attributes:
        width: Of each token.
        depth: Blocks.
        heads: Of attention.
        positions: Longest context.
        vocabulary: Tokens.
    """

    width: int = 16
    depth: int = 2
    heads: int = 2
    positions: int = 32
    vocabulary: int = 96


def resnet_of_timm(sizes: ResNetSizes) -> Layout:
    """Return the layout of ``timm/resnet50.*``."""
    layout: Layout = {"conv1.weight": (sizes.stem, 3, 7, 7), **_batch_norm("bn1", sizes.stem)}
    for stage, block, inputs, inner, is_projected in sizes.blocks():
        at = f"layer{stage + 1}.{block}"
        for number, shape in enumerate(_bottleneck(inputs, inner), 1):
            layout[f"{at}.conv{number}.weight"] = shape
            layout |= _batch_norm(f"{at}.bn{number}", shape[0])
        if is_projected:
            layout[f"{at}.downsample.0.weight"] = (inner * _EXPANSION, inputs, 1, 1)
            layout |= _batch_norm(f"{at}.downsample.1", inner * _EXPANSION)
    return layout | _linear("fc", sizes.classes, sizes.features)


def resnet_of_transformers(sizes: ResNetSizes) -> Layout:
    """Return the layout of ``microsoft/resnet-50``."""
    layout = _convolution("resnet.embedder.embedder", (sizes.stem, 3, 7, 7))
    for stage, block, inputs, inner, is_projected in sizes.blocks():
        at = f"resnet.encoder.stages.{stage}.layers.{block}"
        if is_projected:
            layout |= _convolution(f"{at}.shortcut", (inner * _EXPANSION, inputs, 1, 1))
        for number, shape in enumerate(_bottleneck(inputs, inner)):
            layout |= _convolution(f"{at}.layer.{number}", shape)
    return layout | _linear("classifier.1", sizes.classes, sizes.features)


def vit_of_timm(sizes: VitSizes) -> Layout:
    """Return the layout of ``timm/vit_base_patch16_224.*``."""
    width = sizes.width
    layout: Layout = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, sizes.tokens, width),
        "patch_embed.proj.weight": (width, 3, sizes.patch, sizes.patch),
        "patch_embed.proj.bias": (width,),
    }
    for block in range(sizes.depth):
        at = f"blocks.{block}"
        layout |= _vector(f"{at}.norm1", width)
        layout |= _linear(f"{at}.attn.qkv", 3 * width, width)
        layout |= _linear(f"{at}.attn.proj", width, width)
        layout |= _vector(f"{at}.norm2", width)
        layout |= _linear(f"{at}.mlp.fc1", 4 * width, width)
        layout |= _linear(f"{at}.mlp.fc2", width, 4 * width)
    return layout | _vector("norm", width) | _linear("head", sizes.classes, width)


def vit_of_transformers(sizes: VitSizes) -> Layout:
    """Return the layout of ``google/vit-base-patch16-224``.

    These are the names in files. transformers 5 has others in memory, and translates.
    """
    width = sizes.width
    layout: Layout = {
        "vit.embeddings.cls_token": (1, 1, width),
        "vit.embeddings.position_embeddings": (1, sizes.tokens, width),
        "vit.embeddings.patch_embeddings.projection.weight": (width, 3, sizes.patch, sizes.patch),
        "vit.embeddings.patch_embeddings.projection.bias": (width,),
    }
    for block in range(sizes.depth):
        at = f"vit.encoder.layer.{block}"
        for name in ("query", "key", "value"):
            layout |= _linear(f"{at}.attention.attention.{name}", width, width)
        layout |= _linear(f"{at}.attention.output.dense", width, width)
        layout |= _linear(f"{at}.intermediate.dense", 4 * width, width)
        layout |= _linear(f"{at}.output.dense", width, 4 * width)
        layout |= _vector(f"{at}.layernorm_before", width)
        layout |= _vector(f"{at}.layernorm_after", width)
    layout |= _vector("vit.layernorm", width)
    return layout | _linear("classifier", sizes.classes, width)


def gpt2_of_transformers(sizes: GptSizes) -> Layout:
    """Return the layout of ``gpt2``: without a prefix, with masks, linear maps transposed."""
    width = sizes.width
    layout: Layout = {
        "wte.weight": (sizes.vocabulary, width),
        "wpe.weight": (sizes.positions, width),
    }
    for block in range(sizes.depth):
        at = f"h.{block}"
        layout |= _vector(f"{at}.ln_1", width)
        layout[f"{at}.attn.bias"] = (1, 1, sizes.positions, sizes.positions)
        layout |= _transposed(f"{at}.attn.c_attn", width, 3 * width)
        layout |= _transposed(f"{at}.attn.c_proj", width, width)
        layout |= _vector(f"{at}.ln_2", width)
        layout |= _transposed(f"{at}.mlp.c_fc", width, 4 * width)
        layout |= _transposed(f"{at}.mlp.c_proj", 4 * width, width)
    return layout | _vector("ln_f", width)


def _bottleneck(inputs: int, inner: int) -> list[tuple[int, ...]]:
    return [(inner, inputs, 1, 1), (inner, inner, 3, 3), (inner * _EXPANSION, inner, 1, 1)]


def _convolution(name: str, shape: tuple[int, ...]) -> Layout:
    return {f"{name}.convolution.weight": shape, **_batch_norm(f"{name}.normalization", shape[0])}


def _batch_norm(name: str, channels: int) -> Layout:
    moments = {f"{name}.running_mean": (channels,), f"{name}.running_var": (channels,)}
    return {**_vector(name, channels), **moments, f"{name}.num_batches_tracked": ()}


def _vector(name: str, size: int) -> Layout:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _linear(name: str, outputs: int, inputs: int) -> Layout:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _transposed(name: str, inputs: int, outputs: int) -> Layout:
    return {f"{name}.weight": (inputs, outputs), f"{name}.bias": (outputs,)}
