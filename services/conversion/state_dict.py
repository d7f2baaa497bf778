"""The state dict within what a pickle held, and what its tensors must be."""

from typing import TYPE_CHECKING, Any

from services.conversion.refusal import Refusal
from services.conversion.safetensors_writer import CODES, RESERVED_NAME, dtype_name

if TYPE_CHECKING:
    import torch

WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Under which a state dict may be, beside whatever else training has kept.

The first that there is, in the order of timm's ``load_state_dict``: averaged weights
are what a model was evaluated with.
"""


def find_state_dict(loaded: object) -> dict[Any, Any]:
    """Return the state dict: the whole, or what is under the first wrapper.

    What is beside a state dict in a wrapper (epochs, optimizers) is left out. Names
    stay as they are, ``module.`` and all.

    Raises:
        Refusal: ``structure``, if there is no dict.

    Examples:
        >>> find_state_dict({"epoch": 3, "model": {"fc.weight": ...}})
        {'fc.weight': Ellipsis}
        >>> find_state_dict([1, 2])
        Traceback (most recent call last):
        services.conversion.refusal.Refusal: ('structure', 'list', '')
    """
    if not isinstance(loaded, dict):
        raise Refusal("structure", type(loaded).__name__)
    for wrapper in WRAPPERS:
        wrapped = loaded.get(wrapper)
        if isinstance(wrapped, dict):
            return wrapped
    return loaded


def check_state_dict(state_dict: dict[Any, Any]) -> "dict[str, torch.Tensor]":
    """Return the tensors of a state dict, if it holds nothing else.

    Raises:
        Refusal: ``empty``, ``name``, ``entry`` or ``tensor``, for the first of its
            entries that no safetensors file can hold.
    """
    if not state_dict:
        raise Refusal("empty")
    for name, value in state_dict.items():
        _check_name(name)
        _check_tensor(name, value)
    return {name: tensor.detach() for name, tensor in state_dict.items()}


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise Refusal("name", repr(name)[:80], type(name).__name__)
    try:
        encoded = name.encode("utf-8")
    except UnicodeEncodeError:
        encoded = b""
    if not encoded or name == RESERVED_NAME:
        raise Refusal("name", name)


def _check_tensor(name: str, value: Any) -> None:
    import torch  # noqa: PLC0415 - only the converting process can have it

    if not isinstance(value, torch.Tensor):
        raise Refusal("entry", name, type(value).__name__)
    if value.is_quantized:
        raise Refusal("tensor", name, "quantized")
    if value.layout is not torch.strided or value.is_nested:
        raise Refusal("tensor", name, "sparse")
    if value.device.type != "cpu":
        raise Refusal("tensor", name, value.device.type)
    if dtype_name(value) not in CODES:
        raise Refusal("tensor", name, dtype_name(value))
