"""The dtypes a tensor can have, and how their values are stored.

Weights are drawn in the four floating dtypes. Integers and booleans hold only
constants: counters and masks among a layer's buffers. Tensors that come from a stored
file can have some more, whose bytes are only copied.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.errors import InvalidDtypeError
from weightbank.numbers.rounding import to_bfloat16, to_float16


@dataclass(frozen=True, slots=True)
class Dtype:
    """One dtype.

    Attributes:
        name: torch's, without ``torch.``.
        code: That of the safetensors header.
        item_bytes: Bytes of one element.
        storage: NumPy dtype of the bytes, little-endian; bfloat16 travels as u16, and
            what NumPy has no type for as unsigned integers.
        is_floating: Whether values can be drawn in it.
        smallest: Least value that can be stored, -infinity where nobody asks.
        largest: Greatest finite value that can be stored, infinity where nobody asks.
    """

    name: str
    code: str
    item_bytes: int
    storage: np.dtype[Any]
    is_floating: bool
    smallest: float
    largest: float

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes by name: there is one object of each dtype in each."""
        return _dtype, (self.name,)


def _dtype(name: str) -> Dtype:
    return STORED_DTYPES[name]


def _floating(name: str, code: str, storage: str, largest: float) -> Dtype:
    storage_dtype = np.dtype(storage)
    return Dtype(name, code, storage_dtype.itemsize, storage_dtype, True, -largest, largest)  # noqa: FBT003


def _integer(name: str, code: str, storage: str, smallest: int, stop: int) -> Dtype:
    storage_dtype = np.dtype(storage)
    return Dtype(
        name,
        code,
        storage_dtype.itemsize,
        storage_dtype,
        is_floating=False,
        smallest=float(smallest),
        # The greatest double that is below ``stop``: constants are doubles.
        largest=min(float(stop - 1), math.nextafter(stop, 0)),
    )


def _opaque(name: str, code: str, storage: str) -> Dtype:
    storage_dtype = np.dtype(storage)
    return Dtype(
        name,
        code,
        storage_dtype.itemsize,
        storage_dtype,
        is_floating=False,
        smallest=-math.inf,
        largest=math.inf,
    )


FLOAT64 = _floating("float64", "F64", "<f8", float(np.finfo(np.float64).max))
FLOAT32 = _floating("float32", "F32", "<f4", float(np.finfo(np.float32).max))
BFLOAT16 = _floating("bfloat16", "BF16", "<u2", float(2**128 - 2**120))
FLOAT16 = _floating("float16", "F16", "<f2", 65504.0)

DTYPES: dict[str, Dtype] = {
    dtype.name: dtype
    for dtype in (
        FLOAT64,
        FLOAT32,
        BFLOAT16,
        FLOAT16,
        _integer("int64", "I64", "<i8", -(2**63), 2**63),
        _integer("int32", "I32", "<i4", -(2**31), 2**31),
        _integer("int16", "I16", "<i2", -(2**15), 2**15),
        _integer("int8", "I8", "i1", -(2**7), 2**7),
        _integer("uint8", "U8", "u1", 0, 2**8),
        _integer("bool", "BOOL", "?", 0, 2),
    )
}
"""All dtypes that a spec can ask for, by name."""

STORED_DTYPES: dict[str, Dtype] = DTYPES | {
    dtype.name: dtype
    for dtype in (
        _integer("uint64", "U64", "<u8", 0, 2**64),
        _integer("uint32", "U32", "<u4", 0, 2**32),
        _integer("uint16", "U16", "<u2", 0, 2**16),
        _opaque("complex64", "C64", "<c8"),
        _opaque("float8_e4m3fn", "F8_E4M3", "u1"),
        _opaque("float8_e5m2", "F8_E5M2", "u1"),
        _opaque("float8_e4m3fnuz", "F8_E4M3FNUZ", "u1"),
        _opaque("float8_e5m2fnuz", "F8_E5M2FNUZ", "u1"),
        _opaque("float8_e8m0fnu", "F8_E8M0", "u1"),
    )
}
"""All dtypes that a tensor of a stored file can have, by name.

Of what safetensors knows, those without whole bytes are missing: F4 and F6.
"""

FLOATING_NAMES = tuple(dtype.name for dtype in DTYPES.values() if dtype.is_floating)
"""Names of the dtypes that can be asked for."""


def floating_dtype(name: object, *, argument: str = "dtype") -> Dtype:
    """Return the floating dtype of a name.

    Raises:
        InvalidDtypeError: If there is none.

    Examples:
        >>> floating_dtype("bfloat16").item_bytes
        2
        >>> floating_dtype("float8")
        Traceback (most recent call last):
        weightbank.errors.InvalidDtypeError: dtype 'float8' is not a dtype that weights can have; \
accepted: float64, float32, bfloat16, float16
    """
    dtype = DTYPES.get(name) if isinstance(name, str) else None
    if dtype is None or not dtype.is_floating:
        accepted = ", ".join(FLOATING_NAMES)
        raise InvalidDtypeError(argument, name, "is not a dtype that weights can have", accepted)
    return dtype


def store_float32(values: NDArray[np.float32], dtype: Dtype, out: NDArray[Any]) -> None:
    """Write float32 values into storage of a floating dtype.

    float64 is the float32 value widened; the 16-bit formats are it rounded to
    nearest even.

    Args:
        values: float32, shape (n,).
        dtype: A floating dtype.
        out: Of ``dtype.storage``, shape (n,).
    """
    if dtype is BFLOAT16:
        out[:] = to_bfloat16(values)
    elif dtype is FLOAT16:
        out[:] = to_float16(values)
    else:
        out[:] = values


def stored_constant(value: float, dtype: Dtype) -> Any:
    """Return a constant as a scalar of the dtype's storage.

    A double goes to float32 first for the 16-bit dtypes, as every value does.

    Examples:
        >>> hex(stored_constant(1.0, BFLOAT16))
        '0x3f80'
        >>> float(stored_constant(0.1, FLOAT64))
        0.1
    """
    if dtype is BFLOAT16:
        return to_bfloat16(np.array([value], np.float32))[0]
    if dtype is FLOAT16:
        return to_float16(np.array([value], np.float32))[0]
    return dtype.storage.type(value)


def stored_value(value: float, dtype: Dtype) -> float:
    """Return the number that a value is stored as.

    Examples:
        >>> stored_value(1.001, BFLOAT16), stored_value(1e-9, FLOAT16)
        (1.0, 0.0)
    """
    stored = stored_constant(value, dtype)
    if dtype is BFLOAT16:
        return float((np.array([stored], np.uint32) << np.uint32(16)).view(np.float32)[0])
    return float(stored)
