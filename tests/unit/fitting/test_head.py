"""Heads of other numbers of classes: which module it is, and what it gets."""

import pytest

from tests.model_shapes import RESNET, VIT, Shapes, checkpoint_of
from weightbank.errors import (
    InvalidArgumentError,
    InvalidDtypeError,
    InvalidShapeError,
    LimitExceededError,
    UnknownTensorError,
)
from weightbank.fitting import ModelDescription, Wishes, fit
from weightbank.forms import PretrainedForm
from weightbank.limits import Limits
from weightbank.resolve import resolve
from weightbank.resolved import ResolvedTensor
from weightbank.spec import Spec

TEN = Wishes(num_classes=10)
TWO_HEADS: Shapes = {**VIT, "head_dist.weight": (1000, 12), "head_dist.bias": (1000,)}


def drawn(
    shapes: Shapes,
    wishes: Wishes = TEN,
    description: ModelDescription | None = None,
    dtype: str = "float32",
) -> dict[str, ResolvedTensor]:
    """Return the tensors that are not the checkpoint's."""
    resolved = fit(checkpoint_of(shapes, dtype), wishes, description=description)
    return {
        tensor.name: tensor
        for tensor in resolved.tensors
        if not isinstance(tensor.form, PretrainedForm)
    }


def test_is_what_a_spec_with_that_layer_has() -> None:
    """Names, shapes and forms are those of a Linear layer, so that its stream is too."""
    layer = {"name": "top.fc", "type": "Linear", "in_features": 16, "out_features": 10}
    spec = Spec.from_document({"preset": "advised@1", "layers": [layer]})
    expected = {tensor.name: tensor for tensor in resolve(spec).resolved.tensors}
    found = drawn(RESNET, Wishes(num_classes=10, add_prefix="top"))
    assert {name: (t.shape, t.form) for name, t in found.items()} == {
        name: (t.shape, t.form) for name, t in expected.items()
    }


def test_a_head_can_be_a_convolution_of_one_place() -> None:
    """It is what a spec with that convolution has: some heads see the image still."""
    shapes: Shapes = {**RESNET, "fc.weight": (1000, 16, 1, 1)}
    layer = {"name": "fc", "type": "Conv2d", "in_channels": 16, "out_channels": 10}
    spec = Spec.from_document({"layers": [{**layer, "kernel_size": 1}]})
    expected = {tensor.name: tensor for tensor in resolve(spec).resolved.tensors}
    found = drawn(shapes, Wishes(num_classes=10, head="fc"))
    assert {name: (t.shape, t.form) for name, t in found.items()} == {
        name: (t.shape, t.form) for name, t in expected.items()
    }


def test_the_number_that_is_there_changes_nothing() -> None:
    """A head of as many classes stays the checkpoint's."""
    wishes = Wishes(num_classes=1000)
    assert drawn(RESNET, wishes) == {}
    checkpoint = checkpoint_of(RESNET)
    assert fit(checkpoint, wishes).id == fit(checkpoint, Wishes()).id


