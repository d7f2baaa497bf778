"""Position embeddings on other grids: timm's and torch's functions, in float64."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.adaptations import PositionGrid, resample_positions
from weightbank.adaptations.bicubic import LARGEST_SIZE, bicubic_taps
from weightbank.errors import InvalidArgumentError, InvalidShapeError

GRIDS = [
    ((7, 7), (12, 12)),
    ((14, 14), (7, 7)),
    ((14, 14), (24, 20)),
    ((5, 9), (9, 5)),
    ((6, 6), (1, 4)),
    ((1, 1), (3, 2)),
    ((16, 3), (5, 3)),
]


def embeddings(grid: tuple[int, int], prefix: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return stored embeddings, of which a checkpoint has float32."""
    shape = (1, prefix + grid[0] * grid[1], 6)
    values = np.random.default_rng(7).standard_normal(shape).astype(np.float32)
    return values.astype(np.float64)


@pytest.mark.parametrize(("stored", "wanted"), GRIDS)
@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_agrees_with_torch(stored: tuple[int, int], wanted: tuple[int, int], prefix: int) -> None:
    """In float64 torch's interpolation gives the same to 1e-12, and prefixes stay."""
    import torch

    values = embeddings(stored, prefix)
    adapted = resample_positions(values, PositionGrid(stored, wanted, prefix))
    grid = torch.from_numpy(values[:, prefix:]).reshape(1, *stored, -1).permute(0, 3, 1, 2)
    expected = torch.nn.functional.interpolate(grid, size=wanted, mode="bicubic", antialias=True)
    expected = expected.permute(0, 2, 3, 1).reshape(1, -1, 6).numpy()
    assert np.abs(adapted[:, prefix:] - expected).max() < 1e-12
    assert adapted[:, :prefix].tobytes() == values[:, :prefix].tobytes()


@pytest.mark.parametrize(("stored", "wanted"), GRIDS)
@pytest.mark.usefixtures("torchvision_operators")
def test_agrees_with_timm(stored: tuple[int, int], wanted: tuple[int, int]) -> None:
    """What timm computes in float32 is within its rounding: 16 ulp of the largest term."""
    import torch
    from timm.layers import resample_abs_pos_embed

    values = embeddings(stored, 1)
    expected = resample_abs_pos_embed(
        torch.from_numpy(values.astype(np.float32)),
        new_size=list(wanted),
        old_size=list(stored),
        num_prefix_tokens=1,
    ).numpy()
    adaptation = PositionGrid(stored, wanted, 1)
    adapted = resample_positions(values, adaptation)
    assert adapted.shape == expected.shape == adaptation.shape(values.shape)
    largest = np.float32(np.abs(values).max())
    assert np.abs(adapted - expected).max() <= 16 * np.spacing(largest)


def test_the_same_grid_changes_nothing() -> None:
    """Resampling for the stored grid gives every byte back, infinities too."""
    values = embeddings((5, 4), 2)
    values[0, 3, 0] = np.inf
    adapted = resample_positions(values, PositionGrid((5, 4), (5, 4), 2))
    assert adapted.tobytes() == values.tobytes()


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_weights_are_the_kernel_of_keys(stored: int, wanted: int, data: st.DataObject) -> None:
    """Each weight is the rational that the kernel gives, rounded once to a double."""
    index = data.draw(st.integers(0, wanted - 1))
    scale = max(Fraction(stored, wanted), Fraction(1))
    center = Fraction(stored, wanted) * (index + Fraction(1, 2))
    values = [keys((j + Fraction(1, 2) - center) / scale) for j in range(stored)]
    expected = {j: value / sum(values) for j, value in enumerate(values) if value}
    taps = bicubic_taps(stored, wanted, index)
    assert dict(zip(taps.indices, taps.weights, strict=True)) == {
        j: value.numerator / value.denominator for j, value in expected.items()
    }
    assert list(taps.indices) == sorted(taps.indices)


def keys(x: Fraction) -> Fraction:
    """Return Keys' kernel with a = -1/2."""
    a, x = Fraction(-1, 2), abs(x)
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else Fraction(0)


def test_the_largest_grids_stay_exact() -> None:
    """At the bound on a grid's side no integer leaves what a double holds."""
    for stored, wanted in ((LARGEST_SIZE, 1), (1, LARGEST_SIZE), (LARGEST_SIZE, LARGEST_SIZE - 1)):
        taps = bicubic_taps(stored, wanted, wanted // 2)
        assert abs(sum(map(Fraction, taps.weights)) - 1) < Fraction(len(taps.weights), 2**53)


def test_columns_can_be_resampled_alone() -> None:
    """Any columns give the same bytes as all of them together."""
    values, adaptation = embeddings((6, 5), 1), PositionGrid((6, 5), (4, 9), 1)
    whole = resample_positions(values, adaptation)
    for start, stop in ((0, 2), (2, 3), (3, 6)):
        part = resample_positions(np.ascontiguousarray(values[..., start:stop]), adaptation)
        assert part.tobytes() == whole[..., start:stop].tobytes()


def test_two_dimensions_stay_two() -> None:
    """A table of embeddings without a batch axis is resampled to one without."""
    values, adaptation = embeddings((4, 4), 0), PositionGrid((4, 4), (6, 6), 0)
    flat = resample_positions(values[0], adaptation)
    assert adaptation.shape((16, 6)) == flat.shape == (36, 6)
    assert flat.tobytes() == resample_positions(values, adaptation).tobytes()


@pytest.mark.parametrize("shape", [(1, 16, 8), (2, 17, 8), (17,), (1, 1, 17, 8), (1, 4, 4, 8)])
def test_refuses_what_is_no_such_grid(shape: tuple[int, ...]) -> None:
    """Other numbers of tokens, batches and axes are refused with what is accepted."""
    with pytest.raises(InvalidShapeError, match=r"accepted: \(1, 17, width\) or \(17, width\)"):
        PositionGrid((4, 4), (6, 6), 1).shape(shape)


def test_refuses_a_side_beyond_the_bound() -> None:
    """A grid whose weights could not be exact is refused."""
    with pytest.raises(InvalidArgumentError, match="grid 4097 is too large"):
        PositionGrid((4, 4), (4, 4097), 1)
