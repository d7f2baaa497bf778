"""Pinned memory where there is no GPU; ``tests/gpu`` pins some."""

import numpy as np
import pytest
import torch

from weightbank.backends.pinned import _check, _extent, pin, unpin


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_there_is_no_gpu() -> None:
    """Without a GPU nothing can be pinned, and the error says so."""
    for action in (pin, unpin):
        with pytest.raises(RuntimeError, match="there is no CUDA device"):
            action(bytearray(4096))


def test_any_kind_of_memory() -> None:
    """Byte arrays, views and arrays are found where they are, with their size in bytes."""
    array = np.zeros((3, 5), np.float32)
    assert _extent(array) == (array.ctypes.data, 60)
    assert _extent(memoryview(array.view(np.uint8))[1:]) == (array.ctypes.data + 20, 40)
    assert _extent(bytearray(7))[1] == 7


def test_an_error_of_cuda() -> None:
    """CUDA's answer becomes an error, unless it is 0."""
    _check(0, "pinned")
    with pytest.raises(RuntimeError, match="cannot be pinned: CUDA answers with error 712"):
        _check(712, "pinned")
