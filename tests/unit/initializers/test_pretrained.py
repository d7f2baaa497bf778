"""pretrained, slice_of and moments_of: what of a checkpoint fits a tensor, and how."""

from typing import Any

import pytest
import torch

from tests.specs import parameter
from tests.stored import memory
from weightbank import Limits, Spec, resolve
from weightbank.adaptations import Adaptation, InputChannels, PositionGrid, Selection
from weightbank.errors import (
    InvalidShapeError,
    LimitExceededError,
    UnrepresentableError,
    WeightbankError,
)
from weightbank.forms import Form, MomentsForm, PretrainedForm


def form(
    shape: tuple[int, ...],
    stored: tuple[int, ...],
    initializer: str = "pretrained",
    dtype: torch.dtype = torch.float32,
    **arguments: Any,
) -> Form:
    """Return the form of a bare Parameter that has a stored tensor's name."""
    init = {"type": initializer, "repo": "owner/model", **arguments}
    spec = Spec.from_document({"layers": [parameter(list(shape), init)]})
    checkpoints = memory({"p": torch.zeros(stored, dtype=dtype)}).checkpoints
    return resolve(spec, checkpoints=checkpoints).resolved.tensors[0].form


def adaptation(*arguments: Any, **more: Any) -> Adaptation | None:
    """Return how it is fitted."""
    found = form(*arguments, **more)
    assert isinstance(found, PretrainedForm)
    assert found.tensor.name == "p"
    return found.adaptation


def test_equal_shapes_are_not_fitted() -> None:
    """Whatever would be allowed."""
    arguments = {"input_channels": "adapt", "positions": "resample"}
    for shape in [(), (3,), (4, 3), (1, 5, 4), (8, 3, 7, 7)]:
        assert adaptation(shape, shape, **arguments) is None
        assert adaptation(shape, shape, initializer="slice_of") is None


@pytest.mark.parametrize(
    ("shape", "stored", "channels"),
    [
        ((8, 1, 7, 7), (8, 3, 7, 7), 1),
        ((8, 5, 7, 7), (8, 3, 7, 7), 5),
        ((8, 4, 3), (8, 3, 3), 4),
        ((8, 2, 3, 3, 3), (8, 3, 3, 3, 3), 2),
        ((8, 1, 7, 7), (8, 2, 7, 7), 1),
        ((8, 4, 7, 7), (8, 12, 7, 7), 1),
    ],
)
def test_input_channels(shape: tuple[int, ...], stored: tuple[int, ...], channels: int) -> None:
    """Of the image; a stem of space to depth has some for each."""
    fitted = adaptation(shape, stored, input_channels="adapt")
    assert fitted == InputChannels(channels)


@pytest.mark.parametrize(
    ("shape", "stored", "arguments", "grid"),
    [
        ((1, 577, 8), (1, 197, 8), {}, PositionGrid((14, 14), (24, 24), 1)),
        ((577, 8), (197, 8), {}, PositionGrid((14, 14), (24, 24), 1)),
        ((1, 9, 8), (1, 4, 8), {"prefix_tokens": 0}, PositionGrid((2, 2), (3, 3), 0)),
        ((1, 7, 8), (1, 5, 8), {"grid": [2, 3]}, PositionGrid((2, 2), (2, 3), 1)),
        ((1, 5, 8), (1, 7, 8), {"source_grid": [3, 2]}, PositionGrid((3, 2), (2, 2), 1)),
        (
            (1, 7, 8),
            (1, 7, 8),
            {"source_grid": [3, 2], "grid": [2, 3]},
            PositionGrid((3, 2), (2, 3), 1),
        ),
    ],
)
def test_positions(
    shape: tuple[int, ...],
    stored: tuple[int, ...],
    arguments: dict[str, Any],
    grid: PositionGrid,
) -> None:
    """Square grids, unless they are given."""
    assert adaptation(shape, stored, positions="resample", **arguments) == grid


def test_a_rule_for_everything_resamples_only_positions() -> None:
    """What differs in more than its tokens is refused, and what is equal is copied."""
    arguments = {"positions": "resample", "grid": [2, 3], "source_grid": [2, 2]}
    assert adaptation((10, 8), (10, 8), **arguments) is None
    with pytest.raises(InvalidShapeError, match=r"^p \[10, 9\] is not \[10, 8\], the shape of"):
        form((10, 9), (10, 8), **arguments)


