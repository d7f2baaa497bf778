"""Patterns that callers write: compiled within bounds, or refused."""

import pytest

from weightbank.errors import InvalidPatternError, LimitExceededError
from weightbank.limits import Limits
from weightbank.patterns import check_steps, parse_pattern


def test_matches_whole_names() -> None:
    """A pattern has to match all of a name."""
    pattern = parse_pattern("fc[.].*", argument="include", limits=Limits())
    assert pattern.matches("fc.weight")
    assert not pattern.matches("fc")
    assert not pattern.matches("my.fc.weight")


@pytest.mark.parametrize("text", ["(", "(?=a)", r"(a)\1", "a{1000}{1000}", "\ud800"])
def test_refuses_what_re2_does_not_take(text: str) -> None:
    """Syntax errors, look-around, back-references and huge programs are refused."""
    with pytest.raises(InvalidPatternError, match=r"^include "):
        parse_pattern(text, argument="include", limits=Limits())


def test_bounds_length_and_work() -> None:
    """Long patterns are refused, and small ones with too many names to match."""
    with pytest.raises(LimitExceededError, match=r"include .* has 1001 characters"):
        parse_pattern("a" * 1001, argument="include", limits=Limits())
    pattern = parse_pattern("a.*b", argument="include", limits=Limits())
    check_steps("include", pattern, ["name"] * 10, limits=Limits(matching_steps=10_000))
    with pytest.raises(LimitExceededError, match="bound on steps"):
        check_steps("include", pattern, ["name"] * 100, limits=Limits(matching_steps=10_000))
