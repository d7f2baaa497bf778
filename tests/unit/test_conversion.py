"""Conversion of stored values: torch's, bit for bit, but for what a NaN carries."""

import numpy as np
import pytest
import torch

from tests.stored import content
from weightbank.conversion import can_convert, convert, to_float64
from weightbank.dtypes import FLOATING_NAMES, STORED_DTYPES

_BITS = {"float64": 64, "float32": 32, "bfloat16": 16, "float16": 16}
_INTEGERS = {64: torch.int64, 32: torch.int32, 16: torch.int16}
_NANS = {
    "float64": 0x7FF8000000000000,
    "float32": 0x7FC00000,
    "bfloat16": 0x7FC0,
    "float16": 0x7E00,
}


def patterns(name: str) -> torch.Tensor:
    """Return values of a dtype: all of 16 bits; ties, neighbours and edges of the wider ones."""
    bits = _BITS[name]
    if bits == 16:
        chosen = np.arange(2**16, dtype=np.uint16)
    else:
        unsigned = np.dtype(f"u{bits // 8}")
        drawn = np.random.default_rng(0).integers(0, 2**bits, 30_000, dtype=unsigned)
        chosen = np.concatenate([drawn, *_ties(drawn, bits), _edges(unsigned)])
    signed = chosen.view(f"i{bits // 8}")
    return torch.from_numpy(signed.copy()).view(getattr(torch, name))


def _ties(drawn: np.ndarray, bits: int) -> list[np.ndarray]:
    """Return what lies half way between two values of a narrower dtype, and beside that."""
    kind = drawn.dtype.type
    dropped = [at for at in (13, 16, 29, 42, 45) if at < bits]
    ties = [(drawn & kind(2**bits - 2**at)) | kind(2 ** (at - 1)) for at in dropped]
    return [tie + kind(step) for tie in ties for step in (0, 1)] + [tie - kind(1) for tie in ties]


def _edges(unsigned: np.dtype[np.unsignedinteger]) -> np.ndarray:
    """Return what lies around the ends of every narrower dtype's range, as bits."""
    floating = np.dtype(f"f{unsigned.itemsize}")
    ends = [
        65504.0,
        65520.0,
        2.0**-14,
        2.0**-24,
        2.0**-25,
        2.0**128,
        2.0**-126,
        2.0**-149,
        2.0**-150,
    ]
    with np.errstate(all="ignore"):
        values = np.array([*ends, 2.0**128 - 2.0**119, np.inf, np.nan], np.float64).astype(floating)
        near = np.concatenate([values, np.nextafter(values, 0), np.nextafter(values, np.inf)])
    return np.concatenate([near, -near]).view(unsigned)


@pytest.mark.parametrize("name", FLOATING_NAMES)
@pytest.mark.parametrize("stored_name", FLOATING_NAMES)
def test_values_are_what_torch_makes_of_them(stored_name: str, name: str) -> None:
    """Ties, subnormals and overflow as torch has them; a NaN stays one, without payload."""
    stored, dtype = STORED_DTYPES[stored_name], STORED_DTYPES[name]
    values = patterns(stored_name)
    theirs = values.to(getattr(torch, name))
    out = np.empty(len(values), dtype.storage)
    convert(np.frombuffer(content(values), stored.storage), stored, dtype, out)
    if stored is dtype:
        assert out.tobytes() == content(values)
        return
    ours = torch.from_numpy(out.view(f"i{dtype.item_bytes}")).clone()
    expected = theirs.view(_INTEGERS[_BITS[name]])
    is_nan = theirs.isnan()
    assert is_nan.any()
    assert torch.equal(ours[~is_nan], expected[~is_nan])
    assert set(ours[is_nan].tolist()) == {_NANS[name]}


@pytest.mark.parametrize("name", FLOATING_NAMES)
def test_widening_to_float64_is_exact(name: str) -> None:
    """Arithmetic on stored values begins with the values themselves."""
    values = patterns(name)
    ours = to_float64(
        np.frombuffer(content(values), STORED_DTYPES[name].storage), STORED_DTYPES[name]
    )
    assert ours.dtype == np.float64
    assert np.array_equal(ours, values.double().numpy(), equal_nan=True)


@pytest.mark.parametrize("name", [name for name in STORED_DTYPES if name not in FLOATING_NAMES])
def test_other_dtypes_are_only_copied(name: str) -> None:
    """Whatever their bytes are, even those of a bool that is neither 0 nor 1."""
    dtype = STORED_DTYPES[name]
    data = np.random.default_rng(0).integers(0, 256, 64, dtype=np.uint8)
    out = np.empty(64 // dtype.item_bytes, dtype.storage)
    convert(data.view(dtype.storage), dtype, dtype, out)
    assert out.tobytes() == data.tobytes()
    assert can_convert(dtype, dtype)
    assert not any(can_convert(dtype, STORED_DTYPES[other]) for other in FLOATING_NAMES)
    assert not any(can_convert(STORED_DTYPES[other], dtype) for other in FLOATING_NAMES)
