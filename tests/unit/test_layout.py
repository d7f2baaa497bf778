"""The safetensors file: its header, the order of its data, and its bounds."""

import json
import struct

import pytest
import torch
from safetensors.torch import load, save

from tests.specs import file_of, linear, parameter, resolved, whole
from weightbank import Layout, Limits
from weightbank.dtypes import DTYPES
from weightbank.errors import LimitExceededError


def header(layout: Layout) -> dict[str, dict[str, object]]:
    """Return the header's JSON."""
    (size,) = struct.unpack("<Q", layout.header[:8])
    assert size == len(layout.header) - 8
    loaded: dict[str, dict[str, object]] = json.loads(layout.header[8:])
    return loaded


def test_a_file_to_the_byte() -> None:
    """The header is JSON without spaces, padded to 8 bytes, and the data follows."""
    layer = {"name": "b", "type": "Buffer", "shape": [2], "value": 1.5}
    text = (
        b'{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   '
    )
    assert len(text) % 8 == 0
    assert whole(file_of(layer)) == struct.pack("<Q", len(text)) + text + struct.pack(
        "<2f", 1.5, 1.5
    )


def test_wider_dtypes_come_first() -> None:
    """Tensors of all dtypes stand in the library's order, each aligned to its own size."""
    layers = [
        {"name": f"{at}", "type": "Buffer", "shape": [3], "value": 1, "dtype": dtype}
        for at, dtype in enumerate(sorted(DTYPES))
    ]
    file = file_of(*layers)
    assert [tensor.dtype.code for tensor in file.layout.tensors] == [
        "I64", "F64", "F32", "I32", "BF16", "F16", "I16", "I8", "U8", "BOOL",
    ]  # fmt: skip
    for tensor, start in zip(file.layout.tensors, file.layout.starts, strict=True):
        assert start % tensor.dtype.item_bytes == 0


def test_torch_reads_every_dtype() -> None:
    """The library's names of dtypes are torch's."""
    layers = [
        {"name": name, "type": "Buffer", "shape": [2, 2], "value": 1, "dtype": name}
        for name in DTYPES
    ]
    for name, tensor in load(whole(file_of(*layers))).items():
        assert tensor.dtype == getattr(torch, name)
        assert bool((tensor == 1).all())


def test_names_are_ordered_by_their_bytes() -> None:
    """Order is that of UTF-8: capitals first, and beyond the basic plane last."""
    names = ["b", "a", "Z", "é", "\uffee", "😀", "a.b", "a0"]
    file = file_of(*(parameter([1], "zeros", name) for name in names))
    written = [name for name in header(file.layout) if name != "__metadata__"]
    assert written == sorted(names, key=lambda name: name.encode())


@pytest.mark.parametrize(
    "name", ['quo"te', "back\\slash", "é", "名前", "😀", "a b", "\u2028", "</script>", "a/b", "'"]
)
def test_odd_names_are_written_as_the_library_writes_them(name: str) -> None:
    """Quotes and backslashes are escaped, and nothing else is."""
    data = whole(file_of(parameter([3], "normal", name)))
    assert save(load(data), metadata={"format": "pt"}) == data


def test_scalars_have_an_empty_shape() -> None:
    """A tensor without dimensions has one element."""
    layout = file_of(parameter([], "ones")).layout
    assert header(layout)["p"] == {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}


def test_offsets_leave_no_gaps() -> None:
    """Every tensor begins where the one before it ends."""
    layout = file_of(linear(), linear("other", 7, 5), parameter([], "ones")).layout
    ends = [
        start + tensor.size_bytes
        for start, tensor in zip(layout.starts, layout.tensors, strict=True)
    ]
    assert list(layout.starts) == [len(layout.header), *ends[:-1]]
    assert ends[-1] == layout.size_bytes


def test_index_at_finds_the_tensor_of_a_byte() -> None:
    """The first and the last byte of each tensor are its own."""
    layout = file_of(linear(), linear("other", 7, 5)).layout
    for index, (start, tensor) in enumerate(zip(layout.starts, layout.tensors, strict=True)):
        assert layout.index_at(start) == layout.index_at(start + tensor.size_bytes - 1) == index


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(file_bytes=100), "bytes would be the size of the file; accepted: 100 bytes or"),
        (Limits(header_bytes=50), "bytes would be the size of the header; accepted: 50 bytes or"),
    ],
)
def test_bounds(limits: Limits, message: str) -> None:
    """A file or a header beyond its limit is refused with both sizes."""
    spec = resolved(linear()).resolved
    with pytest.raises(LimitExceededError, match=message):
        Layout.of(spec, limits=limits)


def test_what_is_made_whole_has_a_bound_of_its_own() -> None:
    """A spec that was resolved under a larger limit is refused by its tensor's name and size."""
    spec = resolved(parameter([9, 8], "orthogonal")).resolved.with_dtype("bfloat16")
    assert Layout.of(spec, limits=Limits(whole_tensor_bytes=288))
    message = "^p 288 bytes are too many for orthogonal, .* float32; accepted: 287 bytes or fewer$"
    with pytest.raises(LimitExceededError, match=message):
        Layout.of(spec, limits=Limits(whole_tensor_bytes=287))
