"""Which tensors stay, and what they are called: each wish matches something, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model_shapes import RESNET, checkpoint_of
from weightbank.errors import (
    DuplicateNameError,
    InvalidArgumentError,
    InvalidNameError,
    InvalidPatternError,
    LimitExceededError,
    WeightbankError,
)
from weightbank.fitting import Wishes, fit
from weightbank.limits import Limits


def names(wishes: Wishes, *given_names: str) -> list[str]:
    """Return the names of a fitted checkpoint, of a ResNet or of tensors of these names."""
    shapes = dict.fromkeys(given_names, (2,)) or RESNET
    return [tensor.name for tensor in fit(checkpoint_of(shapes), wishes).tensors]


def refusal(wishes: Wishes, *given_names: str) -> WeightbankError:
    """Return what a fitted checkpoint is refused with."""
    with pytest.raises(WeightbankError) as caught:
        names(wishes, *given_names)
    return caught.value


def test_no_wish_changes_nothing() -> None:
    """All tensors stay with their names, in the order of the alphabet."""
    assert names(Wishes()) == sorted(RESNET)


def test_include_and_exclude() -> None:
    """Tensors stay that the one matches and the other does not."""
    assert names(Wishes(include="(layer|fc).*", exclude=r".*\.bias|layer1\..*")) == [
        "fc.weight",
        "layer2.0.conv1.weight",
    ]


def test_patterns_see_the_checkpoints_own_names() -> None:
    """They see cleaned names, and those before stripping, renaming and adding."""
    wishes = Wishes(
        clean=True,
        include="backbone[.].*",
        strip_prefix="backbone",
        rename=(("fc", "head"),),
        add_prefix="model",
    )
    stored = ("module.backbone.fc.weight", "module.backbone.conv.weight", "module.neck.weight")
    assert names(wishes, *stored) == ["model.conv.weight", "model.head.weight"]


@pytest.mark.parametrize("prefix", ["backbone", "backbone."])
def test_a_prefix_is_whole_segments(prefix: str) -> None:
    """Only what lies within the module loses it; others keep their names."""
    stored = ("backbone.a", "backbone2.b", "head.c", "backbone")
    kept = ["a", "backbone", "backbone2.b", "head.c"]
    assert names(Wishes(strip_prefix=prefix), *stored) == kept
    assert names(Wishes(add_prefix=prefix), "a") == ["backbone.a"]


def test_the_longest_old_name_counts() -> None:
    """A module is renamed, and a tensor or a module within it in its own way."""
    renaming = (("fc", "head"), ("fc.1.weight", "last.weight"), ("fc.1", "other"))
    stored = ("fc.0.weight", "fc.1.weight", "fc.1.bias", "fc1.weight")
    assert names(Wishes(rename=renaming), *stored) == [
        "fc1.weight",
        "head.0.weight",
        "last.weight",
        "other.bias",
    ]


def test_names_can_be_swapped() -> None:
    """All names change at once, not one after another."""
    assert names(Wishes(rename=(("a", "b"), ("b", "a"))), "a.weight", "b.bias") == [
        "a.bias",
        "b.weight",
    ]


def test_clean_names_need_no_cleaning() -> None:
    """To ask for clean names of a checkpoint that has them is no mistake."""
    assert names(Wishes(clean=True), "fc.weight") == ["fc.weight"]
    assert names(Wishes(clean=True), "module._orig_mod.fc.weight") == ["fc.weight"]
    assert names(Wishes(), "module.fc.weight") == ["module.fc.weight"]


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (
            Wishes(include="layers.*"),
            "include 'layers.*' matches the whole name of no tensor; accepted: conv1.weight, ",
        ),
        (Wishes(exclude="fc"), "exclude 'fc' matches the whole name of no tensor"),
        (Wishes(exclude=".*"), "exclude '.*' leaves no tensor"),
        (Wishes(include="fc.*", exclude="fc.*"), "exclude 'fc.*' leaves no tensor"),
        (
            Wishes(strip_prefix="layer"),
            "strip_prefix 'layer' is what no name begins with, as a whole module path; accepted: ",
        ),
        (
            Wishes(rename=(("layer3", "x"),)),
            "rename 'layer3' is no module or tensor; accepted: layer2 (did you mean this?)",
        ),
        (Wishes(rename=(("laye", "x"),)), "rename 'laye' is no module or tensor"),
        (Wishes(rename=(("", "x"),)), "rename '' is no module or tensor"),
        (
            Wishes(rename=(("fc", "x"), ("fc.weight", "y"), ("fc.bias", "z"))),
            "rename 'fc' renames nothing: longer names",
        ),
        (Wishes(rename=(("fc", "x"), ("fc", "y"))), "rename 'fc' is renamed twice"),
    ],
)
def test_refuses_what_matches_nothing(wishes: Wishes, message: str) -> None:
    """The message names the wish, and what would have matched."""
    error = refusal(wishes)
    assert isinstance(error, InvalidArgumentError)
    assert str(error).startswith(message)


def test_refuses_to_make_two_names_one() -> None:
    """Whichever step did it, both names are told."""
    for wishes, stored in (
        (Wishes(clean=True), ("module.a", "a")),
        (Wishes(strip_prefix="m"), ("m.a", "a")),
        (Wishes(rename=(("b", "a"),)), ("b", "a")),
    ):
        error = refusal(wishes, *stored)
        assert isinstance(error, DuplicateNameError)
        assert f"would be the name of both '{stored[0]}' and 'a'" in str(error)


def test_refuses_names_that_no_state_dict_holds() -> None:
    """New names are held to what any name is."""
    assert isinstance(refusal(Wishes(add_prefix="x" * 510), "fc"), InvalidNameError)
    assert isinstance(refusal(Wishes(add_prefix="a\n"), "fc"), InvalidNameError)
    assert isinstance(refusal(Wishes(rename=(("fc", ""),)), "fc"), InvalidNameError)


def test_patterns_are_bounded() -> None:
    """A pattern that RE2 does not take, or that would take too long, is refused."""
    assert isinstance(refusal(Wishes(include="(")), InvalidPatternError)
    assert isinstance(refusal(Wishes(exclude="x" * 1001)), LimitExceededError)
    with pytest.raises(LimitExceededError, match="include"):
        fit(checkpoint_of(RESNET), Wishes(include=".*"), limits=Limits(matching_steps=100))


NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join)


@given(st.sets(NAMES, min_size=1), NAMES, NAMES, NAMES)
def test_names_change_or_are_refused(stored: set[str], prefix: str, old: str, new: str) -> None:
    """Whatever is wished, as many names come out as went in, or it is refused."""
    wishes = Wishes(strip_prefix=prefix, rename=((old, new),), add_prefix="p")
    try:
        found = names(wishes, *stored)
    except (InvalidArgumentError, DuplicateNameError, InvalidNameError):
        return
    assert len(found) == len(stored)
    assert all(name.startswith("p.") for name in found)
