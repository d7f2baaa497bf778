"""eye and dirac: torch's own output, byte for byte."""

from typing import Any

import pytest
import torch

from tests.specs import file_of, parameter
from weightbank.errors import InvalidArgumentError, InvalidShapeError

DTYPES = ["float64", "float32", "bfloat16", "float16"]


def bytes_of(init: Any, shape: list[int], dtype: str) -> bytes:
    """Return the data of a tensor."""
    file = file_of(parameter(shape, init), dtype=dtype)
    return bytes(file.read(len(file.header), file.size_bytes))


def torch_bytes(tensor: torch.Tensor) -> bytes:
    """Return the data of one of torch's tensors."""
    data: bytes = tensor.contiguous().view(torch.uint8).numpy().tobytes()
    return data


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [[1, 1], [5, 5], [3, 7], [7, 3], [1, 9], [9, 1], [70, 65]])
def test_eye_is_torchs(shape: list[int], dtype: str) -> None:
    """The identity of any matrix, wide or tall."""
    theirs = torch.nn.init.eye_(torch.empty(shape, dtype=getattr(torch, dtype)))
    assert bytes_of("eye", shape, dtype) == torch_bytes(theirs)


DIRAC_SHAPES = [
    [4, 4, 3], [4, 2, 4], [2, 4, 1], [6, 6, 3, 3], [6, 3, 2, 4], [12, 2, 3, 1], [6, 2, 1, 3, 2],
    [6, 12, 3, 3, 3], [12, 1, 5, 5],
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("shape", DIRAC_SHAPES, ids=str)
def test_dirac_is_torchs(shape: list[int], groups: int, dtype: str) -> None:
    """The identity of any convolution, even kernels and groups included."""
    theirs = torch.nn.init.dirac_(torch.empty(shape, dtype=getattr(torch, dtype)), groups)
    assert bytes_of({"type": "dirac", "groups": groups}, shape, dtype) == torch_bytes(theirs)


@pytest.mark.parametrize("groups", [3, 4, 6, 12])
def test_dirac_of_many_groups_is_torchs(groups: int) -> None:
    """Every divisor of the outputs can be the number of groups."""
    theirs = torch.nn.init.dirac_(torch.empty(12, 2, 3, 3), groups)
    ours = bytes_of({"type": "dirac", "groups": groups}, [12, 2, 3, 3], "float32")
    assert ours == torch_bytes(theirs)


@pytest.mark.parametrize("shape", [[3], [], [2, 2, 2]])
def test_eye_needs_a_matrix(shape: list[int]) -> None:
    """As in torch, eye fills two dimensions and no others."""
    with pytest.raises(InvalidShapeError, match="cannot be filled by eye; accepted: a tensor of 2"):
        bytes_of("eye", shape, "float32")


@pytest.mark.parametrize("shape", [[3, 3], [2, 2, 1, 1, 1, 1]])
def test_dirac_needs_a_convolution(shape: list[int]) -> None:
    """As in torch, dirac fills three to five dimensions."""
    with pytest.raises(InvalidShapeError, match="a tensor of 3 or 4 or 5 dimensions"):
        bytes_of("dirac", shape, "float32")


def test_groups_of_dirac_divide_the_outputs() -> None:
    """As in torch, groups have to divide the output channels."""
    with pytest.raises(InvalidArgumentError, match="p: groups 4 does not divide the 6 output"):
        bytes_of({"type": "dirac", "groups": 4}, [6, 6, 3], "float32")
