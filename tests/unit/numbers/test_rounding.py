"""Rounding to the 16-bit formats, beside PyTorch's and exact midpoints."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.numbers.rounding import to_bfloat16, to_float16


def float32(patterns: Any) -> NDArray[np.float32]:
    """Return the float32 values of hexadecimal bit patterns."""
    return np.array([int(pattern, 16) for pattern in patterns], np.uint32).view(np.float32)


def test_known_bfloat16(vectors: dict[str, Any]) -> None:
    """The known answers of bfloat16."""
    cases = vectors["rounding"]["float32_to_bfloat16"]
    assert to_bfloat16(float32(cases)).tolist() == [int(v, 16) for v in cases.values()]


def test_known_float16(vectors: dict[str, Any]) -> None:
    """The known answers of float16, subnormals among them."""
    cases = vectors["rounding"]["float32_to_float16"]
    rounded = to_float16(float32(cases)).view(np.uint16)
    assert rounded.tolist() == [int(v, 16) for v in cases.values()]


def test_bfloat16_ties_go_to_even() -> None:
    """Each midpoint of two neighbours goes to the even one, and what is beside it does not."""
    lower = np.arange(0x7F7F, dtype=np.uint32)
    middle = (lower << np.uint32(16)) + np.uint32(0x8000)
    even = lower + (lower & np.uint32(1))
    assert to_bfloat16(middle.view(np.float32)).tolist() == even.tolist()
    assert to_bfloat16((middle - np.uint32(1)).view(np.float32)).tolist() == lower.tolist()
    above = to_bfloat16((middle + np.uint32(1)).view(np.float32))
    assert above.tolist() == (lower + np.uint32(1)).tolist()


def test_bfloat16_is_torchs() -> None:
    """PyTorch rounds the same values to the same bits."""
    import torch

    bits = np.arange(0, 0x7F000000, 65521, dtype=np.uint32)
    values = np.concatenate([bits, bits | np.uint32(0x80000000)]).view(np.float32)
    expected = torch.from_numpy(values).to(torch.bfloat16).view(torch.uint16).numpy()
    assert to_bfloat16(values).tobytes() == expected.tobytes()
