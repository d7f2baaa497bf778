"""Each layer has the tensors of torch's module built with the same arguments.

Names, order, shapes and dtypes of the state dict, of modules on the meta device.
"""

from itertools import product
from typing import Any

import pytest
import torch

from tests.state_dicts import declared, on_meta, state
from weightbank.layers import registered

Arguments = dict[str, Any]


def combinations(**choices: list[Any]) -> list[Arguments]:
    """Return every combination of some choices; ``None`` leaves an argument out."""
    return [
        {key: value for key, value in zip(choices, chosen, strict=True) if value is not None}
        for chosen in product(*choices.values())
    ]


def convolutions(kernels: list[Any]) -> list[Arguments]:
    """Return combinations of a convolution's arguments."""
    return [
        {"in_channels": 4, "out_channels": 8, **more}
        for more in combinations(
            kernel_size=kernels,
            groups=[None, 2, 4],
            bias=[None, False],
            stride=[None, 2],
            padding_mode=[None, "circular"],
        )
    ]


BATCH_NORMS = [
    {"num_features": 5, **more}
    for more in combinations(
        affine=[None, False],
        track_running_stats=[None, False],
        bias=[None, False],
        momentum=[None, 0.01],
    )
]
CASES: dict[str, list[Arguments]] = {
    "Linear": [
        {"in_features": inputs, "out_features": outputs, **more}
        for inputs, outputs in ((1, 1), (7, 3), (3, 7))
        for more in combinations(bias=[None, True, False])
    ],
    "Conv1d": convolutions([1, 3, [5]]),
    "Conv2d": convolutions([1, 3, [5, 2]]),
    "Conv3d": convolutions([1, [1, 2, 3]]),
    "Embedding": [
        {"num_embeddings": 10, "embedding_dim": 4, **more}
        for more in combinations(
            padding_idx=[None, 0, 9, -1, -10], max_norm=[None, 1.0], sparse=[None, True]
        )
    ],
    "LayerNorm": combinations(
        normalized_shape=[6, [6], [2, 3]],
        elementwise_affine=[None, False],
        bias=[None, False],
        eps=[None, 1e-6],
    ),
    "RMSNorm": combinations(
        normalized_shape=[6, [2, 3]], elementwise_affine=[None, False], eps=[None, 1e-6]
    ),
    "GroupNorm": [
        {"num_groups": groups, "num_channels": 6, **more}
        for groups in (1, 2, 6)
        for more in combinations(affine=[None, False], bias=[None, False])
    ],
    "BatchNorm1d": BATCH_NORMS,
    "BatchNorm2d": BATCH_NORMS,
    "BatchNorm3d": BATCH_NORMS,
    "SyncBatchNorm": BATCH_NORMS,
    "MultiheadAttention": [
        {"embed_dim": 8, "num_heads": heads, **more}
        for heads in (1, 4)
        for more in combinations(
            bias=[None, False],
            add_bias_kv=[None, True],
            kdim=[None, 8, 6],
            vdim=[None, 8, 10],
            add_zero_attn=[None, True],
        )
    ],
}
ALL_CASES = [(name, arguments) for name, cases in CASES.items() for arguments in cases]


def as_torch_takes(arguments: Arguments) -> Arguments:
    """Return arguments with tuples in place of lists."""
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()
    }


@pytest.mark.parametrize(("name", "arguments"), ALL_CASES, ids=repr)
def test_tensors_are_those_of_torchs_module(name: str, arguments: Arguments) -> None:
    """Names, order, shapes and dtypes equal the state dict's."""
    module = on_meta(lambda: getattr(torch.nn, name)(**as_torch_takes(arguments)))
    prefixed = torch.nn.ModuleDict({"layer": module})
    expected = state(prefixed)
    layer = {"name": "layer", "type": name, **arguments}
    assert declared({"layers": [layer]}) == expected


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_dtypes_are_those_of_torchs_module(name: str, dtype: str) -> None:
    """A module of another dtype has the tensors of a spec of that dtype, counters included."""
    arguments = CASES[name][0]
    module = on_meta(lambda: getattr(torch.nn, name)(**as_torch_takes(arguments)))
    prefixed = torch.nn.ModuleDict({"layer": module.to(getattr(torch, dtype))})
    layer = {"name": "layer", "type": name, **arguments}
    assert declared({"layers": [layer]}, dtype) == state(prefixed)


@pytest.mark.parametrize(("outputs", "inputs"), [(1, 1), (12, 4), (4, 12)])
def test_conv1d_of_transformers(outputs: int, inputs: int) -> None:
    """The Conv1D of transformers stores its weight as (in, out)."""
    from transformers.pytorch_utils import Conv1D

    module = torch.nn.ModuleDict({"layer": on_meta(lambda: Conv1D(outputs, inputs))})
    layer = {"name": "layer", "type": "Conv1D", "nf": outputs, "nx": inputs}
    assert declared({"layers": [layer]}) == state(module)


def test_a_module_itself_has_the_empty_name() -> None:
    """A layer named "" has the names of a bare module's state dict."""
    module = on_meta(lambda: torch.nn.Linear(3, 2))
    layer = {"name": "", "type": "Linear", "in_features": 3, "out_features": 2}
    assert declared({"layers": [layer]}) == state(module)


def test_every_layer_is_compared() -> None:
    """No registered layer is left out above, but for the two that torch has no module of."""
    assert set(registered()) == {*CASES, "Conv1D", "Parameter", "Buffer"}


@pytest.mark.parametrize("name", sorted(CASES))
def test_arguments_are_torchs(name: str) -> None:
    """The arguments of a layer are those of torch's module, with its defaults."""
    import inspect

    from weightbank.arguments import describe_arguments

    signature = inspect.signature(getattr(torch.nn, name).__init__).parameters
    ours = describe_arguments(registered()[name])
    theirs = [
        key for key in signature if key not in ("self", "device", "dtype", "_weight", "_freeze")
    ]
    assert {row["name"] for row in ours} == set(theirs)
    for row in ours:
        default = signature[row["name"]].default
        assert row["required"] == (default is inspect.Parameter.empty)
        assert row["required"] or row["default"] == default
