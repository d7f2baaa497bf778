"""Images of other numbers of channels: which convolution is adapted, and how."""

import pytest

from tests.model_shapes import RESNET, Shapes, checkpoint_of
from weightbank.adaptations import InputChannels
from weightbank.errors import (
    InvalidArgumentError,
    InvalidShapeError,
    LimitExceededError,
    UnknownTensorError,
)
from weightbank.fitting import ModelDescription, Wishes, fit
from weightbank.forms import PretrainedForm

GREY = Wishes(in_channels=1)
TWO_STEMS: Shapes = {
    "stem.a.weight": (8, 3, 3, 3),
    "stem.b.weight": (8, 3, 1, 1),
    "conv.weight": (8, 8, 3, 3),
}


def adapted(
    shapes: Shapes, wishes: Wishes, description: ModelDescription | None = None
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors that are adapted, and check how they are."""
    found = {}
    for tensor in fit(checkpoint_of(shapes), wishes, description=description).tensors:
        assert isinstance(tensor.form, PretrainedForm)
        assert wishes.in_channels is not None
        if tensor.form.adaptation is not None:
            assert tensor.form.adaptation == InputChannels(wishes.in_channels)
            found[tensor.name] = tensor.shape
    return found


@pytest.mark.parametrize("channels", [1, 2, 4, 12])
def test_the_first_convolution_is_adapted(channels: int) -> None:
    """The one convolution over three channels takes others; nothing else changes."""
    found = adapted(RESNET, Wishes(in_channels=channels))
    assert found == {"conv1.weight": (8, channels, 7, 7)}


def test_the_number_that_is_there_changes_nothing() -> None:
    """A convolution of as many channels stays as it is, whatever that number."""
    assert adapted(RESNET, Wishes(in_channels=3)) == {}
    five = ModelDescription(first_convs=("c",), in_channels=5)
    assert adapted({"c.weight": (8, 5, 3, 3)}, Wishes(in_channels=5), five) == {}
    grey = ModelDescription(first_convs=("c",), in_channels=1)
    assert adapted({"c.weight": (8, 1, 3, 3)}, Wishes(in_channels=1), grey) == {}


def test_the_configuration_names_convolutions() -> None:
    """All first convolutions that a configuration names, and are there, are adapted."""
    both = ModelDescription(first_convs=("stem.a", "stem.b", "missing"))
    assert adapted(TWO_STEMS, GREY, both) == {
        "stem.a.weight": (8, 1, 3, 3),
        "stem.b.weight": (8, 1, 1, 1),
    }


def test_a_wish_names_the_convolution() -> None:
    """The one that is wished for counts, whatever the configuration says."""
    wishes = Wishes(in_channels=1, first_conv="stem.b")
    description = ModelDescription(first_convs=("stem.a",))
    assert adapted(TWO_STEMS, wishes, description) == {"stem.b.weight": (8, 1, 1, 1)}


def test_a_stem_that_takes_space_to_depth() -> None:
    """Three channels are what it takes already; one sums each three of its groups."""
    shapes: Shapes = {"stem.weight": (8, 48, 3, 3)}
    description = ModelDescription(first_convs=("stem",), in_channels=3)
    assert adapted(shapes, Wishes(in_channels=3), description) == {}
    assert adapted(shapes, GREY, description) == {"stem.weight": (8, 16, 3, 3)}
    with pytest.raises(InvalidShapeError, match=r"^stem\.weight: shape .* 48 input channels"):
        adapted(shapes, Wishes(in_channels=4), description)


@pytest.mark.parametrize(
    ("shapes", "found"),
    [(TWO_STEMS, "2 take 3 channels; accepted: stem.a, stem.b, conv"), ({"a": (3,)}, "0 take")],
)
def test_refuses_to_guess(shapes: Shapes, found: str) -> None:
    """Where it is unclear which convolution is the first, the parameter to give is named."""
    with pytest.raises(InvalidArgumentError, match=f"^first_conv is needed: .*{found}"):
        adapted(shapes, GREY)


def test_refuses_what_is_not_there() -> None:
    """A module without a weight is refused, and others suggested."""
    with pytest.raises(UnknownTensorError, match=r"^first_conv 'conv' .* conv1 \(did you mean"):
        adapted(RESNET, Wishes(in_channels=1, first_conv="conv"))


def test_refuses_what_no_rule_is_for() -> None:
    """Linear layers, and models of other images, are refused."""
    with pytest.raises(InvalidShapeError, match=r"^fc\.weight: shape .* has no kernel"):
        adapted(RESNET, Wishes(in_channels=1, first_conv="fc"))
    six = ModelDescription(first_convs=("c",), in_channels=6)
    with pytest.raises(InvalidArgumentError, match=r"^in_channels 1 cannot be made of 6"):
        adapted({"c.weight": (8, 6, 3, 3)}, GREY, six)
    with pytest.raises(LimitExceededError, match=r"^conv1\.weight"):
        adapted(RESNET, Wishes(in_channels=10**9))
    with pytest.raises(InvalidArgumentError, match="first_conv 'conv1' decides nothing alone"):
        fit(checkpoint_of(RESNET), Wishes(first_conv="conv1"))
