"""The spec as it comes in: the library speaks, whatever is wrong."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.examples import MLP, RESIDUAL_BLOCK
from schemas.problems import Problem
from schemas.specs import SpecIn
from weightbank.errors import InvalidSpecError
from weightbank.limits import Limits
from weightbank.spec import Spec


@pytest.mark.parametrize("document", [MLP, RESIDUAL_BLOCK, {**MLP, "rules": None}])
def test_a_spec_means_what_the_library_says(document: dict[str, Any]) -> None:
    """Passing through the wire model changes nothing."""
    limits = Limits()
    assert SpecIn.from_document(document, limits=limits).to_spec(limits=limits) == (
        Spec.from_document(document, limits=limits)
    )


@pytest.mark.parametrize("document", [None, [], "x", 3, {"layers": [], "x": 1}, {1: 2}])
def test_mistakes_are_told_in_the_library_s_words(document: Any) -> None:
    """Never in pydantic's."""
    with pytest.raises(InvalidSpecError) as from_the_wire:
        SpecIn.from_document(document, limits=Limits()).to_spec(limits=Limits())
    with pytest.raises(InvalidSpecError) as from_the_library:
        Spec.from_document(document, limits=Limits())
    assert str(from_the_wire.value) == str(from_the_library.value)


def test_models_of_the_wire_are_frozen_and_closed() -> None:
    """A key that nobody reads is an error."""
    fields = {"type": "t", "title": "t", "status": 1, "detail": "d", "instance": "/", "code": "c"}
    problem = Problem(**fields)
    with pytest.raises(ValidationError, match="frozen"):
        problem.code = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="extra"):
        Problem(**fields, more=1)
