"""Rules: first match wins, whole names, linear time, and none that decides nothing."""

import re
import time
from fractions import Fraction
from typing import Any

import pytest

from tests.specs import forms, linear, resolved
from weightbank import Limits, Spec, resolve
from weightbank.errors import (
    InvalidPatternError,
    LimitExceededError,
    UnusedRuleError,
    WeightbankError,
)
from weightbank.forms import ConstantForm, NormalForm
from weightbank.rules import parse_rules
from weightbank.scale import Scale

BN = {"name": "bn", "type": "BatchNorm1d", "num_features": 2}


def small(std: float) -> dict[str, Any]:
    """Return a normal."""
    return {"type": "normal", "std": std}


def test_the_first_match_wins() -> None:
    """Later rules see what earlier ones leave."""
    rules = [[r"fc\.weight", small(0.5)], [r".*\.weight", small(2)]]
    made = forms(linear(), linear("other"), rules=rules)
    assert made["fc.weight"] == NormalForm(0.0, Scale(Fraction(1, 4)))
    assert made["other.weight"] == NormalForm(0.0, Scale(Fraction(4)))


def test_a_layers_own_initializer_beats_the_rules() -> None:
    """What a layer says of itself is decided."""
    made = forms(linear(init=small(0.5)), linear("other"), rules=[[r".*\.weight", small(2)]])
    assert made["fc.weight"] == NormalForm(0.0, Scale(Fraction(1, 4)))


def test_the_rules_beat_the_preset() -> None:
    """A rule decides what no layer does."""
    rules = [[r".*\.bias", {"type": "constant", "val": 3}]]
    assert forms(linear(), rules=rules)["fc.bias"] == ConstantForm(3.0)


@pytest.mark.parametrize("pattern", ["fc", "weight", r"c\.weight", r"fc\.weigh"])
def test_a_pattern_has_to_match_the_whole_name(pattern: str) -> None:
    """A part of a name is no match."""
    with pytest.raises(UnusedRuleError):
        forms(linear(), rules=[[pattern, "zeros"]])


def test_buffers_are_not_seen() -> None:
    """A rule for everything leaves running statistics as they are."""
    made = forms(BN, linear(), rules=[[".*", small(1)]])
    assert made["bn.running_var"] == ConstantForm(1.0)
    assert made["bn.num_batches_tracked"] == ConstantForm(0.0)
    assert made["bn.weight"] == NormalForm(0.0, Scale(Fraction(1)))


NOTHING = (
    "rules[0] pattern 'fc2.weight' decides nothing: it matches the whole name of no parameter;"
)
ALREADY = r"rules[1] pattern 'fc\\.weight' decides nothing: rules[0] '.*\\.weight' already decides"
UNUSED: list[tuple[list[Any], list[Any], str]] = [
    (
        [linear()],
        [["fc2.weight", "zeros"]],
        f"{NOTHING} the parameters are fc.weight, fc.bias (buffers are not seen by rules)",
    ),
    (
        [BN, linear()],
        [["bn.running_mean", "zeros"]],
        "the parameters are bn.weight, bn.bias, fc.weight, fc.bias (buffers",
    ),
    (
        [linear(f"l{at}") for at in range(5)],
        [["x", "zeros"]],
        "the parameters are l0.weight, l0.bias, l1.weight, l1.bias, l2.weight, ... (buffers",
    ),
    (
        [linear()],
        [[r".*\.weight", small(1)], [r"fc\.weight", small(2)], ["fc.bias", "zeros"]],
        f"{ALREADY} 'fc.weight'",
    ),
    (
        [linear(init=small(1))],
        [[r".*\.weight", small(2)]],
        "decides nothing: 'fc.weight' has an initializer of its own",
    ),
]


