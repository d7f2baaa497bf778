"""Small checkpoints of two architectures, for tests: names and shapes alone."""

from collections.abc import Mapping

from tests.stored import COMMIT, NAME, stored_tensor
from weightbank.stored import Checkpoint

Shapes = Mapping[str, tuple[int, ...]]

RESNET: Shapes = {
    "conv1.weight": (8, 3, 7, 7),
    "bn1.weight": (8,),
    "bn1.running_mean": (8,),
    "layer1.0.conv1.weight": (8, 8, 3, 3),
    "layer1.0.conv2.weight": (8, 8, 3, 3),
    "layer2.0.conv1.weight": (16, 8, 3, 3),
    "fc.weight": (1000, 16),
    "fc.bias": (1000,),
}

VIT: Shapes = {
    "cls_token": (1, 1, 12),
    "pos_embed": (1, 197, 12),
    "patch_embed.proj.weight": (12, 3, 16, 16),
    "patch_embed.proj.bias": (12,),
    "head.weight": (1000, 12),
    "head.bias": (1000,),
}


def checkpoint_of(shapes: Shapes, dtype: str = "float32") -> Checkpoint:
    """Return a checkpoint of tensors of one dtype."""
    tensors = {name: stored_tensor(name, shape, dtype) for name, shape in shapes.items()}
    return Checkpoint(NAME, COMMIT, tensors)
