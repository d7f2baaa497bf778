"""Bytes of fitted tensors that never change: docs/numbers.md, "Fitted tensors"."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.adaptations import (
    InputChannels,
    MomentSums,
    PositionGrid,
    adapt_channels,
    resample_positions,
)


def stored(*shape: int) -> NDArray[np.float64]:
    """Return values that need no library to be made: float32 in [-8, 8)."""
    words = np.arange(int(np.prod(shape)), dtype=np.uint64) * np.uint64(2654435761)
    values = (words % np.uint64(2**24)).astype(np.float64) / 2**20 - 8
    return values.reshape(shape)


def digest(values: NDArray[Any]) -> str:
    """Return the beginning of the SHA-256 of little-endian bytes."""
    return hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()[:16]


def test_input_channels() -> None:
    """Sums and scaled repetitions are these bytes, on every machine."""
    found = {
        channels: digest(adapt_channels(stored(4, 3, 5, 5), InputChannels(channels)))
        for channels in (1, 2, 5)
    }
    assert found == {1: "cf977890e91111ec", 2: "7d1dc7d1f8f38f6c", 5: "b32206a60657a555"}


def test_position_grid() -> None:
    """Resampled grids are these bytes, on every machine."""
    found = {
        grid: digest(resample_positions(stored(1, 50, 8), PositionGrid((7, 7), grid, 1)))
        for grid in ((12, 12), (3, 5), (14, 2))
    }
    assert found == {
        (12, 12): "6a3ff5e365f872e7",
        (3, 5): "3f9f84389c6d0305",
        (14, 2): "b4882691fd893eb1",
    }


def test_moments() -> None:
    """Mean and deviation are these float32 numbers, on every machine."""
    sums = MomentSums()
    sums.add(stored(1000))
    moments = sums.moments("stored")
    assert (float(moments.mean_float32).hex(), float(moments.std_float32).hex()) == (
        "-0x1.118ff40000000p-6",
        "0x1.27aea80000000p+2",
    )
