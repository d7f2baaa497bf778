"""From a spec to a resolved spec: layers, rules and preset become one form a tensor.

A layer's own initializer beats the rules, the rules beat the preset; the first
matching rule wins. Buffers have their one right value, or a checkpoint's, and are seen
by nothing else. Resolving draws nothing: it is apart from generating, and a pure function.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from weightbank.assignment import Assignment
from weightbank.checkpoint_index import CheckpointIndex
from weightbank.decisions import Choice, Decision, decide, group_choices
from weightbank.declared import Declared, declare
from weightbank.errors import InvalidArgumentError, LimitExceededError
from weightbank.findings import Caution, Weight, check_constant_weights, find_warnings
from weightbank.forms import ConstantForm, Form, SplitForm, TieForm
from weightbank.initializers import Target
from weightbank.layers import ParameterDeclaration
from weightbank.limits import Limits
from weightbank.resolved import ResolvedSpec, ResolvedTensor, check_representable, check_whole
from weightbank.spec import CONSTANT_WEIGHTS, Spec
from weightbank.stored import Checkpoints
from weightbank.ties import follow_ties


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


def resolve(
    spec: Spec, *, limits: Limits | None = None, checkpoints: Checkpoints | None = None
) -> Resolution:
    """Decide every tensor of a spec.

    Args:
        spec: As its author wrote it.
        limits: Bounds; the defaults if left out.
        checkpoints: What ``spec.checkpoints()`` names, each one found.

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
    declared = declare(spec, limits)
    index = CheckpointIndex(checkpoints)
    for name in spec.checkpoints():
        index.checkpoint(name, argument="repo")
    decisions = decide(spec, declared, limits, index)
    tensors = follow_ties(_resolve_all(declared, decisions, limits, index))
    for tensor in tensors.values():
        _check_tensor(tensor, limits)
    _check_file(tensors.values(), limits)
    weights = list(_weights(spec, declared, tensors, decisions))
    if CONSTANT_WEIGHTS not in spec.allow:
        check_constant_weights(weights)
    ordered = tuple(tensors[name] for name in sorted(tensors))
    return Resolution(ResolvedSpec(ordered), find_warnings(weights), group_choices(decisions))


def _resolve_all(
    declared: Sequence[Declared],
    decisions: Mapping[str, Decision],
    limits: Limits,
    checkpoints: CheckpointIndex,
) -> dict[str, ResolvedTensor]:
    """Resolve every tensor, as long as their parts stay within the bound on tensors."""
    tensors: dict[str, ResolvedTensor] = {}
    parts = 0
    for item in declared:
        tensor = _resolved_tensor(item, decisions[item.name].assignment, limits, checkpoints)
        tensors[item.name] = tensor
        parts += len(tensor.form.parts) if isinstance(tensor.form, SplitForm) else 1
        if parts > limits.tensors:
            raise LimitExceededError(
                "layers",
                parts,
                f"are more tensors and parts of splits than a file may have, at {item.name!r}",
                f"{limits.tensors} or fewer",
            )
    return tensors


def _resolved_tensor(
    item: Declared,
    assignment: Assignment | None,
    limits: Limits,
    checkpoints: CheckpointIndex,
) -> ResolvedTensor:
    declaration, shape = item.declaration, item.declaration.shape
    form: Form
    if isinstance(declaration, ParameterDeclaration):
        assert assignment is not None
        target = Target(item.name, shape, declaration.axes, limits.split_parts, checkpoints)
        form = _padded(assignment, declaration, item.name).form(target, limits=limits)
    elif assignment is not None:
        target = Target(item.name, shape, None, checkpoints=checkpoints)
        form = assignment.form(target, limits=limits)
    else:
        form = ConstantForm(declaration.value)
    return ResolvedTensor(item.name, shape, item.dtype, item.dtype_fixed, form)


def _padded(assignment: Assignment, declaration: ParameterDeclaration, name: str) -> Assignment:
    """Return an assignment with the padding row of its layer."""
    row = declaration.padding_idx
    if row is None or assignment.initializer.is_copy:
        return assignment
    given = assignment.padding_idx
    if given not in (None, row, row - declaration.shape[0]):
        problem = f"differs from the layer's padding_idx {row}"
        raise InvalidArgumentError(f"{name}: padding_idx", given, problem, "one of the two")
    return replace(assignment, padding_idx=row)


def _check_tensor(tensor: ResolvedTensor, limits: Limits) -> None:
    check_representable(tensor)
    check_whole(tensor, limits)


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
    spec: Spec,
    declared: Sequence[Declared],
    tensors: Mapping[str, ResolvedTensor],
    decisions: Mapping[str, Decision],
) -> Iterable[Weight]:
    """Return every parameter with what is known of it, for findings."""
    last = next(
        (item.entry for item in reversed(declared) if len(item.declaration.shape) > 1),
        spec.layers[-1],
    )
    for item in declared:
        if isinstance(item.declaration, ParameterDeclaration):
            tensor, assignment = tensors[item.name], decisions[item.name].assignment
            if isinstance(tensor.form, TieForm):
                assignment = decisions[tensor.form.to].assignment
                tensor = replace(tensor, form=tensors[tensor.form.to].form)
            yield Weight(
                tensor=tensor,
                declaration=item.declaration,
                nonlinearity=item.entry.nonlinearity,
                slope=item.entry.slope,
                is_last=item.entry is last,
                follows_fans=assignment is not None and assignment.initializer.follows_fans,
            )
