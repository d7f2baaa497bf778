"""Ties: one step, to a tensor of the same shape, whose bytes are written again."""

from collections.abc import Mapping
from dataclasses import replace

from weightbank.errors import InvalidTieError
from weightbank.forms import TieForm
from weightbank.resolved import ResolvedTensor


def follow_ties(tensors: Mapping[str, ResolvedTensor]) -> dict[str, ResolvedTensor]:
    """Check ties, and give each its target's dtype: it has its target's bytes.

    Args:
        tensors: By name.

    Raises:
        InvalidTieError: If a target is missing, is tied itself, or differs in
            shape or in a fixed dtype.
    """
    return {name: _tied(tensor, tensors) for name, tensor in tensors.items()}


def _tied(tensor: ResolvedTensor, tensors: Mapping[str, ResolvedTensor]) -> ResolvedTensor:
    if not isinstance(tensor.form, TieForm):
        return tensor
    to = tensor.form.to
    target = tensors.get(to)
    argument, accepted = f"{tensor.name}: tie to", "the name of another tensor that is not tied"
    if target is None:
        raise InvalidTieError(argument, to, "is no tensor of this spec", accepted)
    if target.name == tensor.name:
        raise InvalidTieError(argument, to, "is the tensor itself", accepted)
    if isinstance(target.form, TieForm):
        raise InvalidTieError(argument, to, "is tied itself, and ties take one step", accepted)
    if target.shape != tensor.shape:
        problem = f"has shape {list(target.shape)}, and {tensor.name!r} has {list(tensor.shape)}"
        raise InvalidTieError(argument, to, problem, "a tensor of the same shape")
    if tensor.dtype.is_floating and not target.dtype.is_floating:
        problem = f"has dtype {target.dtype.name}, and {tensor.name!r} is a parameter"
        raise InvalidTieError(argument, to, problem, "a tensor of a floating dtype")
    if tensor.dtype_fixed and not target.dtype_fixed:
        problem = f"follows the file's dtype, and {tensor.name!r} fixes {tensor.dtype.name}"
        raise InvalidTieError(argument, to, problem, "a dtype on both layers or on neither")
    if tensor.dtype_fixed and tensor.dtype is not target.dtype:
        problem = f"has dtype {target.dtype.name}, and {tensor.name!r} fixes {tensor.dtype.name}"
        raise InvalidTieError(argument, to, problem, "a tensor of the same dtype")
    return replace(tensor, dtype=target.dtype, dtype_fixed=target.dtype_fixed)
