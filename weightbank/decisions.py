"""Who decides what a tensor gets: its layer, the first matching rule, or the preset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weightbank.assignment import Assignment
from weightbank.declared import Declared
from weightbank.errors import MissingInitializerError
from weightbank.initializers.tie import Tie
from weightbank.layers import BufferDeclaration, ParameterDeclaration
from weightbank.limits import Limits
from weightbank.presets import Situation
from weightbank.rules import check_matching_work, check_rules_used
from weightbank.spec import Spec

_LAYER = "layer"


@dataclass(frozen=True, slots=True)
class Choice:
    """Who decided what some tensors get, and why.

    Attributes:
        origin: ``layer``, ``rules[0]``, ``preset advised@1`` or ``buffer``.
        initializer: As one would write it.
        reason: In a sentence.
        source: Where that is known from; empty for the author's own choices.
        tensors: Names of the tensors it was made for.
    """

    origin: str
    initializer: dict[str, Any]
    reason: str
    source: str
    tensors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a tensor gets, and who says so.

    Attributes:
        assignment: The initializer, or None for a buffer.
        origin: As in ``Choice``.
        reason: As in ``Choice``.
        source: As in ``Choice``.
    """

    assignment: Assignment | None
    origin: str
    reason: str
    source: str


def decide(spec: Spec, declared: Sequence[Declared], limits: Limits) -> dict[str, Decision]:
    """Decide every tensor by layer, rules and preset, in this order.

    Args:
        spec: As its author wrote it.
        declared: Its tensors.
        limits: Bounds.

    Raises:
        UnusedRuleError: If a rule decides nothing.
        MissingInitializerError: If nothing decides a tensor.
        LimitExceededError: If matching the rules could take too long.
    """
    parameters = [item for item in declared if isinstance(item.declaration, ParameterDeclaration)]
    names = [item.name for item in parameters]
    check_matching_work(spec.rules, names, limits=limits)
    decisions = {item.name: _decide_own(item, spec) for item in declared}
    origins = {name: decision.origin for name, decision in decisions.items() if decision}
    overridden = [name for name in names if origins.get(name) == _LAYER]
    deciding = set(origins.values())
    check_rules_used(spec.rules, deciding, names, overridden=overridden)
    assignments = (decision.assignment for decision in decisions.values() if decision is not None)
    targets = {
        assignment.initializer.to
        for assignment in assignments
        if assignment is not None and isinstance(assignment.initializer, Tie)
    }
    return {
        item.name: decisions[item.name] or _decide_by_preset(item, spec, targets)
        for item in declared
    }


def _decide_own(item: Declared, spec: Spec) -> Decision | None:
    """Return the decision of a layer or a rule, or None where neither makes one."""
    if isinstance(item.declaration, BufferDeclaration):
        reason = "a buffer has its one right value"
        return Decision(None, "buffer", reason, type(item.entry.layer).source)
    own = item.entry.own.get(item.declaration.suffix)
    if own is not None:
        return Decision(own, _LAYER, "the layer's own init", "")
    for rule in spec.rules:
        if rule.matches(item.name):
            reason = f"the first rule that matches: {rule.pattern}"
            return Decision(rule.assignment, rule.where, reason, "")
    return None


def _decide_by_preset(item: Declared, spec: Spec, targets: set[str]) -> Decision:
    assert isinstance(item.declaration, ParameterDeclaration)
    situation = Situation(
        parameter=item.declaration,
        nonlinearity=item.entry.nonlinearity,
        slope=item.entry.slope,
        is_tie_target=item.name in targets,
    )
    recommendation = spec.preset.recommend(situation)
    if recommendation is None:
        raise MissingInitializerError(
            item.name,
            item.declaration.shape,
            f"is a bare {item.entry.layer.name}, for which the preset {spec.preset.name} has no "
            "default, and no rule matches it",
            "an init of its own, or a rule whose pattern matches its whole name",
        )
    return Decision(
        recommendation.assignment,
        f"preset {spec.preset.name}",
        recommendation.reason,
        recommendation.source,
    )


def group_choices(decisions: Mapping[str, Decision]) -> tuple[Choice, ...]:
    """Group tensors by who decided what for them, and why."""
    groups: dict[tuple[str, str, str, str], tuple[dict[str, Any], list[str]]] = {}
    for name, decision in decisions.items():
        document = {} if decision.assignment is None else decision.assignment.document()
        key = (decision.origin, repr(document), decision.reason, decision.source)
        groups.setdefault(key, (document, []))[1].append(name)
    return tuple(
        Choice(origin, document, reason, source, tuple(names))
        for (origin, _, reason, source), (document, names) in groups.items()
    )
