"""From a spec to a resolved spec: layers, rules and preset become one form a tensor.

A layer's own initializer beats the rules, the rules beat the preset; the first
matching rule wins. Buffers have their one right value and are seen by neither.
Resolving draws nothing: it is apart from generating, and a pure function.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from weightbank.assignment import Assignment
from weightbank.dtypes import DTYPES, Dtype
from weightbank.errors import (
    DuplicateNameError,
    InvalidArgumentError,
    InvalidTieError,
    LimitExceededError,
    MissingInitializerError,
)
from weightbank.findings import Caution, Weight, check_constant_weights, find_warnings
from weightbank.forms import ConstantForm, Form, TieForm
from weightbank.initializers import Target
from weightbank.initializers.tie import Tie
from weightbank.layers import BufferDeclaration, Declaration, ParameterDeclaration
from weightbank.limits import Limits
from weightbank.names import check_name
from weightbank.presets import Situation
from weightbank.resolved import ResolvedSpec, ResolvedTensor, check_representable
from weightbank.rules import check_matching_work, check_rules_used
from weightbank.spec import CONSTANT_WEIGHTS, LayerEntry, Spec

_FLOAT32_BYTES = 4
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
class Resolution:
    """A resolved spec, and what there is to say about it.

    Attributes:
        resolved: The tensors.
        warnings: What is unwise but served.
        choices: Who decided what, and why.
    """

    resolved: ResolvedSpec
    warnings: tuple[Caution, ...]
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class _Declared:
    """A tensor that a layer has, by its full name."""

    name: str
    entry: LayerEntry
    declaration: Declaration
    dtype: Dtype
    dtype_fixed: bool


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a tensor gets, and who says so."""

    assignment: Assignment | None
    origin: str
    reason: str
    source: str


def resolve(spec: Spec, *, limits: Limits | None = None) -> Resolution:
    """Decide every tensor of a spec.

    Args:
        spec: As its author wrote it.
        limits: Bounds; the defaults if left out.

    Raises:
        InvalidSpecError: If a rule decides nothing, a tensor has no initializer,
            two have one name, or an initializer does not fit its tensor.
        LimitExceededError: If the file would be beyond a limit.

    Examples:
        >>> spec = Spec.from_document({"layers": [
        ...     {"name": "fc", "type": "Linear", "in_features": 8, "out_features": 4,
        ...      "nonlinearity": "relu"}]})
        >>> for tensor in resolve(spec).resolved.tensors:
        ...     print(tensor.name, tensor.form.document())
        fc.bias {'type': 'constant', 'value': 0.0}
        fc.weight {'type': 'normal', 'mean': 0.0, 'std': 0.5}
    """
    limits = limits or Limits()
    declared = _declare(spec, limits)
    decisions = _decide(spec, declared, limits)
    tensors = _follow_ties(
        {
            item.name: _resolved_tensor(item, decisions[item.name].assignment, limits)
            for item in declared
        }
    )
    for tensor in tensors.values():
        _check_tensor(tensor, limits)
    _check_file(tensors.values(), limits)
    weights = list(_weights(spec, declared, tensors))
    if CONSTANT_WEIGHTS not in spec.allow:
        check_constant_weights(weights)
    ordered = tuple(tensors[name] for name in sorted(tensors))
    return Resolution(ResolvedSpec(ordered), find_warnings(weights), _choices(decisions))


def _declare(spec: Spec, limits: Limits) -> list[_Declared]:
    """Name every tensor of every layer."""
    declared: list[_Declared] = []
    for entry in spec.layers:
        for declaration in entry.declarations:
            name = entry.tensor_name(declaration)
            check_name(name, argument=f"{entry.where}: tensor", limit_bytes=limits.name_bytes)
            dtype, fixed = _dtype(spec, entry, declaration)
            declared.append(_Declared(name, entry, declaration, dtype, fixed))
        if len(declared) > limits.tensors:
            problem = "are more tensors than a file may have"
            raise LimitExceededError("layers", len(declared), problem, f"{limits.tensors} or fewer")
    if not declared:
        raise InvalidArgumentError(
            "layers", len(spec.layers), "have no tensors at all", "a layer that has one"
        )
    _check_names(declared)
    return declared


def _check_names(declared: Sequence[_Declared]) -> None:
    counts = Counter(item.name for item in declared)
    for item in declared:
        if counts[item.name] > 1:
            owners = [other.entry.where for other in declared if other.name == item.name]
            raise DuplicateNameError(
                "the tensor",
                item.name,
                f"is declared {len(owners)} times, by {' and '.join(owners[:3])}",
                "names that differ",
            )


def _dtype(spec: Spec, entry: LayerEntry, declaration: Declaration) -> tuple[Dtype, bool]:
    """Return a tensor's dtype, and whether it is fixed."""
    if isinstance(declaration, BufferDeclaration) and declaration.dtype is not None:
        return DTYPES[declaration.dtype], True
    if entry.dtype is not None:
        return entry.dtype, True
    return spec.dtype, False


def _decide(spec: Spec, declared: Sequence[_Declared], limits: Limits) -> dict[str, _Decision]:
    """Decide every tensor by layer, rules and preset, in this order."""
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


