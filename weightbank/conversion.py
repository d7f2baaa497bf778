"""Stored values in another dtype, as torch converts them.

Theory of operation: all goes through float32, but for float64 to and from itself: what
is narrower is widened exactly, what is wider is rounded to nearest even, once or, from
float64 to 16 bits, twice. What is beyond the range becomes infinite. A NaN stays one,
and becomes the quiet NaN without sign or payload, as processors and torch's own
kernels differ in what they keep of it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Dtype, store_float32

_NANS: dict[str, NDArray[Any]] = {
    dtype.name: np.array([bits], f"<u{dtype.item_bytes}").view(dtype.storage)
    for dtype, bits in (
        (FLOAT64, 0x7FF8000000000000),
        (FLOAT32, 0x7FC00000),
        (BFLOAT16, 0x7FC0),
        (FLOAT16, 0x7E00),
    )
}


def can_convert(stored: Dtype, dtype: Dtype) -> bool:
    """Return whether values of a stored dtype can be had in another one.

    Examples:
        >>> from weightbank.dtypes import STORED_DTYPES
        >>> can_convert(STORED_DTYPES["float64"], STORED_DTYPES["bfloat16"])
        True
        >>> can_convert(STORED_DTYPES["float8_e4m3fn"], STORED_DTYPES["float32"])
        False
    """
    return stored is dtype or (stored.is_floating and dtype.is_floating)


def convert(values: NDArray[Any], stored: Dtype, dtype: Dtype, out: NDArray[Any]) -> None:
    """Write stored values in a dtype.

    Args:
        values: Of ``stored.storage``, shape (n,).
        stored: Of the values; a floating dtype, or ``dtype``.
        dtype: Of what is written.
        out: Of ``dtype.storage``, shape (n,).
    """
    if stored is dtype:
        out.view(np.uint8)[:] = values.view(np.uint8)
        return
    with np.errstate(all="ignore"):  # values may be infinite, subnormal or no numbers
        _store(_widened(values, stored), dtype, out)


def to_float64(values: NDArray[Any], stored: Dtype) -> NDArray[np.float64]:
    """Return values of a floating dtype as float64, exactly; shape (n,)."""
    with np.errstate(all="ignore"):
        return _widened(values, stored).astype(np.float64)


def _widened(values: NDArray[Any], stored: Dtype) -> NDArray[Any]:
    """Return values as float32, or as float64 if they are; exactly."""
    if stored is BFLOAT16:
        return (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return values if stored is FLOAT64 else values.astype(np.float32, copy=False)


def _store(values: NDArray[Any], dtype: Dtype, out: NDArray[Any]) -> None:
    is_nan = np.isnan(values)
    store_float32(values.astype(np.float32, copy=False), dtype, out)
    if is_nan.any():
        out[is_nan] = _NANS[dtype.name]
