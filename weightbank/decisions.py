"""Who decides what a tensor gets: its layer, the first matching rule, or the preset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weightbank.assignment import Assignment
from weightbank.checkpoint_index import CheckpointIndex
from weightbank.declared import Declared
from weightbank.errors import MissingInitializerError
from weightbank.initializers.checkpoint import FromCheckpoint
from weightbank.initializers.pretrained import Pretrained
from weightbank.initializers.tie import Tie
from weightbank.layers import BufferDeclaration, ParameterDeclaration
from weightbank.limits import Limits
from weightbank.presets import Situation
from weightbank.rules import LAYER, check_matching_work, check_rules_used
from weightbank.spec import Spec


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
        assignment: The initializer, or None for a buffer's one right value.
        origin: As in ``Choice``.
        reason: As in ``Choice``.
        source: As in ``Choice``.
    """

    assignment: Assignment | None
    origin: str
    reason: str
    source: str


def decide(
    spec: Spec, declared: Sequence[Declared], limits: Limits, checkpoints: CheckpointIndex
) -> dict[str, Decision]:
    """Decide every tensor by layer, rules and preset, in this order.

    Args:
        spec: As its author wrote it.
        declared: Its tensors.
        limits: Bounds.
        checkpoints: Those that it names.

    Raises:
        UnusedRuleError: If a rule decides nothing.
        MissingInitializerError: If nothing decides a tensor.
        MissingCheckpointError: If a checkpoint was not given.
        LimitExceededError: If matching the rules could take too long.
    """
    names = [item.name for item in declared if isinstance(item.declaration, ParameterDeclaration)]
    _check_matching_work(spec, declared, names, limits)
    decisions = {item.name: _decide_own(item, spec, checkpoints) for item in declared}
    origins = {name: decision.origin for name, decision in decisions.items() if decision}
    check_rules_used(spec.rules, origins, names)
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


def _check_matching_work(
    spec: Spec, declared: Sequence[Declared], names: Sequence[str], limits: Limits
) -> None:
    """Bound the work of all rules; those that take from checkpoints may see buffers too."""
    takes = [isinstance(rule.assignment.initializer, Pretrained) for rule in spec.rules]
    everything = [item.name for item in declared] if any(takes) else names
    seen = [everything if takes_buffers else names for takes_buffers in takes]
    check_matching_work(spec.rules, seen, limits=limits)


def _decide_own(item: Declared, spec: Spec, checkpoints: CheckpointIndex) -> Decision | None:
    """Return the decision of a layer or a rule, or None where neither makes one."""
    if isinstance(item.declaration, BufferDeclaration):
        return _decide_buffer(item, spec, checkpoints)
    own = item.entry.own.get(item.declaration.suffix)
    if own is not None and _decides(own, item.name, checkpoints):
        return Decision(own, LAYER, "the layer's own init", "")
    for rule in spec.rules:
        if rule.matches(item.name) and _decides(rule.assignment, item.name, checkpoints):
            reason = f"the first rule that matches: {rule.pattern}"
            return Decision(rule.assignment, rule.where, reason, "")
    return None


def _decides(assignment: Assignment, name: str, checkpoints: CheckpointIndex) -> bool:
    """Return whether an initializer keeps a tensor that it is asked for to itself."""
    initializer = assignment.initializer
    if not isinstance(initializer, FromCheckpoint) or initializer.missing == "error":
        return True
    return initializer.find(name, checkpoints) is not None


def _decide_buffer(item: Declared, spec: Spec, checkpoints: CheckpointIndex) -> Decision:
    """Take a buffer from where its layer's parameters come from, if that has it."""
    for rule in spec.rules:
        initializer = rule.assignment.initializer
        if not isinstance(initializer, Pretrained) or not rule.matches(item.name):
            continue
        tensor = initializer.find(item.name, checkpoints)
        if tensor is not None and tensor.shape == item.declaration.shape:
            reason = f"the first rule that matches: {rule.pattern}"
            return Decision(rule.assignment, rule.where, reason, "")
        if initializer.missing == "error":
            break
    reason = "a buffer has its one right value"
    return Decision(None, "buffer", reason, type(item.entry.layer).source)


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
