"""Names that a state dict and a header can hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.errors import InvalidNameError
from weightbank.names import check_name


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=100))
def test_text_is_a_name(name: str) -> None:
    """Everything that is text and no control character is taken as it is."""
    assert check_name(name, argument="x", limit_bytes=512) == name


@pytest.mark.parametrize("name", ["", "__metadata__", "a\tb", "\x1b", "\x9f", "\udfff", "x" * 9])
def test_refused(name: str) -> None:
    """The bound is in bytes, and said."""
    with pytest.raises(InvalidNameError, match="accepted: 1 to 8 bytes of UTF-8"):
        check_name(name, argument="x", limit_bytes=8)


def test_the_bound_is_inclusive() -> None:
    """A name of exactly the limit is a name."""
    assert check_name("é" * 4, argument="x", limit_bytes=8)
