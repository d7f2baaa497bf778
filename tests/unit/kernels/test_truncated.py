"""The clamp of truncated normals, at its borders."""

import numpy as np
import pytest

from weightbank.kernels.truncated import clamp_tile

MINUS_ZERO = -0.0


def clamped(values: list[float], low: float, high: float) -> list[str]:
    """Return clamped values, written out so that the sign of a zero shows."""
    tile = np.array(values, np.float32)
    clamp_tile(tile, np.float32(low), np.float32(high))
    return [str(value) for value in tile]


def test_values_beyond_the_borders() -> None:
    """What lies outside is put on the border, and the rest is kept."""
    kept = clamped([-3, -1, 0.5, 2, 3], -1, 2)
    assert kept == ["-1.0", "-1.0", "0.5", "2.0", "2.0"]


def test_without_borders() -> None:
    """Infinite borders keep every value."""
    assert clamped([-3e38, MINUS_ZERO, 3e38], -np.inf, np.inf) == ["-3e+38", "-0.0", "3e+38"]


@pytest.mark.parametrize("value", [0.0, MINUS_ZERO])
@pytest.mark.parametrize("border", [0.0, MINUS_ZERO])
@pytest.mark.parametrize("count", [1, 64])
def test_zero_on_a_border_takes_its_sign(value: float, border: float, count: int) -> None:
    """A zero that equals a border of zero becomes that border, in vectors and alone."""
    assert set(clamped([value] * count, border, 1)) == {str(border)}
    assert set(clamped([value] * count, -1, border)) == {str(border)}
