"""The bytes that the safetensors library would write."""

from collections.abc import Mapping

import pytest
import safetensors.torch
import torch

from services.conversion.safetensors_writer import CODES, SafetensorsWriter
from weightbank.layout import _CODE_ORDER


def written(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """The file that the writer writes."""
    file = bytearray()
    writer = SafetensorsWriter.of(tensors)
    writer.write(file.extend)
    assert len(file) == writer.size_bytes
    return bytes(file)


def expected(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """The file that the library writes of plain copies."""
    copies = {
        name: tensor.detach()
        .resolve_conj()
        .resolve_neg()
        .clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    return safetensors.torch.save(copies, metadata={"format": "pt"})


def values(*shape: int) -> torch.Tensor:
    """A tensor of which no two elements are equal."""
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)


def test_all_dtypes_are_in_the_librarys_order() -> None:
    """Wider ones first, so that each is aligned."""
    tensors = {
        f"of {name}": (torch.arange(16, dtype=torch.uint8) % 2).view(getattr(torch, name))
        for name in CODES
    }
    assert written(tensors) == expected(tensors)


def test_the_order_is_that_of_our_own_files() -> None:
    """Of the dtypes that those can have."""
    assert tuple(code for code in CODES.values() if code in _CODE_ORDER) == _CODE_ORDER


def test_names_are_in_the_order_of_their_bytes() -> None:
    """And are written as the library writes them."""
    names = ["b", "a.10", "a.2", "ä", "Z", "𝄞", "\uffff", 'q"\\', "tab\t", "\x00", "/", "\x7f"]
    tensors = {name: values(index + 1) for index, name in enumerate(names)}
    assert written(tensors) == expected(tensors)


@pytest.mark.parametrize("length", range(1, 9))
def test_the_header_is_padded(length: int) -> None:
    """To eight bytes, whatever it says."""
    tensors = {"n" * length: values(2)}
    assert written(tensors) == expected(tensors)


@pytest.mark.parametrize(
    "tensor",
    [
        values(4, 5).t(),
        values(4, 5)[::2, 1:],
        values(1).expand(3, 4),
        values(2, 3, 4, 5).to(memory_format=torch.channels_last),
        torch.view_as_complex(values(6, 2)).conj(),
        torch.view_as_complex(values(6, 2)).conj().imag,
        values(3)[1],
        values(0, 4),
        torch.tensor(7),
    ],
)
def test_tensors_are_written_dense(tensor: torch.Tensor) -> None:
    """However they lie in memory."""
    tensors = {"a": values(3), "b": tensor}
    assert written(tensors) == expected(tensors)


def test_shared_memory_is_written_twice() -> None:
    """The format has no ties."""
    weight = values(3, 4)
    tensors = {"decoder": weight, "encoder": weight, "row": weight[1]}
    assert written(tensors) == expected(tensors)
