"""The header of a safetensors file that somebody else wrote: read, and not believed.

Theory of operation: a file is eight bytes that give the header's length, the header
(a JSON object, maybe padded with spaces), and the data. The header names each tensor
with its dtype, its shape and where its bytes begin and end in the data. All of it is
checked here before any of it is used: what is accepted is what the safetensors library
loads, and a little less. The tensors fill the data section without gaps or overlaps,
so that no byte of a file is without a meaning or has two.
Source: https://github.com/huggingface/safetensors, README "Format".
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from weightbank.dtypes import STORED_DTYPES, Dtype
from weightbank.errors import NO_VALUE, InvalidCheckpointError, InvalidNameError
from weightbank.limits import Limits
from weightbank.names import RESERVED, check_name
from weightbank.strict_json import parse_object

LENGTH_BYTES = 8
"""Of the field that gives the header's length."""

HEADER_BYTES = 100_000_000
"""The longest header that the safetensors library reads."""

_CODES: Mapping[str, tuple[Dtype | None, int]] = {
    **{dtype.code: (dtype, 8 * dtype.item_bytes) for dtype in STORED_DTYPES.values()},
    "F4": (None, 4),
    "F6_E2M3": (None, 6),
    "F6_E3M2": (None, 6),
}
"""What every dtype's code stands for, and the bits of an element."""

_MOST_DIMENSIONS = 64
# Bits of so many elements still fit the 64-bit integers that other readers count with.
_MOST_ELEMENTS = 2**53
_KEYS = ("dtype", "shape", "data_offsets")
# Brackets and commas of an entry with eight dimensions, and of metadata beside them.
_VALUES_PER_TENSOR = 16
_OTHER_VALUES = 100_000


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """What a header says of one tensor.

    Attributes:
        start: Offset of its first byte in the file.
        size_bytes: Of its data.
        code: Of its dtype, in the header.
        dtype: The same; None of those whose elements are less than a byte.
        shape: In torch's order of axes; a size may be 0.
    """

    start: int
    size_bytes: int
    code: str
    dtype: Dtype | None
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StoredHeader:
    """A header that can be believed.

    Attributes:
        tensors: By name, in the order of their data.
        metadata: What the file says of itself, strings by name.
        header_bytes: Of the header, its length field included: where the data begin.
    """

    tensors: Mapping[str, StoredEntry]
    metadata: Mapping[str, str]
    header_bytes: int


def header_length(prefix: bytes, *, file_bytes: int, limit_bytes: int = HEADER_BYTES) -> int:
    r"""Return how many bytes of a file its header is, its length field included.

    Args:
        prefix: The first bytes of the file, eight or more.
        file_bytes: Size of the file.
        limit_bytes: Longest header, without its length field.

    Raises:
        InvalidCheckpointError: If the file cannot have such a header.

    Examples:
        >>> header_length(b"\x02\0\0\0\0\0\0\0{}", file_bytes=10)
        10
    """
    if min(len(prefix), file_bytes) < LENGTH_BYTES:
        problem = f"cannot be there: the file has {file_bytes} bytes, of which {len(prefix)} came"
        raise InvalidCheckpointError("header", NO_VALUE, problem, "a safetensors file")
    length = int.from_bytes(prefix[:LENGTH_BYTES], "little")
    if length > limit_bytes:
        problem = "bytes would be its length: too many, or no safetensors file"
        raise InvalidCheckpointError("header", length, problem, f"{limit_bytes} or fewer")
    if LENGTH_BYTES + length > file_bytes:
        problem = f"bytes would be its length, and the file has {file_bytes} bytes"
        raise InvalidCheckpointError("header", length, problem, "a file that is whole")
    return LENGTH_BYTES + length


def parse_header(
    prefix: bytes,
    *,
    file_bytes: int,
    limit_bytes: int = HEADER_BYTES,
    limits: Limits | None = None,
) -> StoredHeader:
    """Read the header of a safetensors file.

    Args:
        prefix: The first bytes of the file, the header or more.
        file_bytes: Size of the file.
        limit_bytes: Longest header, without its length field.
        limits: Bounds on tensors and on their names; the defaults if left out.

    Raises:
        InvalidCheckpointError: If anything about it cannot be believed; the message
            names the tensor and what is wrong with it.

    Examples:
        >>> text = b'{"bias":{"dtype":"F16","shape":[3],"data_offsets":[0,6]}}'
        >>> file = len(text).to_bytes(8, "little") + text + bytes(6)
        >>> parse_header(file, file_bytes=len(file)).tensors["bias"].shape
        (3,)
        >>> parse_header(file + b"!", file_bytes=len(file) + 1)
        Traceback (most recent call last):
        weightbank.errors.InvalidCheckpointError: header ends its tensors at byte 6 of the \
data, of which there are 7; accepted: tensors that fill the data section
    """
    limits = limits or Limits()
    header_bytes = header_length(prefix, file_bytes=file_bytes, limit_bytes=limit_bytes)
    text = prefix[LENGTH_BYTES:header_bytes]
    if len(text) < header_bytes - LENGTH_BYTES:
        raise InvalidCheckpointError("header", len(text), "bytes are all of it that came")
    values = _OTHER_VALUES + _VALUES_PER_TENSOR * limits.tensors
    document = parse_object(text, argument="header", most_values=values)
    metadata = _metadata(document.pop(RESERVED, None))
    if len(document) > limits.tensors:
        accepted = f"{limits.tensors} or fewer"
        raise InvalidCheckpointError("header", len(document), "tensors are too many", accepted)
    entries = [(name, _entry(name, value, limits)) for name, value in document.items()]
    entries.sort(key=lambda item: (item[1].start, item[1].size_bytes))
    _check_filled(entries, file_bytes - header_bytes)
    tensors = {name: replace(entry, start=header_bytes + entry.start) for name, entry in entries}
    return StoredHeader(tensors, metadata, header_bytes)


