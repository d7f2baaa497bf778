"""Names as paths: what is within what, and what is left of a name."""

from hypothesis import given
from hypothesis import strategies as st

from weightbank.key_names import leading, longest_path, renamed, unwrapped

PATHS = st.lists(st.sampled_from(["a", "b", "module", "0"]), min_size=1, max_size=5).map(".".join)


def test_wrappers_come_off_in_any_order() -> None:
    """Whatever wrapped a model first or last, and however often, its names come out."""
    for wrapped in ("module.fc", "_orig_mod.module.fc", "module._orig_mod.module.fc", "fc"):
        assert unwrapped(wrapped) == "fc"
    assert unwrapped("submodule.fc") == "submodule.fc"
    assert unwrapped("a.module.fc") == "a.module.fc"


@given(PATHS, st.lists(PATHS, max_size=4))
def test_the_longest_path_counts(name: str, paths: list[str]) -> None:
    """Of all paths that a name is or is within, the longest one is found."""
    segments = name.split(".")
    within = [path for path in paths if segments[: len(path.split("."))] == path.split(".")]
    assert longest_path(name, dict.fromkeys(paths)) == max(within, key=len, default=None)


@given(PATHS, PATHS)
def test_renaming_changes_the_path_alone(module: str, tensor: str) -> None:
    """What follows a renamed module stays; renamed to nothing, the module goes."""
    assert renamed(f"{module}.{tensor}", {module: "new.path"}) == f"new.path.{tensor}"
    assert renamed(f"{module}.{tensor}", {module: ""}) == tensor
    assert renamed(module, {module: "new"}) == "new"
    assert renamed(f"{module}x", {module: "new"}) is None


def test_a_path_may_end_with_a_dot() -> None:
    """A module path and the beginning of its names are the same prefix."""
    assert leading("a.b") == leading("a.b.") == "a.b."
