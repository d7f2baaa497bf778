"""Names of a checkpoint's tensors, and what wrappers put before them."""

import pytest
import torch

from tests.stored import NAME, memory
from weightbank.checkpoint_index import CheckpointIndex
from weightbank.errors import InvalidArgumentError, MissingCheckpointError


def found(names: list[str], wanted: str, *, clean: bool = True) -> str | None:
    """Return the name of what is found in a checkpoint of some names."""
    index = CheckpointIndex(memory({name: torch.zeros(1) for name in names}).checkpoints)
    tensor = index.find(NAME, wanted, clean=clean, argument="p")
    return None if tensor is None else tensor.name


@pytest.mark.parametrize(
    "name",
    [
        "fc.weight",
        "module.fc.weight",
        "_orig_mod.fc.weight",
        "_orig_mod.module._orig_mod.fc.weight",
    ],
)
def test_wrappers_are_looked_past(name: str) -> None:
    """However often they were put around each other, and on both sides."""
    assert found([name], "fc.weight") == name
    assert found([name], "module.fc.weight") == name
    assert found([name], "c.weight") is None


def test_only_whole_segments_at_the_front_are() -> None:
    """A module may be called like one."""
    assert found(["modules.fc", "fc.module.weight"], "fc") is None
    assert found(["fc.module.weight"], "fc.weight") is None


def test_names_count_as_they_are_where_asked_for() -> None:
    """``clean: false`` looks past nothing."""
    assert found(["module.fc.weight"], "fc.weight", clean=False) is None
    assert found(["module.fc.weight"], "module.fc.weight", clean=False) == "module.fc.weight"
    both = ["module.fc.weight", "fc.weight"]
    assert found(both, "fc.weight", clean=False) == "fc.weight"


def test_two_of_one_name_are_refused() -> None:
    """Nobody can tell which one was meant."""
    with pytest.raises(InvalidArgumentError) as caught:
        found(["module.fc.weight", "fc.weight"], "fc.weight")
    assert str(caught.value) == (
        "p: clean cannot tell 'module.fc.weight' and 'fc.weight' of owner/model apart, which are "
        "'fc.weight' both; accepted: clean: false"
    )
    assert found(["module.fc.weight", "fc.weight", "fc.bias"], "fc.bias") == "fc.bias"


def test_a_checkpoint_that_was_not_given_is_refused() -> None:
    """The library alone finds none."""
    with pytest.raises(MissingCheckpointError, match=r"^p: repo 'owner/model' is a checkpoint"):
        CheckpointIndex().find(NAME, "fc.weight", clean=True, argument="p")
