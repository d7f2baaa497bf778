"""Rules: ordered pairs of a regular expression and an initializer; the first match wins.

Patterns are RE2's, and the work of matching all of them is bounded before any of it is done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weightbank.assignment import Assignment, parse_assignment
from weightbank.errors import (
    InvalidArgumentError,
    LimitExceededError,
    UnusedRuleError,
)
from weightbank.limits import Limits
from weightbank.patterns import Pattern, parse_pattern

LAYER = "layer"
"""What decides a tensor that no rule is asked about: its layer."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        where: Its path in the spec, ``rules[0]``.
        compiled: Its pattern.
        assignment: What the tensors it decides get.
    """

    where: str
    compiled: Pattern
    assignment: Assignment

    @property
    def pattern(self) -> str:
        """Its pattern as written."""
        return self.compiled.text

    def matches(self, name: str) -> bool:
        """Return whether the rule is about a tensor."""
        return self.compiled.matches(name)


def parse_rules(document: Any, *, limits: Limits) -> tuple[Rule, ...]:
    """Read the rules of a spec.

    Raises:
        InvalidArgumentError: If they are not a list of pairs.
        InvalidPatternError: If RE2 does not take a pattern.
        LimitExceededError: If there are too many, or one is too long.

    Examples:
        >>> rules = parse_rules([[".*[.]bias", "zeros"]], limits=Limits())
        >>> rules[0].matches("fc.bias"), rules[0].matches("fc.weight")
        (True, False)
    """
    if not isinstance(document, list):
        accepted = "a list of [pattern, initializer]"
        raise InvalidArgumentError("rules", document, "is not a list", accepted)
    if len(document) > limits.rules:
        raise LimitExceededError("rules", len(document), "are too many", f"{limits.rules} or fewer")
    return tuple(_parse_rule(pair, f"rules[{at}]", limits) for at, pair in enumerate(document))


def _parse_rule(pair: Any, where: str, limits: Limits) -> Rule:
    pair_length = 2
    if not isinstance(pair, list) or len(pair) != pair_length or not isinstance(pair[0], str):
        raise InvalidArgumentError(where, pair, "is not a rule", "[pattern, initializer]")
    compiled = parse_pattern(pair[0], argument=f"{where} pattern", limits=limits)
    return Rule(where, compiled, parse_assignment(pair[1], where=where))


def check_matching_work(
    rules: Sequence[Rule], names: Sequence[Sequence[str]], *, limits: Limits
) -> None:
    """Refuse rules and names whose matching could take too long together.

    Args:
        rules: Of the spec, in order.
        names: What each of them is matched with.
        limits: Bounds.

    Raises:
        LimitExceededError: If the bound on the work is beyond the limit.
    """
    # Most rules see the same list: its size is counted once.
    name_bytes = {id(seen): sum(len(name.encode("utf-8")) for name in seen) for seen in names}
    steps = sum(
        rule.compiled.steps(names=len(seen), name_bytes=name_bytes[id(seen)])
        for rule, seen in zip(rules, names, strict=True)
    )
    if steps > limits.matching_steps:
        raise LimitExceededError(
            "rules",
            steps,
            "is the bound on steps to match all patterns with all names, too many",
            f"{limits.matching_steps} or fewer: fewer or simpler patterns, or fewer tensors",
        )


def check_rules_used(
    rules: Sequence[Rule], origins: Mapping[str, str], names: Sequence[str]
) -> None:
    """Refuse the first rule that decides nothing.

    Args:
        rules: Of the spec, in order.
        origins: By the name of a tensor that has been decided: the path of the rule
            that did it, or ``LAYER``.
        names: Of the parameters that rules see.

    Raises:
        UnusedRuleError: If there is one.
    """
    deciding = set(origins.values())
    for rule in rules:
        if rule.where not in deciding:
            problem = _unused(rule, rules, origins, names)
            raise UnusedRuleError(f"{rule.where} pattern", rule.pattern, problem)


def _unused(
    rule: Rule, rules: Sequence[Rule], origins: Mapping[str, str], names: Sequence[str]
) -> str:
    """Say why a rule decides nothing."""
    matched = [name for name in names if rule.matches(name)]
    if not matched:
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")  # noqa: PLR2004 - a few
        return (
            "decides nothing: it matches the whole name of no parameter; the parameters are "
            f"{shown or 'none'} (buffers are not seen by rules)"
        )
    first = matched[0]
    if origins.get(first) == LAYER:
        return f"decides nothing: {first!r} has an initializer of its own"
    earlier = rules[: rules.index(rule)]
    decider = next((other for other in earlier if other.where == origins.get(first)), None)
    if decider is None:
        return f"decides nothing: its checkpoint has no tensor for {first!r}"
    return f"decides nothing: {decider.where} {decider.pattern!r} already decides {first!r}"