def check_stored_name(name: str, *, argument: str, limits: Limits) -> None:
    """Refuse a name that no tensor of ours could have.

    Args:
        name: Of a stored tensor.
        argument: Where it stands.
        limits: Bounds its length.

    Raises:
        InvalidCheckpointError: If it is none.
    """
    try:
        check_name(name, argument="the name of a tensor", limit_bytes=limits.name_bytes)
    except InvalidNameError as error:
        raise InvalidCheckpointError(argument, NO_VALUE, f"cannot be read: {error}") from None


def _metadata(value: Any) -> dict[str, str]:
    """Read ``__metadata__``."""
    if value is None:
        return {}
    accepted = "a mapping of strings to strings"
    if not isinstance(value, dict):
        raise InvalidCheckpointError(RESERVED, value, "is not a mapping", accepted)
    for key, text in value.items():
        if not isinstance(text, str):
            raise InvalidCheckpointError(f"{RESERVED}.{key}", text, "is not a string", accepted)
        if not (_is_text(key) and _is_text(text)):
            raise InvalidCheckpointError(RESERVED, NO_VALUE, "holds half a character", accepted)
    return value


def _is_text(value: str) -> bool:
    """Return whether a string is Unicode text: JSON can write lone surrogates."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _entry(name: str, value: Any, limits: Limits) -> StoredEntry:
    """Read what is said of one tensor; its start is counted from that of the data."""
    check_stored_name(name, argument="header", limits=limits)
    if not isinstance(value, dict) or set(value) != set(_KEYS):
        raise InvalidCheckpointError(
            name, value, "is no tensor", f"a mapping with {', '.join(_KEYS)}"
        )
    dtype, bits = _dtype(name, value["dtype"])
    shape = _shape(name, value["shape"])
    start, stop = _offsets(name, value["data_offsets"])
    total_bits = math.prod(shape) * bits
    if total_bits != 8 * (stop - start):
        raise InvalidCheckpointError(
            f"{name}: data_offsets",
            [start, stop],
            f"are {stop - start} bytes, and {value['dtype']} of shape {list(shape)} is not",
            f"{total_bits / 8:.17g} bytes",
        )
    return StoredEntry(start, stop - start, value["dtype"], dtype, shape)


def _dtype(name: str, code: Any) -> tuple[Dtype | None, int]:
    known = _CODES.get(code) if isinstance(code, str) else None
    if known is None:
        raise InvalidCheckpointError(f"{name}: dtype", code, "is unknown", ", ".join(_CODES))
    return known


def _shape(name: str, sizes: Any) -> tuple[int, ...]:
    argument, elements = f"{name}: shape", 1
    if not isinstance(sizes, list) or len(sizes) > _MOST_DIMENSIONS:
        accepted = f"a list of {_MOST_DIMENSIONS} sizes or fewer"
        raise InvalidCheckpointError(argument, sizes, "is no shape", accepted)
    for size in sizes:
        if not _is_count(size):
            raise InvalidCheckpointError(argument, sizes, "has a size that is no size", "integers")
        # Zeros are left out: others may multiply up to them, and overflow.
        elements *= max(size, 1)
        if elements > _MOST_ELEMENTS:
            accepted = f"{_MOST_ELEMENTS} elements or fewer"
            raise InvalidCheckpointError(argument, sizes, "is too large", accepted)
    return tuple(sizes)


def _offsets(name: str, offsets: Any) -> tuple[int, int]:
    is_pair = isinstance(offsets, list) and len(offsets) == len(("start", "stop"))
    if not is_pair or not all(map(_is_count, offsets)) or offsets[0] > offsets[1]:
        accepted = "[start, stop], offsets in the data"
        raise InvalidCheckpointError(f"{name}: data_offsets", offsets, "are no interval", accepted)
    start, stop = offsets
    return start, stop


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_filled(entries: Sequence[tuple[str, StoredEntry]], data_bytes: int) -> None:
    """Refuse gaps, overlaps, and data beyond the last tensor."""
    accepted, end = "tensors that fill the data section", 0
    for name, entry in entries:
        if entry.start != end:
            problem = "overlaps another tensor" if entry.start < end else "comes after a gap"
            offsets = [entry.start, entry.start + entry.size_bytes]
            raise InvalidCheckpointError(
                f"{name}: data_offsets", offsets, f"{problem}: {end} is free", accepted
            )
        end += entry.size_bytes
    if end != data_bytes:
        problem = f"ends its tensors at byte {end} of the data, of which there are {data_bytes}"
        raise InvalidCheckpointError("header", NO_VALUE, problem, accepted)
