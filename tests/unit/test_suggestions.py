"""What is said after an unknown name."""

from weightbank.suggestions import accepted_names


def test_the_nearest_comes_first() -> None:
    """A likely name is marked, and the others follow."""
    assert accepted_names("sdt", ["mean", "std"]) == "std (did you mean this?), mean"


def test_nothing_near_is_not_guessed() -> None:
    """All names are listed as they are."""
    assert accepted_names("xyz", ["mean", "std"]) == "mean, std"


def test_what_is_no_string_is_near_nothing() -> None:
    """A number has no likely name."""
    assert accepted_names(3, ["mean", "std"]) == "mean, std"


def test_long_lists_are_cut() -> None:
    """The nearest is there even where the rest is cut."""
    names = [f"name{at}" for at in range(100)]
    text = accepted_names("name 99", names)
    assert text.startswith("name99 (did you mean this?)")
    assert text.endswith("and 75 more")


def test_the_search_is_bounded() -> None:
    """A checkpoint's hundred thousand names are not all compared: that takes seconds."""
    names = [f"layer.{at}" for at in range(1_000)]
    assert "did you mean" not in accepted_names("head.weight", [*names, "head.weights"])
    assert "did you mean" in accepted_names("head.weight", [*names[1:], "head.weights"])
