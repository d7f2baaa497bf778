"""Lists of entity tags."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.conditions import parse_etags

OPAQUE = st.text(alphabet=st.characters(codec="latin-1", min_codepoint=0x23, max_codepoint=0x7E))


@given(tags=st.lists(st.tuples(OPAQUE, st.booleans()), max_size=5))
def test_lists_are_read_back(tags: list[tuple[str, bool]]) -> None:
    """Commas within tags are part of them."""
    text = ", ".join(f'{"W/" if weak else ""}"{opaque}"' for opaque, weak in tags)
    assert parse_etags([text]) == [(f'"{opaque}"', weak) for opaque, weak in tags]


@pytest.mark.parametrize("text", ["abc", '"a" "b"', 'w/"a"', '"a', '"a"b', "*, *"])
def test_what_is_no_list_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert parse_etags([text]) is None


@given(text=st.text(max_size=30))
def test_any_text_ends(text: Any) -> None:
    """The parser always moves on."""
    parse_etags([text])
