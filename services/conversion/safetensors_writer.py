"""A safetensors file, written tensor by tensor.

The same bytes as the safetensors library's ``save_file(..., metadata={"format": "pt"})``,
by the rules that ``weightbank.layout`` has: wider dtypes first, then by name. Only one
tensor at a time is copied, and only if it is not contiguous. The converting process
imports nothing of weightbank, whose import takes time and memory.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

RESERVED_NAME = "__metadata__"
HEADER_BYTES = 100_000_000
"""Largest header that readers of the format take."""

# torch's name to safetensors' code, from the last of its Dtype enumeration to its first.
CODES = {
    "uint64": "U64",
    "int64": "I64",
    "float64": "F64",
    "complex64": "C64",
    "float32": "F32",
    "uint32": "U32",
    "int32": "I32",
    "bfloat16": "BF16",
    "float16": "F16",
    "uint16": "U16",
    "int16": "I16",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}
_RANKS = {name: rank for rank, name in enumerate(CODES)}
_ALIGNMENT_BYTES = 8
_LENGTH_BYTES = 8
_METADATA = f'"{RESERVED_NAME}":{{"format":"pt"}}'


def dtype_name(tensor: "torch.Tensor") -> str:
    """Return the name of a tensor's dtype, without ``torch.``."""
    return str(tensor.dtype).removeprefix("torch.")


def size_bytes(tensor: "torch.Tensor") -> int:
    """Return the size of a tensor's data once it is dense."""
    return tensor.numel() * tensor.element_size()


@dataclass(frozen=True, slots=True)
class SafetensorsWriter:
    """A file to be written.

    Attributes:
        tensors: In the order of their data.
        header: The first bytes of the file, its length field included.
        size_bytes: Of the file.
    """

    tensors: "tuple[torch.Tensor, ...]"
    header: bytes
    size_bytes: int

    @classmethod
    def of(cls, tensors: "Mapping[str, torch.Tensor]") -> "SafetensorsWriter":
        """Lay out a file.

        Args:
            tensors: By name, at least one; on the CPU, dense, of dtypes in ``CODES``.
        """
        names = sorted(
            tensors, key=lambda name: (_RANKS[dtype_name(tensors[name])], name.encode("utf-8"))
        )
        ordered = tuple(tensors[name] for name in names)
        ends = list(accumulate(size_bytes(tensor) for tensor in ordered))
        entries = [_METADATA]
        for name, tensor, end in zip(names, ordered, ends, strict=True):
            entries.append(_entry(name, tensor, end))
        text = ("{" + ",".join(entries) + "}").encode("utf-8")
        text += b" " * (-len(text) % _ALIGNMENT_BYTES)
        header = len(text).to_bytes(_LENGTH_BYTES, "little") + text
        return cls(ordered, header, len(header) + ends[-1])

    def write(self, write: Callable[[memoryview], None]) -> None:
        """Write the file in pieces, some of them large."""
        write(memoryview(self.header))
        for tensor in self.tensors:
            if tensor.numel():
                write(_bytes_of(tensor))


def _entry(name: str, tensor: "torch.Tensor", end: int) -> str:
    key = json.dumps(name, ensure_ascii=False)
    shape = ",".join(str(size) for size in tensor.shape)
    code = CODES[dtype_name(tensor)]
    start = end - size_bytes(tensor)
    return f'{key}:{{"dtype":"{code}","shape":[{shape}],"data_offsets":[{start},{end}]}}'


def _bytes_of(tensor: "torch.Tensor") -> memoryview:
    """Return a tensor's data, copied only if it is not as a file has it."""
    import torch  # noqa: PLC0415 - only the converting process can have it

    # Values may be kept with a sign or a conjugation that is still to be applied.
    dense = tensor.resolve_conj().resolve_neg().contiguous()
    return dense.reshape(-1).view(torch.uint8).numpy().data
