"""What is made whole of stored tensors: in short steps, and as the arithmetic alone does."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.stored import MemoryReader, loose
from weightbank.adaptations import (
    InputChannels,
    MomentSums,
    PositionGrid,
    adapt_channels,
    resample_positions,
)
from weightbank.errors import UnrepresentableError
from weightbank.making import Making
from weightbank.stored import StoredTensor
from weightbank.stored_wholes import begin_channels, begin_moments, begin_positions


def numbers(*shape: int) -> torch.Tensor:
    """Return a tensor of random normals."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("channels", [1, 2, 7])
def test_input_channels(channels: int, dtype: torch.dtype) -> None:
    """A convolution is fitted in float64, whatever it is stored in."""
    values = numbers(5, 3, 4, 4).to(dtype)
    made = begin_channels(*_with(values, InputChannels(channels))).complete()
    assert made.dtype == np.float64
    assert np.array_equal(made, adapt_channels(values.double().numpy(), InputChannels(channels)))


def test_a_large_convolution_takes_many_steps() -> None:
    """Rows do not meet: some of them a step, and the last ones too."""
    values = numbers(1000, 3, 32, 32)
    making = begin_channels(*_with(values, InputChannels(1)))
    assert steps(making) > 4
    expected = adapt_channels(values.double().numpy(), InputChannels(1))
    assert np.array_equal(making.result(), expected)


def test_positions() -> None:
    """Columns are resampled a few at a time, and prefix tokens stay."""
    values, grid = numbers(1, 1 + 64 * 32, 200), PositionGrid((64, 32), (16, 24), 1)
    making = begin_positions(*_with(values, grid))
    assert steps(making) > 3
    assert np.array_equal(making.result(), resample_positions(values.double().numpy(), grid))


@pytest.mark.parametrize("elements", [1, 5, 2**19 + 1, 2**23 + 12_345])
def test_moments(elements: int) -> None:
    """In steps and parts, and exactly those of all elements at once."""
    values = numbers(elements)
    sums = MomentSums()
    sums.add(values.double().numpy())
    moments = sums.moments("t")
    made = begin_moments(*loose(values)).complete()
    assert made.dtype == np.float32
    assert made.tolist() == [moments.mean_float32, moments.std_float32]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_moments_of_what_is_not_finite_are_refused(wrong: float) -> None:
    """In words, for all who wait."""
    values = numbers(10)
    values[3] = wrong
    making = begin_moments(*loose(values))
    with pytest.raises(UnrepresentableError, match=r"^'fc.weight' in owner/model has 1 elements"):
        making.complete()


def test_moments_beyond_float32_are_refused() -> None:
    """A tensor of float64 can have them."""
    making = begin_moments(*loose(torch.tensor([1e300, -1e300], dtype=torch.float64)))
    with pytest.raises(UnrepresentableError, match="beyond the range of float32"):
        making.complete()


def test_a_reader_that_fails_ends_the_making() -> None:
    """With the reader's own error."""
    stored, reader = loose(numbers(10))
    reader.hold()
    reader.fail(OSError("gone"))
    making = begin_moments(stored, reader)
    with pytest.raises(OSError, match="gone"):
        making.complete()


def steps(making: Making) -> int:
    """Return in how many steps something is made."""
    count = 0
    while making.step():
        count += 1
    return count


def _with(values: torch.Tensor, adaptation: Any) -> tuple[StoredTensor, Any, MemoryReader]:
    stored, reader = loose(values)
    return stored, adaptation, reader
