"""Dtypes: ranges and storage, as torch has them."""

import copy
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
import torch

from weightbank.dtypes import (
    DTYPES,
    FLOATING_NAMES,
    STORED_DTYPES,
    floating_dtype,
    store_float32,
    stored_constant,
)
from weightbank.errors import InvalidDtypeError


@pytest.mark.parametrize("name", STORED_DTYPES)
def test_stored_dtypes_are_torchs(name: str) -> None:
    """Every one has a name of torch's and its size; only four are drawn in."""
    ours, theirs = STORED_DTYPES[name], getattr(torch, name)
    assert ours.name == name
    assert ours.item_bytes == theirs.itemsize == ours.storage.itemsize
    assert ours.is_floating == (name in FLOATING_NAMES)
    assert pickle.loads(pickle.dumps(ours)) is ours


def test_a_spec_can_ask_for_none_that_is_only_stored() -> None:
    """They are a table of their own."""
    assert len(DTYPES) == 10
    assert set(STORED_DTYPES) - set(DTYPES) == {
        "uint64", "uint32", "uint16", "complex64", "float8_e4m3fn", "float8_e5m2",
        "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu",
    }  # fmt: skip


@pytest.mark.parametrize("name", DTYPES)
def test_sizes_and_ranges_are_torchs(name: str) -> None:
    """Item size, and the largest value that a double can name, are those of torch."""
    ours, theirs = DTYPES[name], getattr(torch, name)
    assert ours.item_bytes == theirs.itemsize == ours.storage.itemsize
    assert ours.is_floating == theirs.is_floating_point
    if name == "bool":
        assert (ours.smallest, ours.largest) == (0, 1)
        return
    information = torch.finfo(theirs) if ours.is_floating else torch.iinfo(theirs)
    assert ours.smallest == information.min
    # Of int64, the greatest double below 2**63.
    assert ours.largest == (math.nextafter(2**63, 0) if name == "int64" else information.max)


def test_floating_dtypes_can_be_asked_for() -> None:
    """Four of them are floating."""
    assert FLOATING_NAMES == ("float64", "float32", "bfloat16", "float16")
    assert all(floating_dtype(name).is_floating for name in FLOATING_NAMES)


@pytest.mark.parametrize("name", ["int64", "float8", "F32", "", None, 32, ["float32"]])
def test_others_cannot(name: object) -> None:
    """Integers and what does not exist are refused."""
    with pytest.raises(InvalidDtypeError, match="accepted: float64, float32, bfloat16, float16"):
        floating_dtype(name)


@pytest.mark.parametrize("name", FLOATING_NAMES)
def test_storing_is_torchs_conversion(name: str) -> None:
    """Float32 values are stored as torch converts them, ties and subnormals included."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 50_000, dtype=np.uint32)
    ties = (bits & np.uint32(0xFFFF_0000)) | np.uint32(0x8000)
    values = np.concatenate([bits, ties]).view(np.float32)
    values = values[np.isfinite(values)]
    values = values[np.abs(values.astype(np.float64)) <= DTYPES[name].largest]
    out = np.empty(len(values), DTYPES[name].storage)
    store_float32(values, DTYPES[name], out)
    theirs = torch.from_numpy(values).to(getattr(torch, name))
    assert out.tobytes() == theirs.view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize("value", [0.0, 0.1, -1.5, 1 + 2**-9, 65504.0, 1e-8])
@pytest.mark.parametrize("name", FLOATING_NAMES)
def test_constants_are_stored_as_torch_stores_them(name: str, value: float) -> None:
    """A double goes to float32 first for the 16-bit dtypes."""
    source = torch.float64 if name == "float64" else torch.float32
    theirs = torch.tensor([value], dtype=source).to(getattr(torch, name))
    ours = np.array([stored_constant(value, DTYPES[name])])
    assert ours.tobytes() == theirs.view(torch.uint8).numpy().tobytes()


def test_a_constant_is_rounded_twice_to_16_bits() -> None:
    """Float32 first and then bfloat16, as every drawn value: the file is the float32 rounded."""
    # Above a tie of bfloat16 by less than float32 can hold.
    value = float(1 + Fraction(1, 2**8) + Fraction(1, 2**40))
    assert hex(stored_constant(value, DTYPES["bfloat16"])) == "0x3f80"


@pytest.mark.parametrize("name", ["int64", "int32", "int16", "int8", "uint8", "bool"])
def test_integer_constants(name: str) -> None:
    """Integers are stored as they are."""
    dtype = DTYPES[name]
    for value in (dtype.smallest, dtype.largest, 1.0):
        assert stored_constant(value, dtype) == int(value)


@pytest.mark.parametrize("name", DTYPES)
def test_a_dtype_is_itself_after_a_journey(name: str) -> None:
    """Between processes, and through copies: code asks which object it is."""
    assert pickle.loads(pickle.dumps(DTYPES[name])) is DTYPES[name]
    assert copy.deepcopy(DTYPES[name]) is DTYPES[name]
