"""Fans: torch's for a shape, and by meaning for axes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightbank.errors import InvalidShapeError
from weightbank.fans import Axes, Fans, shape_fans

shapes = st.lists(st.integers(1, 2000), min_size=2, max_size=5)


@given(shapes)
def test_fans_of_a_shape_are_torchs(shape: list[int]) -> None:
    """Both fans, of any number of dimensions."""
    meta = torch.empty(shape, device="meta")
    fans = shape_fans(shape)
    theirs = torch.nn.init._calculate_fan_in_and_fan_out(meta)
    assert (fans.fan_in, fans.fan_out) == theirs


@given(shapes)
def test_plain_axes_are_a_shapes(shape: list[int]) -> None:
    """Without groups, torch's order of axes means what it says."""
    assert Axes().fans(shape) == shape_fans(shape)


@pytest.mark.parametrize(
    ("axes", "shape", "fans"),
    [
        (Axes(groups=4), (8, 3, 3, 3), Fans(27, 18)),
        (Axes(groups=8), (8, 1, 5), Fans(5, 5)),
        (Axes(output=1, input=0), (64, 512, 3, 3), Fans(576, 4608)),
        # A transposed convolution (in, out / groups, k) of four groups.
        (Axes(output=1, input=0, groups=4), (8, 3, 2), Fans(4, 6)),
    ],
)
def test_fans_by_meaning(axes: Axes, shape: tuple[int, ...], fans: Fans) -> None:
    """Inputs that one output sums, and outputs that one input reaches."""
    assert axes.fans(shape) == fans


@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_vector_has_none(shape: tuple[int, ...]) -> None:
    """Fewer than two dimensions are refused."""
    with pytest.raises(InvalidShapeError, match="has no fans; accepted: two or more dimensions"):
        shape_fans(shape)


def test_groups_have_to_divide_a_part() -> None:
    """A part of a grouped axis has whole groups."""
    with pytest.raises(InvalidShapeError, match=r"w \[6, 2\] has 6 on axis 0, not divisible by"):
        Axes(groups=4).fans((6, 2), argument="w")