@pytest.mark.parametrize(("layers", "rules", "message"), UNUSED, ids=lambda item: repr(item)[:50])
def test_a_rule_that_decides_nothing(layers: list[Any], rules: list[Any], message: str) -> None:
    """It is refused, and the message says why it decides nothing."""
    with pytest.raises(UnusedRuleError, match=re.escape(message)):
        forms(*layers, rules=rules)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(", "is not a regular expression: missing ): ("),
        ("[a", "is not a regular expression: missing ]: [a"),
        ("*", "is not a regular expression: no argument for repetition operator: *"),
        ("(?=a)b", "is not a regular expression: invalid perl operator: (?="),
        (r"(a)\1", "is not a regular expression: invalid escape sequence"),
        ("a{2000}", "is not a regular expression: invalid repetition size"),
        ("((a{100}){100}){100}", "is not a regular expression"),
        ("\ud800", "is not Unicode text; accepted: a pattern without lone surrogates"),
    ],
)
def test_refused_patterns(pattern: str, problem: str) -> None:
    """What RE2 does not take is refused with its reason, and with what RE2 takes."""
    with pytest.raises(InvalidPatternError, match=re.escape(problem)) as caught:
        parse_rules([[pattern, "zeros"]], limits=Limits())
    str(caught.value).encode("utf-8")


def test_a_pattern_of_great_length() -> None:
    """A pattern beyond the limit is not compiled."""
    with pytest.raises(LimitExceededError, match="has 1001 characters; accepted: 1000 or fewer"):
        parse_rules([["a" * 1001, "zeros"]], limits=Limits())


def test_too_many_rules() -> None:
    """The number of rules is bounded."""
    with pytest.raises(LimitExceededError, match="rules 3 are too many; accepted: 2 or fewer"):
        parse_rules([[".*", "zeros"]] * 3, limits=Limits(rules=2))


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", "(a*)*b", "(.*a){12}b", "(a|a?)+b"])
def test_catastrophic_patterns_take_linear_time(pattern: str) -> None:
    """A pattern that would backtrack for ages is answered at once, on the longest name.

    With backtracking, (a+)+b takes 2**500 steps here.
    """
    layers = [linear("a" * 500)]
    started = time.perf_counter()
    with pytest.raises(UnusedRuleError):
        resolved(*layers, rules=[[pattern, "zeros"]])
    assert time.perf_counter() - started < 5


def test_the_work_of_all_rules_on_all_names_is_bounded() -> None:
    """Many rules and many names are refused before any matching."""
    layers = [linear(f"block.{at}.linear") for at in range(5000)]
    rules = [[rf"(a+)+{at}", "zeros"] for at in range(1000)]
    spec = Spec.from_document({"layers": layers, "rules": rules})
    started = time.perf_counter()
    with pytest.raises(LimitExceededError, match="is the bound on steps to match all patterns"):
        resolve(spec)
    assert time.perf_counter() - started < 5


def test_short_patterns_cost_their_calls() -> None:
    """Each pair of a rule and a name counts, however small the program is."""
    spec = Spec.from_document({"layers": [linear()], "rules": [[".*", "zeros"]]})
    with pytest.raises(LimitExceededError, match="fewer or simpler patterns, or fewer tensors"):
        resolve(spec, limits=Limits(matching_steps=999))
    assert resolve(spec, limits=Limits(matching_steps=3000))


def test_patterns_see_unicode_names() -> None:
    """Patterns and names are both UTF-8."""
    made = forms(linear("é"), rules=[[r"\p{L}\.weight", small(1)]])
    assert made["é.weight"] == NormalForm(0.0, Scale(Fraction(1)))


def test_a_rule_may_tie() -> None:
    """A rule that ties its own target is refused by its tensor."""
    tie = {"type": "tie", "to": "fc.weight"}
    assert forms(linear(), linear("head"), rules=[[r"head\.weight", tie]])["head.weight"]
    with pytest.raises(WeightbankError, match=r"fc\.weight: tie to 'fc\.weight' is the tensor its"):
        forms(linear(), linear("head"), rules=[[r".*\.weight", tie]])
