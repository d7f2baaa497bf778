"""Tensors compared by their bits, and by how far they are from each other."""

from collections.abc import Collection, Mapping

import torch


def same_bits(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Return whether shapes, dtypes and bits are equal, so that -0 differs from 0."""
    if (first.shape, first.dtype) != (second.shape, second.dtype):
        return False
    flat = (tensor.reshape(-1).view(torch.uint8) for tensor in (first, second))
    return torch.equal(*flat)


def check_same_bits(
    found: Mapping[str, torch.Tensor],
    expected: Mapping[str, torch.Tensor],
    *,
    but: Collection[str] = (),
) -> None:
    """See that two state dicts have the same names, and bits of all but some of them."""
    assert set(found) == set(expected)
    assert set(but) <= set(found)
    differing = [
        name
        for name, values in expected.items()
        if name not in but and not same_bits(found[name], values)
    ]
    assert differing == []


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the largest difference, as part of the largest magnitude expected."""
    assert found.shape == expected.shape
    difference = (found.double() - expected.double()).abs().max()
    return float(difference / expected.double().abs().max())
