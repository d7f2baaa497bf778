"""The safetensors file: its header, and which bytes are which tensor's.

Theory of operation: a file is eight bytes that give the header's length, the
header (JSON padded with spaces to a multiple of eight), and the tensors' data
without gaps. We write the header ourselves, so that the file is byte for byte
what the safetensors library writes on saving the same tensors with
``metadata={"format": "pt"}``: tensors ordered by that library's rank of their
dtype, descending, and then by the UTF-8 bytes of their names. A tensor of a
wider dtype comes first, so each is aligned to its own element size.
Source: https://github.com/huggingface/safetensors, README "Format".
"""

import json
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from weightbank.errors import LimitExceededError
from weightbank.limits import Limits
from weightbank.resolved import ResolvedSpec, ResolvedTensor, check_whole
from weightbank.stored import StoredFile

LENGTH_BYTES = 8
ALIGNMENT_BYTES = 8

# safetensors' Dtype enumeration, from its last to its first, of what we serve.
_CODE_ORDER = (
    *("U64", "I64", "F64", "C64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16"),
    *("F8_E5M2FNUZ", "F8_E4M3FNUZ", "F8_E8M0", "F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"),
)
_METADATA = '"__metadata__":{"format":"pt"}'


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is in a file.

    Attributes:
        tensors: In the order of their data.
        starts: Offset in the file of each tensor's first byte.
        header: The first bytes of the file, its length field included.
        size_bytes: Of the file.
        resolved: What the file is of.
        has_wholes: Whether any tensor needs something before a range of it can be made:
            to be made whole itself, or a stored file.
    """

    tensors: tuple[ResolvedTensor, ...]
    starts: tuple[int, ...]
    header: bytes
    size_bytes: int
    resolved: ResolvedSpec
    has_wholes: bool

    @classmethod
    def of(cls, resolved: ResolvedSpec, *, limits: Limits | None = None) -> "Layout":
        """Lay out a file.

        Args:
            resolved: Its tensors.
            limits: Bounds; the defaults if left out.

        Raises:
            LimitExceededError: If header or file, or a tensor that has to be made
                whole, would be beyond a limit.
        """
        limits = limits or Limits()
        tensors = tuple(sorted(resolved.tensors, key=file_order))
        for tensor in tensors:
            check_whole(tensor, limits)
        ends = list(accumulate(tensor.size_bytes for tensor in tensors))
        header = _header(tensors, ends)
        size_bytes = len(header) + ends[-1]
        for what, size, limit in (
            ("header", len(header), limits.header_bytes),
            ("file", size_bytes, limits.file_bytes),
        ):
            if size > limit:
                problem = f"bytes would be the size of the {what}"
                raise LimitExceededError("the spec", size, problem, f"{limit} bytes or fewer")
        starts = tuple(len(header) + start for start in (0, *ends[:-1]))
        has_wholes = bool(resolved.sources) or any(tensor.form.is_whole for tensor in tensors)
        return cls(tensors, starts, header, size_bytes, resolved, has_wholes)

    @property
    def sources(self) -> tuple[StoredFile, ...]:
        """The stored files that its tensors need, each once."""
        return self.resolved.sources

    @property
    def elements(self) -> int:
        """Number of elements of all tensors."""
        return sum(tensor.elements for tensor in self.tensors)

    def index_at(self, offset: int) -> int:
        """Return the index of the tensor that holds a byte of the data.

        Args:
            offset: In the file, not in the header.
        """
        return bisect_right(self.starts, offset) - 1


def file_order(tensor: ResolvedTensor) -> tuple[int, bytes]:
    """Return what a tensor is sorted by within a file."""
    return _CODE_ORDER.index(tensor.dtype.code), tensor.name.encode("utf-8")


def _header(tensors: tuple[ResolvedTensor, ...], ends: list[int]) -> bytes:
    """Write the header as the safetensors library would: no spaces, non-ASCII as it is."""
    entries = [_METADATA]
    for tensor, end in zip(tensors, ends, strict=True):
        name = json.dumps(tensor.name, ensure_ascii=False)
        shape = ",".join(str(size) for size in tensor.shape)
        start = end - tensor.size_bytes
        entries.append(
            f'{name}:{{"dtype":"{tensor.dtype.code}","shape":[{shape}],'
            f'"data_offsets":[{start},{end}]}}'
        )
    text = ("{" + ",".join(entries) + "}").encode("utf-8")
    text += b" " * (-len(text) % ALIGNMENT_BYTES)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text
