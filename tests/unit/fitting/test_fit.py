"""Whole checkpoints: dtypes, bounds, and what comes out together."""

import pytest

from tests.model_shapes import RESNET, VIT, checkpoint_of
from tests.stored import COMMIT, NAME, stored_tensor
from weightbank.errors import InvalidDtypeError, LimitExceededError, UnrepresentableError
from weightbank.fitting import Wishes, fit
from weightbank.forms import PretrainedForm
from weightbank.layout import Layout
from weightbank.limits import Limits
from weightbank.resolved import ResolvedSpec
from weightbank.stored import Checkpoint

MIXED = Checkpoint(
    NAME,
    COMMIT,
    {
        "a": stored_tensor("a", (2, 3), "bfloat16"),
        "b": stored_tensor("b", (4,), "float64"),
        "count": stored_tensor("count", (), "int64"),
        "mask": stored_tensor("mask", (0, 4), "bool"),
        "spectrum": stored_tensor("spectrum", (2,), "complex64"),
    },
)


def dtypes(resolved: ResolvedSpec) -> dict[str, str]:
    """Return the names of all dtypes, by tensor."""
    assert all(tensor.dtype_fixed for tensor in resolved.tensors)
    return {tensor.name: tensor.dtype.name for tensor in resolved.tensors}


def test_each_tensor_keeps_its_dtype() -> None:
    """Without a wish nothing is converted, and empty tensors are there too."""
    resolved = fit(MIXED, Wishes())
    assert dtypes(resolved) == {name: tensor.dtype.name for name, tensor in MIXED.tensors.items()}
    for tensor in resolved.tensors:
        assert tensor.form == PretrainedForm(MIXED.tensors[tensor.name], None)
        assert tensor.shape == MIXED.tensors[tensor.name].shape


def test_floating_tensors_are_converted() -> None:
    """What is wished for floating tensors leaves integers, booleans and complex ones alone."""
    assert dtypes(fit(MIXED, Wishes(dtype="float16"))) == {
        "a": "float16",
        "b": "float16",
        "count": "int64",
        "mask": "bool",
        "spectrum": "complex64",
    }


def test_refuses_dtypes_that_are_none() -> None:
    """Weights are converted to floating dtypes only, and float8 to none."""
    with pytest.raises(InvalidDtypeError):
        fit(MIXED, Wishes(dtype="int8"))
    quantised = checkpoint_of({"fc.weight": (4, 4)}, "float8_e4m3fn")
    with pytest.raises(UnrepresentableError, match=r"^fc\.weight 'float8_e4m3fn'"):
        fit(quantised, Wishes(dtype="float32"))
    assert dtypes(fit(quantised, Wishes())) == {"fc.weight": "float8_e4m3fn"}


def test_refuses_to_fit_what_is_not_computed() -> None:
    """Integers and float8 are copied, and never summed or resampled."""
    for dtype in ("int8", "float8_e5m2"):
        with pytest.raises(UnrepresentableError, match=r"^conv1\.weight"):
            fit(checkpoint_of(RESNET, dtype), Wishes(in_channels=1))


def test_equal_bytes_have_equal_ids() -> None:
    """A wish that the checkpoint fulfils already makes no other spec of it."""
    plain = fit(checkpoint_of(VIT), Wishes())
    fulfilled = Wishes(dtype="float32", num_classes=1000, in_channels=3, grid=(14, 14), clean=True)
    assert fit(checkpoint_of(VIT), fulfilled).id == plain.id
    assert fit(checkpoint_of(VIT), Wishes(num_classes=10)).id != plain.id


def test_is_read_back_and_laid_out() -> None:
    """What comes out is a resolved spec as any other: its JSON is read back, and makes a file."""
    wishes = Wishes(num_classes=10, in_channels=1, grid=(7, 7), dtype="bfloat16")
    resolved = fit(checkpoint_of(VIT), wishes)
    assert ResolvedSpec.from_json(resolved.canonical_json()) == resolved
    layout = Layout.of(resolved)
    assert layout.elements == 12 + 50 * 12 + 12 * 256 + 12 + 10 * 12 + 10


def test_too_many_tensors_are_refused() -> None:
    """The bound on tensors counts those that stay."""
    with pytest.raises(LimitExceededError, match="the checkpoint 8 tensors are too many"):
        fit(checkpoint_of(RESNET), Wishes(), limits=Limits(tensors=7))
    few = fit(checkpoint_of(RESNET), Wishes(include="fc.*"), limits=Limits(tensors=7))
    assert len(few.tensors) == 2
