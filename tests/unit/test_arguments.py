"""Arguments: kinds, bounds and exactness, declared once."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.arguments import (
    Exact,
    Renaming,
    argument,
    describe_arguments,
    exact_number,
    given_arguments,
    parse_arguments,
)
from weightbank.errors import InvalidArgumentError, UnknownKeyError


@dataclass(frozen=True)
class Everything:
    """One argument of each kind."""

    size: int = argument(description="A count.", minimum=1, maximum=9)
    scale: Exact = argument(1.0, minimum=0)
    shift: float | None = argument(None)
    positive: float = argument(1.0, exclusive_minimum=0)
    flag: bool = argument(default=False)
    mode: Literal["in", "out"] = argument("in")
    sizes: int | tuple[int, ...] = argument(1, minimum=1)
    label: str = argument("")
    anything: Any = argument(None)
    renamed: Renaming = argument(())
    pair: tuple[int, ...] | None = argument(None, length=2)


def parse(**arguments: Any) -> Everything:
    """Parse some arguments."""
    return parse_arguments(Everything, {"size": 1, **arguments}, where="x")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"size": 3}, {"size": 3}),
        ({"size": 3.0}, {"size": 3}),
        ({"scale": 2}, {"scale": 2.0}),
        ({"scale": Fraction(1, 3)}, {"scale": Fraction(1, 3)}),
        ({"shift": None}, {"shift": None}),
        ({"sizes": [1, 2.0]}, {"sizes": (1, 2)}),
        ({"sizes": (3,)}, {"sizes": (3,)}),
        ({"anything": {"a": [1]}}, {"anything": {"a": [1]}}),
        ({"renamed": {}}, {"renamed": ()}),
        ({"renamed": {"b": "c", "a": "b"}}, {"renamed": (("b", "c"), ("a", "b"))}),
        ({"pair": [3, 4]}, {"pair": (3, 4)}),
        ({"pair": None}, {"pair": None}),
    ],
    ids=str,
)
def test_accepted(arguments: dict[str, Any], expected: dict[str, Any]) -> None:
    """A value becomes what its kind has."""
    parsed = parse(**arguments)
    for name, value in expected.items():
        assert getattr(parsed, name) == value
        assert type(getattr(parsed, name)) is type(value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "x.size 0 is too small; accepted: 1 or more"),
        ({"size": 10}, "x.size 10 is too large; accepted: 9 or less"),
        ({"size": "3"}, "x.size '3' is not an integer; accepted: an integer"),
        ({"size": None}, "x.size None is not an integer"),
        ({"size": True}, "x.size True is not an integer"),
        ({"size": 1.5}, "x.size 1.5 is not an integer"),
        ({"scale": -1}, "x.scale -1.0 is too small; accepted: 0 or more"),
        ({"scale": math.nan}, "x.scale nan is not finite; accepted: a finite number"),
        ({"shift": "x"}, "x.shift 'x' is not a finite number or null"),
        ({"positive": 0}, "x.positive 0.0 is too small; accepted: more than 0"),
        ({"flag": 1}, "x.flag 1 is not true or false"),
        ({"mode": "up"}, "x.mode 'up' is not 'in' or 'out'"),
        ({"mode": ["in"]}, r"x.mode \['in'\] is not 'in' or 'out'"),
        ({"sizes": [1, "2"]}, r"x.sizes\[1\] '2' is not an integer"),
        ({"sizes": [1, 0]}, r"x.sizes \[1, 0\] is too small"),
        ({"label": 3}, "x.label 3 is not a string"),
        ({"anything": math.inf}, "x.anything inf is not finite"),
    ],
    ids=str,
)
def test_refused(arguments: dict[str, Any], message: str) -> None:
    """The message names the argument, the value and what is accepted."""
    with pytest.raises(InvalidArgumentError, match=message):
        parse(**arguments)


def test_a_missing_argument() -> None:
    """What has no default has to be given."""
    with pytest.raises(InvalidArgumentError, match=r"x\.size is missing; Everything needs it"):
        parse_arguments(Everything, {}, where="x")


def test_a_misspelt_argument() -> None:
    """The likely argument comes first."""
    with pytest.raises(UnknownKeyError, match=r"x\.sizee 1 .* accepted: size \(did you mean this"):
        parse(sizee=1)


@given(st.integers(-(2**200), 2**200))
def test_an_integer_is_taken_exactly_or_not_at_all(value: int) -> None:
    """No integer is changed in silence."""
    try:
        number = exact_number(value, "x")
    except InvalidArgumentError:
        assert Fraction(float(value)) != value
    else:
        assert number == value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pair": [1]}, r"x.pair \[1\] has 1 items; accepted: a list of 2"),
        ({"pair": [1, 2, 3]}, r"x.pair \[1, 2, 3\] has 3 items; accepted: a list of 2"),
        ({"renamed": [["a", "b"]]}, r"x.renamed \[\['a', 'b'\]\] is not a mapping of names"),
        ({"renamed": {"a": None}}, "x.renamed.a None is not a name for another name"),
    ],
)
def test_lists_of_a_length_and_mappings(arguments: dict[str, Any], message: str) -> None:
    """Others are refused, with the place in them."""
    with pytest.raises(InvalidArgumentError, match=message):
        parse(**arguments)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_is_taken_as_it_is(value: float) -> None:
    """Every finite double is a number; -0.0 is 0.0, as canonical JSON has it."""
    number = float(exact_number(value, "x"))
    assert number == value
    assert math.copysign(1, number) == 1 or value != 0


def test_only_given_arguments_are_shown() -> None:
    """Defaults are left out, and values are JSON's."""
    shown = given_arguments(
        parse(sizes=[1, 2], scale=Fraction(1, 3), flag=False, renamed={"a": "b"})
    )
    assert shown == {"size": 1, "sizes": [1, 2], "scale": "1/3", "renamed": {"a": "b"}}


def test_descriptions() -> None:
    """A catalogue says kind, default and description."""
    rows = {row["name"]: row for row in describe_arguments(Everything)}
    assert rows["size"] == {
        "name": "size",
        "kind": "an integer",
        "required": True,
        "default": None,
        "description": "A count.",
    }
    assert rows["sizes"]["kind"] == "an integer or a list of integers"
    assert rows["shift"]["kind"] == "a finite number or null"
    assert rows["renamed"]["kind"] == "a mapping of names to names"
    assert rows["renamed"]["default"] == {}
    assert (rows["mode"]["kind"], rows["mode"]["default"]) == ("'in' or 'out'", "in")