def test_a_head_without_bias_gets_none() -> None:
    """No tensor is added that the checkpoint's head does not have."""
    shapes = {name: shape for name, shape in RESNET.items() if name != "fc.bias"}
    assert list(drawn(shapes)) == ["fc.weight"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_the_dtype_is_that_of_the_stored_head(dtype: str) -> None:
    """Unless one is wished for, a new head has the dtype of the one left out."""
    assert {tensor.dtype.name for tensor in drawn(RESNET, dtype=dtype).values()} == {dtype}
    wished = drawn(RESNET, Wishes(num_classes=10, dtype="float32"), dtype=dtype)
    assert {tensor.dtype.name for tensor in wished.values()} == {"float32"}


def test_the_configuration_names_heads() -> None:
    """All heads that a configuration names, and are there, are drawn; no others."""
    both = ModelDescription(classifiers=("head", "head_dist", "missing"), num_classes=1000)
    assert set(drawn(TWO_HEADS, TEN, both)) == {
        "head.weight",
        "head.bias",
        "head_dist.weight",
        "head_dist.bias",
    }
    assert set(drawn(TWO_HEADS, TEN, ModelDescription(classifiers=("head_dist",)))) == {
        "head_dist.weight",
        "head_dist.bias",
    }


def test_a_wish_names_the_head() -> None:
    """A head that is wished for counts, whatever the configuration says."""
    wishes = Wishes(num_classes=10, head="head_dist")
    found = drawn(TWO_HEADS, wishes, ModelDescription(classifiers=("head",)))
    assert set(found) == {"head_dist.weight", "head_dist.bias"}


@pytest.mark.parametrize("path", ["fc", "head", "classifier", "classifier.1", "head.fc", "score"])
def test_conventional_names_are_known(path: str) -> None:
    """Without a configuration, one module with a head's usual name is the head."""
    assert set(drawn({"a.weight": (4, 4), f"{path}.weight": (1000, 4)})) == {f"{path}.weight"}


def test_a_head_has_as_many_rows_as_there_are_labels() -> None:
    """A language model's head classifies only where its rows are labels."""
    shapes: Shapes = {"lm_head.weight": (50, 4), "score.weight": (2, 4)}
    assert set(drawn(shapes, TEN, ModelDescription(num_classes=2))) == {"score.weight"}
    assert set(drawn(shapes, TEN, ModelDescription(num_classes=50))) == {"lm_head.weight"}
    assert set(drawn(shapes)) == {"score.weight"}


@pytest.mark.parametrize(
    ("shapes", "description", "problem"),
    [
        ({"a.weight": (4, 4)}, None, "none is called as such modules are; accepted: a"),
        ({"fc.weight": (9, 4), "head.weight": (9, 4)}, None, "fc and head may; accepted: head, fc"),
        ({"fc.weight": (9, 4)}, ModelDescription(num_classes=8), "none is called"),
        ({"fc.weight": (9, 4, 1, 1)}, None, "none is called"),
    ],
)
def test_refuses_to_guess(
    shapes: Shapes, description: ModelDescription | None, problem: str
) -> None:
    """Where it is unclear which module is the head, the parameter to give is named."""
    with pytest.raises(InvalidArgumentError, match=f"^head is needed: .*{problem}"):
        drawn(shapes, TEN, description)


def test_refuses_a_head_that_is_not_there() -> None:
    """A module without a weight, or one that is excluded, is no head; others are suggested."""
    with pytest.raises(UnknownTensorError, match=r"^head 'fcc' .* fc \(did you mean this\?\)"):
        drawn(RESNET, Wishes(num_classes=10, head="fcc"))
    with pytest.raises(UnknownTensorError, match=r"^head 'fc'"):
        drawn(RESNET, Wishes(num_classes=10, head="fc", exclude="fc[.].*"))


def test_refuses_what_is_no_linear_layer() -> None:
    """A convolution, or a bias that does not go with its weight, is no head."""
    with pytest.raises(InvalidShapeError, match=r"^conv1\.weight: shape"):
        drawn(RESNET, Wishes(num_classes=10, head="conv1"))
    with pytest.raises(InvalidShapeError, match=r"^fc\.bias: shape \[9\]"):
        drawn({"fc.weight": (8, 4), "fc.bias": (9,)})
    with pytest.raises(InvalidShapeError, match=r"^fc\.weight: shape"):
        drawn({"fc.weight": (8, 0)})


def test_refuses_rows_that_the_configuration_does_not_explain() -> None:
    """A head with a row for the background is neither kept nor thrown away silently."""
    shapes, thousand = {"fc.weight": (1001, 4)}, Wishes(num_classes=1000)
    description = ModelDescription(classifiers=("fc",), num_classes=1000)
    with pytest.raises(InvalidArgumentError, match=r"fc\.weight has 1001 rows"):
        drawn(shapes, thousand, description)
    assert set(drawn(shapes, TEN, description)) == {"fc.weight"}
    assert drawn(shapes, Wishes(num_classes=1001), description) == {}


def test_refuses_a_dtype_in_which_nothing_is_drawn() -> None:
    """A head stored in float8 can be drawn only in another dtype."""
    with pytest.raises(InvalidDtypeError, match=r"accepted: `dtype`"):
        drawn({"fc.weight": (8, 4)}, dtype="float8_e4m3fn")


def test_head_alone_decides_nothing() -> None:
    """A head without a number of classes is refused: one of them was forgotten."""
    with pytest.raises(InvalidArgumentError, match="head 'fc' decides nothing alone"):
        drawn(RESNET, Wishes(head="fc"))


def test_bounds() -> None:
    """A head beyond the limits is refused before anything is made."""
    with pytest.raises(LimitExceededError):
        fit(checkpoint_of(RESNET), TEN, limits=Limits(file_bytes=100))
