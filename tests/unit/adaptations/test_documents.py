"""Adaptations as JSON values, and between processes."""

import pickle
from collections.abc import Callable

import pytest

from weightbank.adaptations import (
    Adaptation,
    InputChannels,
    PositionGrid,
    Selection,
    adaptation_from_document,
)
from weightbank.errors import InvalidArgumentError

ALL = [
    InputChannels(1),
    PositionGrid((14, 14), (7, 9), 1),
    Selection((2, 3), "uniform"),
    Selection((), "first", 1),
    Selection((6,), "first", 3),
]


@pytest.mark.parametrize("adaptation", ALL)
def test_document_is_read_back(adaptation: Adaptation) -> None:
    """What an adaptation writes is read as an equal one."""
    assert adaptation_from_document(adaptation.document()) == adaptation


@pytest.mark.parametrize("adaptation", ALL)
def test_travels_between_processes(adaptation: Adaptation) -> None:
    """An adaptation can be pickled, hashed, and holds nothing but its fields."""
    copy = pickle.loads(pickle.dumps(adaptation))
    assert copy == adaptation
    assert hash(copy) == hash(adaptation)
    assert not hasattr(adaptation, "__dict__")


def test_documents_are_pinned() -> None:
    """The documents enter the ids of resolved specs, and never change."""
    assert [adaptation.document() for adaptation in ALL[:3]] == [
        {"type": "input_channels", "channels": 1},
        {"type": "position_grid", "source_grid": [14, 14], "grid": [7, 9], "prefix_tokens": 1},
        {"type": "selection", "shape": [2, 3], "rule": "uniform", "parts": 1},
    ]


@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("channels", lambda: InputChannels(0)),
        ("grid", lambda: PositionGrid((2, 2), (0, 2), 1)),
        ("source_grid", lambda: PositionGrid((2, 0), (2, 2), 1)),
        ("prefix_tokens", lambda: PositionGrid((2, 2), (2, 2), -1)),
        ("shape", lambda: Selection((0,), "first")),
        ("parts", lambda: Selection((2,), "first", 0)),
        ("rule", lambda: Selection((2,), "last")),  # type: ignore[arg-type]
    ],
)
def test_refuses_what_cannot_be(argument: str, make: Callable[[], Adaptation]) -> None:
    """Sizes below one, negative counts and unknown rules are refused by name."""
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    assert caught.value.argument == argument
