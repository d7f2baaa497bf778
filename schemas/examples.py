"""Specs that can be pasted. The documentation shows them, and the tests post them."""

from typing import Any

MLP: dict[str, Any] = {
    "seed": 42,
    "layers": [
        {
            "name": "fc1",
            "type": "Linear",
            "in_features": 784,
            "out_features": 256,
            "nonlinearity": "relu",
        },
        {"name": "fc2", "type": "Linear", "in_features": 256, "out_features": 10},
    ],
}
"""He before ReLU, Xavier for the logits, zero biases: the preset decides all of it."""

MLP_YAML = """\
seed: 42
layers:
  - {name: fc1, type: Linear, in_features: 784, out_features: 256, nonlinearity: relu}
  - {name: fc2, type: Linear, in_features: 256, out_features: 10}
"""
"""The same spec, and so the same id."""

RESIDUAL_BLOCK_YAML = r"""# A residual block as timm starts it: the branch's last gamma is zero.
seed: 7
preset: torch@2          # batch norm's ones, zeros and counters
layers:
  - {name: conv1, type: Conv2d, in_channels: 64, out_channels: 64, kernel_size: 3, bias: false}
  - {name: bn1, type: BatchNorm2d, num_features: 64}
  - {name: conv2, type: Conv2d, in_channels: 64, out_channels: 64, kernel_size: 3, bias: false}
  - {name: bn2, type: BatchNorm2d, num_features: 64}
rules:                   # full match on the tensor's name; the first match decides
  - ['conv\d\.weight', {type: kaiming_normal, mode: fan_out, nonlinearity: relu}]
  - ['bn2\.weight', zeros]
"""
"""Rules before a preset."""

RESIDUAL_BLOCK: dict[str, Any] = {
    "seed": 7,
    "preset": "torch@2",
    "layers": [
        {
            "name": "conv1",
            "type": "Conv2d",
            "in_channels": 64,
            "out_channels": 64,
            "kernel_size": 3,
            "bias": False,
        },
        {"name": "bn1", "type": "BatchNorm2d", "num_features": 64},
        {
            "name": "conv2",
            "type": "Conv2d",
            "in_channels": 64,
            "out_channels": 64,
            "kernel_size": 3,
            "bias": False,
        },
        {"name": "bn2", "type": "BatchNorm2d", "num_features": 64},
    ],
    "rules": [
        [
            r"conv\d\.weight",
            {"type": "kaiming_normal", "mode": "fan_out", "nonlinearity": "relu"},
        ],
        [r"bn2\.weight", "zeros"],
    ],
}
"""The same as JSON."""
