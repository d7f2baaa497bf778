"""A spec as its author wrote it, read and checked, before anything is resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weightbank.arguments import argument, parse_arguments
from weightbank.assignment import Assignment, parse_assignment
from weightbank.dtypes import DTYPES, Dtype, floating_dtype
from weightbank.errors import (
    NO_VALUE,
    InvalidArgumentError,
    InvalidDtypeError,
    InvalidNameError,
    InvalidSpecError,
    LimitExceededError,
    UnknownKeyError,
    UnknownTypeError,
)
from weightbank.initializers.checkpoint import FromCheckpoint
from weightbank.layers import BufferDeclaration, Declaration, Layer, registered
from weightbank.limits import Limits
from weightbank.names import check_name
from weightbank.nonlinearities import DEFAULT_SLOPE, Nonlinearity, find_nonlinearity
from weightbank.numbers.streams import check_seed
from weightbank.presets import DEFAULT, PRESETS, Preset
from weightbank.rules import Rule, parse_rules
from weightbank.stored import CheckpointName
from weightbank.suggestions import accepted_names

CONSTANT_WEIGHTS = "constant_weights"
"""What ``allow`` can list: weights that are all equal and not zero."""

_KEYS = ("seed", "dtype", "preset", "layers", "rules", "allow")
_LAYER_KEYS = ("name", "type", "init", "nonlinearity", "dtype")


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One layer of a spec.

    Attributes:
        where: Its path in the spec, with its name.
        name: Its module path; its tensors' names begin with it.
        layer: Its kind, with arguments.
        declarations: The tensors it has.
        nonlinearity: That follows it, or None.
        slope: Negative slope of that.
        own: Initializers of its own, by the suffix of a tensor's name.
        dtype: That its floating tensors have whatever the spec's, or None.
    """

    where: str
    name: str
    layer: Layer
    declarations: tuple[Declaration, ...]
    nonlinearity: Nonlinearity | None
    slope: float
    own: Mapping[str, Assignment]
    dtype: Dtype | None

    def tensor_name(self, declaration: Declaration) -> str:
        """Return the name that one of its tensors has in the state dict."""
        return ".".join(part for part in (self.name, declaration.suffix) if part)


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec as written.

    Attributes:
        seed: Suggested by the spec, or None.
        dtype: Of every floating tensor that does not fix its own.
        preset: What an unruled tensor gets.
        layers: In state-dict order.
        rules: In the order in which they are tried.
        allow: Refusals that the author lifted.
    """

    seed: int | None
    dtype: Dtype
    preset: Preset
    layers: tuple[LayerEntry, ...]
    rules: tuple[Rule, ...]
    allow: frozenset[str]

    @classmethod
    def from_document(cls, document: Any, *, limits: Limits | None = None) -> "Spec":
        """Read a spec from plain values, as JSON or YAML gives them.

        Args:
            document: A mapping with ``layers`` and what else docs/spec.md names.
            limits: Bounds; the defaults if left out.

        Raises:
            InvalidSpecError: If it cannot be what its author meant; the message
                names the argument, the value and what is accepted.
            InvalidSeedError: If the seed is out of range.
            InvalidDtypeError: If the dtype is unknown.
            LimitExceededError: If it is beyond a limit.

        Examples:
            >>> spec = Spec.from_document({"layers": [
            ...     {"name": "fc", "type": "Linear", "in_features": 2, "out_features": 3}]})
            >>> spec.dtype.name, spec.preset.name
            ('float32', 'advised@1')
        """
        limits = limits or Limits()
        if not isinstance(document, Mapping):
            raise InvalidSpecError("the spec", document, "is not a mapping", ", ".join(_KEYS))
        for key, value in document.items():
            if key not in _KEYS:
                accepted = accepted_names(key, _KEYS)
                raise UnknownKeyError(str(key), value, "is not a key of a spec", accepted)
        # A key with nothing behind it, as YAML allows, is a key left out.
        given = {key: value for key, value in document.items() if value is not None}
        return cls(
            seed=check_seed(given["seed"]) if "seed" in given else None,
            dtype=floating_dtype(given.get("dtype", "float32")),
            preset=PRESETS.find(given.get("preset", DEFAULT)),
            layers=_parse_layers(given.get("layers"), limits),
            rules=parse_rules(given.get("rules", []), limits=limits),
            allow=_parse_allow(given.get("allow", [])),
        )

    def checkpoints(self) -> tuple[CheckpointName, ...]:
        """Return the checkpoints that have to be found before it can be resolved, each once.

        Examples:
            >>> Spec.from_document({
            ...     "layers": [{"name": "fc", "type": "Linear", "in_features": 2,
            ...                 "out_features": 3}],
            ...     "rules": [["fc[.].*", {"type": "pretrained", "repo": "timm/resnet50.a1_in1k"}]],
            ... }).checkpoints()
            (CheckpointName(repository='timm/resnet50.a1_in1k', revision='main', file=None),)
        """
        own = (assignment for entry in self.layers for assignment in entry.own.values())
        assignments = (*(rule.assignment for rule in self.rules), *own)
        names = (
            assignment.initializer.checkpoint_name
            for assignment in assignments
            if isinstance(assignment.initializer, FromCheckpoint)
        )
        return tuple(dict.fromkeys(names))


def _parse_allow(document: Any) -> frozenset[str]:
    if not isinstance(document, list):
        raise InvalidArgumentError("allow", document, "is not a list", f"[{CONSTANT_WEIGHTS}]")
    for at, item in enumerate(document):
        if item != CONSTANT_WEIGHTS:
            raise UnknownTypeError(f"allow[{at}]", item, "cannot be allowed", CONSTANT_WEIGHTS)
    return frozenset(document)


def _parse_layers(document: Any, limits: Limits) -> tuple[LayerEntry, ...]:
    if document is None or document == []:
        raise InvalidArgumentError("layers", document, "has no layers", "a list of one or more")
    if not isinstance(document, list):
        raise InvalidArgumentError("layers", document, "is not a list", "a list of layers")
    if len(document) > limits.layers:
        raise LimitExceededError(
            "layers", len(document), "are too many", f"{limits.layers} or fewer"
        )
    return tuple(_parse_layer(entry, at, limits) for at, entry in enumerate(document))


def _parse_layer(document: Any, at: int, limits: Limits) -> LayerEntry:
    where = f"layers[{at}]"
    if not isinstance(document, Mapping):
        accepted = "a mapping with name, type and arguments"
        raise InvalidArgumentError(where, document, "is not a layer", accepted)
    name = _layer_name(document, where, limits)
    where = f"{where} {name!r}"
    cls = _layer_class(document.get("type"), where)
    arguments = {key: value for key, value in document.items() if key not in _LAYER_KEYS}
    layer = parse_arguments(cls, arguments, where=where)
    declarations = layer.tensors(where)
    for declaration in declarations:
        _check_dimensions(declaration, where, limits)
    nonlinearity, slope = _parse_nonlinearity(document.get("nonlinearity"), where)
    return LayerEntry(
        where=where,
        name=name,
        layer=layer,
        declarations=declarations,
        nonlinearity=nonlinearity,
        slope=slope,
        own=_parse_own(document.get("init"), declarations, where),
        dtype=_parse_dtype(document.get("dtype"), declarations, where),
    )


def _layer_name(document: Mapping[str, Any], where: str, limits: Limits) -> str:
    name = document.get("name")
    accepted = 'the layer\'s path in the module, "" for the module itself'
    if "name" not in document:
        raise InvalidNameError(f"{where}.name", NO_VALUE, "is missing", accepted)
    if not isinstance(name, str):
        raise InvalidNameError(f"{where}.name", name, "is not a string", accepted)
    if name:
        check_name(name, argument=f"{where}.name", limit_bytes=limits.name_bytes)
    return name


def _layer_class(name: Any, where: str) -> type[Layer]:
    cls = registered().get(name) if isinstance(name, str) else None
    if cls is None:
        accepted = accepted_names(name, sorted(registered()))
        raise UnknownTypeError(f"{where}.type", name, "is not a layer we know", accepted)
    return cls


def _check_dimensions(declaration: Declaration, where: str, limits: Limits) -> None:
    if len(declaration.shape) > limits.dimensions:
        raise LimitExceededError(
            f"{where}: shape",
            list(declaration.shape),
            f"has {len(declaration.shape)} dimensions",
            f"{limits.dimensions} or fewer",
        )


@dataclass(frozen=True)
class _Slope:
    negative_slope: float = argument(DEFAULT_SLOPE)

    name = "nonlinearity"


def _parse_nonlinearity(document: Any, where: str) -> tuple[Nonlinearity | None, float]:
    """Read ``relu``, or ``{type: leaky_relu, negative_slope: 0.2}``."""
    if document is None:
        return None, 0.0
    where = f"{where}.nonlinearity"
    if not isinstance(document, Mapping):
        document = {"type": document}
    nonlinearity = find_nonlinearity(document.get("type"), argument=where)
    rest = {key: value for key, value in document.items() if key != "type"}
    if nonlinearity.name != "leaky_relu":
        for key, value in rest.items():
            problem = f"is not an argument of {nonlinearity.name}"
            raise UnknownKeyError(f"{where}.{key}", value, problem, "no arguments")
        return nonlinearity, 0.0
    return nonlinearity, parse_arguments(_Slope, rest, where=where).negative_slope


def _parse_own(
    document: Any, declarations: tuple[Declaration, ...], where: str
) -> dict[str, Assignment]:
    """Read a layer's ``init``: one initializer for its weight, or one for each suffix."""
    if document is None:
        return {}
    parameters = [item.suffix for item in declarations if not isinstance(item, BufferDeclaration)]
    where = f"{where}.init"
    if not isinstance(document, Mapping) or "type" in document:
        return {
            _main_parameter(parameters, where, document): parse_assignment(document, where=where)
        }
    for suffix, value in document.items():
        if suffix not in parameters:
            problem = "is no parameter of this layer, and no `type` names an initializer"
            accepted = accepted_names(suffix, ["type", *filter(None, parameters)])
            raise UnknownKeyError(f"{where}.{suffix}", value, problem, accepted)
    return {
        suffix: parse_assignment(value, where=f"{where}.{suffix}")
        for suffix, value in document.items()
    }


def _main_parameter(parameters: list[str], where: str, document: Any) -> str:
    """Return the suffix that an initializer without one is for."""
    if len(parameters) == 1:
        return parameters[0]
    if "weight" in parameters:
        return "weight"
    named = ", ".join(f"{suffix}: ..." for suffix in parameters)
    accepted = f"a mapping {{{named}}}" if parameters else "no init: this layer has only buffers"
    raise InvalidArgumentError(where, document, "does not say which parameter it is for", accepted)


def _parse_dtype(document: Any, declarations: tuple[Declaration, ...], where: str) -> Dtype | None:
    """Read a layer's ``dtype``; only bare buffers can be integers."""
    if document is None:
        return None
    where = f"{where}.dtype"
    is_buffer = all(isinstance(item, BufferDeclaration) for item in declarations)
    if is_buffer and isinstance(document, str) and document in DTYPES:
        return DTYPES[document]
    if is_buffer:
        accepted = accepted_names(document, DTYPES)
        raise InvalidDtypeError(where, document, "is not a dtype that a buffer can have", accepted)
    return floating_dtype(document, argument=where)
