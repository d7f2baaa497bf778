"""Other numbers of input channels: timm's rule, in float64."""

from typing import Any

import numpy as np
import pytest

from weightbank.adaptations import InputChannels, adapt_channels
from weightbank.errors import InvalidShapeError


def weight(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return float32 values, as a checkpoint holds them."""
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("channels", "stored"),
    [(1, 12), (1, 48), *((channels, 3) for channels in (1, 2, 3, 4, 5, 6, 9, 13))],
)
@pytest.mark.usefixtures("torchvision_operators")
def test_agrees_with_timm(channels: int, stored: int) -> None:
    """Every result is within 2 ulp of what timm computes in float32."""
    import torch
    from timm.models import adapt_input_conv

    values = weight(8, stored, 5, 5)
    expected = adapt_input_conv(channels, torch.from_numpy(values.copy())).numpy()
    adapted = adapt_channels(values.astype(np.float64), InputChannels(channels))
    assert adapted.shape == expected.shape == InputChannels(channels).shape(values.shape)
    largest = np.abs(values).max()
    assert np.abs(adapted - expected).max() <= 2 * np.spacing(largest)


def test_sums_from_the_first_channel_on() -> None:
    """The order of the sum is fixed: no other one gives these bits."""
    values = np.array([[[1e16], [-1e16], [1.0]]])
    assert adapt_channels(values, InputChannels(1)).ravel().tolist() == [1.0]
    assert adapt_channels(values[:, ::-1], InputChannels(1)).ravel().tolist() == [0.0]


def test_sums_two_channels() -> None:
    """Fewer than three channels are added up as well."""
    values = np.array([[[1.0], [2.0]]])
    assert adapt_channels(values, InputChannels(1)).ravel().tolist() == [3.0]


def test_rows_can_be_made_alone() -> None:
    """Any rows give the same bytes as all of them together."""
    values = weight(6, 3, 2, 2).astype(np.float64)
    for channels in (1, 4):
        adaptation = InputChannels(channels)
        parts = [adapt_channels(values[at : at + 2], adaptation) for at in (0, 2, 4)]
        assert np.concatenate(parts).tobytes() == adapt_channels(values, adaptation).tobytes()


def test_three_channels_stay_as_they_are() -> None:
    """To make three channels of three changes no byte, and never writes to the source."""
    values = weight(2, 3, 2, 2).astype(np.float64)
    adapted = adapt_channels(values, InputChannels(3))
    assert adapted.tobytes() == values.tobytes()
    assert not np.shares_memory(adapted, values)


def test_whatever_is_no_number_is_the_same_one() -> None:
    """A NaN comes out without a sign or payload, whatever the processor makes of it."""
    values = np.array([[[np.inf], [-np.inf], [1.0]], [[-np.nan], [1.0], [2.0]]])
    adapted = adapt_channels(values, InputChannels(1))
    assert adapted.view(np.uint64).ravel().tolist() == [0x7FF8000000000000] * 2


@pytest.mark.parametrize(
    ("channels", "stored"),
    [(1, (8, 4, 3, 3)), (5, (8, 12, 3, 3)), (2, (8, 1, 3, 3)), (1, (8, 0, 3, 3)), (1, (8, 3))],
)
def test_refuses_what_has_no_rule(channels: int, stored: tuple[int, ...]) -> None:
    """What timm has no rule for is refused, and the message says what has one."""
    with pytest.raises(InvalidShapeError, match=r"conv1\.weight: shape .*accepted: ."):
        InputChannels(channels).shape(stored, argument="conv1.weight")