def _decide_own(item: _Declared, spec: Spec) -> _Decision | None:
    """Return the decision of a layer or a rule, or None where neither makes one."""
    if isinstance(item.declaration, BufferDeclaration):
        reason = "a buffer has its one right value"
        return _Decision(None, "buffer", reason, type(item.entry.layer).source)
    own = item.entry.own.get(item.declaration.suffix)
    if own is not None:
        return _Decision(own, _LAYER, "the layer's own init", "")
    for rule in spec.rules:
        if rule.matches(item.name):
            reason = f"the first rule that matches: {rule.pattern}"
            return _Decision(rule.assignment, rule.where, reason, "")
    return None


def _decide_by_preset(item: _Declared, spec: Spec, targets: set[str]) -> _Decision:
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
    return _Decision(
        recommendation.assignment,
        f"preset {spec.preset.name}",
        recommendation.reason,
        recommendation.source,
    )


def _resolved_tensor(
    item: _Declared, assignment: Assignment | None, limits: Limits
) -> ResolvedTensor:
    declaration = item.declaration
    if isinstance(declaration, BufferDeclaration):
        form: Form = ConstantForm(declaration.value)
    else:
        assert assignment is not None
        target = Target(item.name, declaration.shape, declaration.axes)
        form = _padded(assignment, declaration, item.name).form(target, limits=limits)
    return ResolvedTensor(item.name, declaration.shape, item.dtype, item.dtype_fixed, form)


def _padded(assignment: Assignment, declaration: ParameterDeclaration, name: str) -> Assignment:
    """Return an assignment with the padding row of its layer."""
    row = declaration.padding_idx
    if row is None or assignment.is_tie:
        return assignment
    given = assignment.padding_idx
    if given not in (None, row, row - declaration.shape[0]):
        problem = f"differs from the layer's padding_idx {row}"
        raise InvalidArgumentError(f"{name}: padding_idx", given, problem, "one of the two")
    return replace(assignment, padding_idx=row)


def _follow_ties(tensors: dict[str, ResolvedTensor]) -> dict[str, ResolvedTensor]:
    """Check ties, and give each its target's dtype: it has its target's bytes."""
    return {name: _tied(tensor, tensors) for name, tensor in tensors.items()}


def _tied(tensor: ResolvedTensor, tensors: dict[str, ResolvedTensor]) -> ResolvedTensor:
    if not isinstance(tensor.form, TieForm):
        return tensor
    to = tensor.form.to
    target = tensors.get(to)
    argument, accepted = f"{tensor.name}: tie to", "the name of another tensor that is not tied"
    if target is None:
        raise InvalidTieError(argument, to, "is no tensor of this spec", accepted)
    if target.name == tensor.name:
        raise InvalidTieError(argument, to, "is the tensor itself", accepted)
    if isinstance(target.form, TieForm):
        raise InvalidTieError(argument, to, "is tied itself, and ties take one step", accepted)
    if target.shape != tensor.shape:
        problem = f"has shape {list(target.shape)}, and {tensor.name!r} has {list(tensor.shape)}"
        raise InvalidTieError(argument, to, problem, "a tensor of the same shape")
    if tensor.dtype_fixed and not target.dtype_fixed:
        problem = f"follows the file's dtype, and {tensor.name!r} fixes {tensor.dtype.name}"
        raise InvalidTieError(argument, to, problem, "a dtype on both layers or on neither")
    if tensor.dtype_fixed and tensor.dtype is not target.dtype:
        problem = f"has dtype {target.dtype.name}, and {tensor.name!r} fixes {tensor.dtype.name}"
        raise InvalidTieError(argument, to, problem, "a tensor of the same dtype")
    return replace(tensor, dtype=target.dtype, dtype_fixed=target.dtype_fixed)


def _check_tensor(tensor: ResolvedTensor, limits: Limits) -> None:
    check_representable(tensor)
    whole_bytes = tensor.elements * _FLOAT32_BYTES
    if tensor.form.is_whole and whole_bytes > limits.whole_tensor_bytes:
        raise LimitExceededError(
            tensor.name,
            whole_bytes,
            f"bytes are too many for {tensor.form.type}, which is made whole",
            f"{limits.whole_tensor_bytes} bytes or fewer",
        )


def _check_file(tensors: Iterable[ResolvedTensor], limits: Limits) -> None:
    total_bytes = 0
    for tensor in tensors:
        total_bytes += tensor.size_bytes
        if total_bytes > limits.file_bytes:
            raise LimitExceededError(
                "layers",
                total_bytes,
                f"bytes and more would be the size of the file, at {tensor.name!r}",
                f"{limits.file_bytes} bytes or fewer",
            )


def _weights(
    spec: Spec, declared: Sequence[_Declared], tensors: dict[str, ResolvedTensor]
) -> Iterable[Weight]:
    """Return every parameter with what is known of it, for findings."""
    last = next(
        (item.entry for item in reversed(declared) if len(item.declaration.shape) > 1),
        spec.layers[-1],
    )
    for item in declared:
        if isinstance(item.declaration, ParameterDeclaration):
            tensor = tensors[item.name]
            if isinstance(tensor.form, TieForm):
                tensor = replace(tensor, form=tensors[tensor.form.to].form)
            entry = item.entry
            yield Weight(tensor, item.declaration, entry.nonlinearity, entry.slope, entry is last)


def _choices(decisions: dict[str, _Decision]) -> tuple[Choice, ...]:
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