@pytest.mark.parametrize(
    ("shape", "stored", "arguments", "message"),
    [
        ((4, 3), (3, 4), {}, r"^p \[4, 3\] is not \[3, 4\], the shape of 'p' in owner/model; "),
        ((4, 3), (4, 3, 1), {"input_channels": "adapt"}, r"is not \[4, 3, 1\]"),
        ((8, 1, 7, 7), (8, 3, 7, 7), {}, "accepted: equal shapes; `input_channels: adapt` for"),
        ((8, 1, 7, 5), (8, 3, 7, 7), {"input_channels": "adapt"}, r"is not \[8, 3, 7, 7\]"),
        ((8, 5, 7, 7), (8, 4, 7, 7), {"input_channels": "adapt"}, "has 4 input channels; accepted"),
        ((4, 3), (4, 2), {"input_channels": "adapt"}, r"is not \[4, 2\]"),
        ((1, 577, 8), (1, 197, 8), {}, "`positions: resample` for position embeddings"),
        ((1, 577, 8), (1, 198, 8), {"positions": "resample"}, "not both are 1 prefix tokens and"),
        ((1, 578, 8), (1, 197, 8), {"positions": "resample"}, "not both are 1 prefix tokens and"),
        (
            (1, 1, 8),
            (1, 197, 8),
            {"positions": "resample"},
            "accepted: `prefix_tokens`, and `grid`",
        ),
        ((2, 577, 8), (2, 197, 8), {"positions": "resample"}, "is not that of 1 tokens and a grid"),
        (
            (1, 577, 8),
            (1, 197, 8),
            {"positions": "resample", "grid": [20, 30]},
            "not both are 1 prefix tokens and a grid",
        ),
    ],
)
def test_other_shapes_are_refused(
    shape: tuple[int, ...], stored: tuple[int, ...], arguments: dict[str, Any], message: str
) -> None:
    """With both shapes and the ways out."""
    with pytest.raises(InvalidShapeError, match=message):
        form(shape, stored, **arguments)


def test_slices() -> None:
    """Evenly spread indices, unless the first ones are asked for."""
    assert adaptation((2, 3), (4, 6), "slice_of") == Selection((2, 3), "uniform")
    assert adaptation((2, 3), (4, 6), "slice_of", selection="first") == Selection((2, 3), "first")
    assert adaptation((4, 3), (8, 6), "slice_of", parts=2) == Selection((4, 3), "uniform", 2)


def test_parts_that_are_taken_whole_are_none() -> None:
    """The same elements have one form, and one id."""
    assert adaptation((8, 3), (8, 6), "slice_of", parts=2) == Selection((8, 3), "uniform")


@pytest.mark.parametrize(
    ("shape", "stored", "arguments"),
    [((5, 3), (4, 3), {}), ((4,), (4, 3), {}), ((4, 3), (9, 3), {"parts": 2})],
)
def test_slices_that_there_are_not_are_refused(
    shape: tuple[int, ...], stored: tuple[int, ...], arguments: dict[str, Any]
) -> None:
    """A larger tensor, one of other dimensions, and parts that do not come out even."""
    with pytest.raises(InvalidShapeError, match=r"^p: 'p' in owner/model: shape "):
        form(shape, stored, "slice_of", **arguments)


def test_slices_of_very_long_axes_are_refused() -> None:
    """The chosen indices are there as a list."""
    spec = Spec.from_document(
        {"layers": [parameter([2**24 + 1], {"type": "slice_of", "repo": "owner/model"})]}
    )
    checkpoints = memory({"p": torch.zeros(2**24 + 2, dtype=torch.bfloat16)}).checkpoints
    with pytest.raises(LimitExceededError, match="has a very long axis"):
        resolve(spec, checkpoints=checkpoints, limits=Limits())


def test_moments_are_of_any_shape() -> None:
    """Only two numbers are taken."""
    found = form((3, 5), (7,), "moments_of", torch.bfloat16)
    assert isinstance(found, MomentsForm)
    assert found.tensor.shape == (7,)


@pytest.mark.parametrize(
    ("stored", "dtype", "message"),
    [
        ((0, 3), torch.float32, "has no elements, and no moments"),
        ((3,), torch.int64, "'int64' is the dtype of 'p' in owner/model, of which no moments"),
        ((3,), torch.float8_e5m2, "'float8_e5m2' is the dtype of"),
    ],
)
def test_moments_that_there_are_not_are_refused(
    stored: tuple[int, ...], dtype: torch.dtype, message: str
) -> None:
    """Of nothing, and of what is no floating number."""
    with pytest.raises(WeightbankError, match=message):
        form((3,), stored, "moments_of", dtype)


@pytest.mark.parametrize(
    "dtype",
    [torch.int64, torch.uint8, torch.bool, torch.uint16, torch.complex64, torch.float8_e5m2],
)
@pytest.mark.parametrize("initializer", ["pretrained", "slice_of"])
def test_dtypes_that_are_not_converted_are_refused(initializer: str, dtype: torch.dtype) -> None:
    """A parameter's dtype is floating: what is stored otherwise needs another meaning first."""
    with pytest.raises(UnrepresentableError, match="and is not converted to float32; accepted"):
        form((3,), (3,), initializer, dtype)
