"""Arguments of layers and initializers: declared once, checked and described from that.

A layer or initializer is a frozen dataclass whose fields are its arguments. The
annotation says what kind of value is taken, ``argument`` adds the default, the
bounds and a sentence for the reference. ``parse_arguments`` makes one from a
document, and refuses what is unknown, of the wrong kind or out of range, by name.
"""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from weightbank.errors import NO_VALUE, InvalidArgumentError, UnknownKeyError
from weightbank.suggestions import accepted_names

Exact = float | Fraction
"""A double as written in a spec, or a rational that only our own presets need."""

Renaming = tuple[tuple[str, str], ...]
"""A mapping of names to names, as pairs in the order in which it was written."""

T = TypeVar("T")
_REQUIRED = dataclasses.MISSING
_LARGEST_COUNT = 2**53
_MOST_RENAMED = 10_000


def argument(
    default: Any = _REQUIRED,
    description: str = "",
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    exclusive_minimum: float | None = None,
    length: int | None = None,
) -> Any:
    """Declare one argument of a layer or initializer.

    Args:
        default: Its value where it is left out; required if not given.
        description: A sentence for the reference.
        minimum: The least accepted value, of numbers.
        maximum: The greatest accepted value, of numbers.
        exclusive_minimum: What a number has to be greater than.
        length: How many items a list has to have.

    Returns:
        A dataclass field.
    """
    bounds = {
        "minimum": minimum,
        "maximum": maximum,
        "exclusive_minimum": exclusive_minimum,
        "length": length,
    }
    metadata = {"description": description, **bounds}
    return dataclasses.field(default=default, metadata=metadata, kw_only=True)


def ignored_argument(default: Any) -> Any:
    """Declare an argument that torch's module has and that changes no tensor.

    It takes anything, so that a module's arguments can be copied as they are.

    Args:
        default: torch's.
    """
    return argument(default=default, description="Accepted as torch has it; changes no tensor.")


def parse_arguments(cls: type[T], document: Mapping[str, Any], *, where: str) -> T:
    """Make a dataclass of arguments from a document.

    Args:
        cls: A dataclass whose fields were declared with ``argument``.
        document: Argument names and values.
        where: Path of the document, for messages.

    Raises:
        UnknownKeyError: If a key is no argument.
        InvalidArgumentError: If one is missing, of the wrong kind or out of range.

    Examples:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Normal:
        ...     std: Exact = argument(1.0, minimum=0)
        >>> parse_arguments(Normal, {"std": 0.02}, where="rules[0]")
        Normal(std=0.02)
        >>> parse_arguments(Normal, {"sdt": 0.02}, where="rules[0]")
        Traceback (most recent call last):
        weightbank.errors.UnknownKeyError: rules[0].sdt 0.02 is not an argument of Normal; \
accepted: std (did you mean this?)
    """
    fields = {field.name: field for field in dataclasses.fields(typing.cast("Any", cls))}
    for key, value in document.items():
        if key not in fields:
            owner = getattr(cls, "name", cls.__name__)
            accepted = accepted_names(key, fields) if fields else "no arguments"
            problem = f"is not an argument of {owner}"
            raise UnknownKeyError(f"{where}.{key}", value, problem, accepted)
    hints = _hints(typing.cast("Hashable", cls))
    values = {
        name: _checked(document[name], hints[name], field.metadata, f"{where}.{name}")
        for name, field in fields.items()
        if name in document
    }
    missing = [
        name for name, field in fields.items() if name not in values and field.default is _REQUIRED
    ]
    if missing:
        owner = getattr(cls, "name", cls.__name__)
        raise InvalidArgumentError(
            f"{where}.{missing[0]}",
            NO_VALUE,
            f"is missing; {owner} needs it",
            _kind(hints[missing[0]]),
        )
    return cls(**values)


def describe_arguments(cls: type) -> list[dict[str, Any]]:
    """Describe the arguments of a layer or initializer as JSON values."""
    hints = _hints(cls)
    return [
        {
            "name": field.name,
            "kind": _kind(hints[field.name]),
            "required": field.default is _REQUIRED,
            "default": None
            if field.default is _REQUIRED
            else _json(field.default, hints[field.name]),
            "description": field.metadata.get("description", ""),
        }
        for field in dataclasses.fields(typing.cast("Any", cls))
    ]


def given_arguments(value: Any) -> dict[str, Any]:
    """Return the arguments of a dataclass that differ from their defaults, as JSON values."""
    hints = _hints(typing.cast("Hashable", type(value)))
    return {
        field.name: _json(getattr(value, field.name), hints[field.name])
        for field in dataclasses.fields(value)
        if getattr(value, field.name) != field.default
    }


def _json(value: Any, hint: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value)
    if hint == Renaming:
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    return value


@functools.cache
def _hints(cls: Hashable) -> Mapping[str, Any]:
    return typing.get_type_hints(cls)


def _alternatives(hint: Any) -> tuple[Any, ...]:
    """Return the kinds of value that a hint accepts; no document holds a Fraction."""
    if get_origin(hint) not in (Union, types.UnionType):
        return (hint,)
    return tuple(member for member in get_args(hint) if member is not Fraction)


_WORDS: dict[Any, str] = {
    int: "an integer",
    float: "a finite number",
    bool: "true or false",
    str: "a string",
    type(None): "null",
    Any: "anything",
}


def _kind(hint: Any) -> str:
    """Say in words what a hint accepts."""

    def one(alternative: Any) -> str:
        if get_origin(alternative) is Literal:
            return " or ".join(repr(value) for value in get_args(alternative))
        if alternative == Renaming:
            return "a mapping of names to names"
        if get_origin(alternative) is tuple:
            return "a list of integers"
        return _WORDS[alternative]

    return " or ".join(one(alternative) for alternative in _alternatives(hint))


def _checked(value: Any, hint: Any, bounds: Mapping[str, Any], where: str) -> Any:
    """Return a value as its hint has it, or refuse it."""
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidArgumentError(where, value, "is not finite", _kind(hint))
    for alternative in _alternatives(hint):
        converted = _converted(value, alternative, where)
        if converted is not _REQUIRED:
            _check_bounds(converted, bounds, where)
            return converted
    raise InvalidArgumentError(where, value, f"is not {_kind(hint)}", _kind(hint))


def _converted(value: Any, alternative: Any, where: str) -> Any:
    """Return the value as one alternative has it, or MISSING if it is not of that kind."""
    origin = get_origin(alternative)
    if origin is tuple:
        return _renaming(value, where) if alternative == Renaming else _integers(value, where)
    if alternative in (int, float):
        if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
            return _REQUIRED
        number: float | Fraction = value
        return _integer(number, where) if alternative is int else exact_number(number, where)
    if origin is Literal:
        return value if isinstance(value, str) and value in get_args(alternative) else _REQUIRED
    return value if alternative is Any or isinstance(value, alternative) else _REQUIRED


def _integers(value: Any, where: str) -> Any:
    if not isinstance(value, list | tuple):
        return _REQUIRED
    return tuple(_checked(item, int, {}, f"{where}[{at}]") for at, item in enumerate(value))


def _renaming(value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        return _REQUIRED
    if len(value) > _MOST_RENAMED:
        problem, accepted = f"has {len(value)} entries", f"{_MOST_RENAMED} or fewer"
        raise InvalidArgumentError(where, NO_VALUE, problem, accepted)
    for old, new in value.items():
        if not isinstance(old, str) or not isinstance(new, str):
            problem = "is not a name for another name"
            raise InvalidArgumentError(f"{where}.{old}", new, problem, _kind(Renaming))
    return tuple(value.items())


def _integer(value: float | Fraction, where: str) -> Any:
    if value != int(value):
        return _REQUIRED
    if not -_LARGEST_COUNT <= value <= _LARGEST_COUNT:
        raise InvalidArgumentError(where, value, "is too large", "an integer within ±2**53")
    return int(value)


def exact_number(value: float | Fraction, where: str) -> Exact:
    """Return a number as the double it is; -0.0 becomes 0.0.

    Numbers in a spec are doubles. An integer that no double equals would change
    silently, so it is refused.

    Raises:
        InvalidArgumentError: If there is no such double.

    Examples:
        >>> exact_number(3, "std")
        3.0
    """
    if isinstance(value, Fraction):
        return value
    try:
        double = float(value)
    except OverflowError:
        double = math.inf
    if double != value:
        raise InvalidArgumentError(where, value, "is no IEEE double", "a number that is one")
    return double + 0.0


def _check_bounds(value: Any, bounds: Mapping[str, Any], where: str) -> None:
    minimum: float | None = bounds.get("minimum")
    maximum: float | None = bounds.get("maximum")
    exclusive: float | None = bounds.get("exclusive_minimum")
    length: int | None = bounds.get("length")
    if length is not None and isinstance(value, tuple) and len(value) != length:
        accepted = f"a list of {length}"
        raise InvalidArgumentError(where, value, f"has {len(value)} items", accepted)
    items: tuple[Any, ...] = value if isinstance(value, tuple) else (value,)
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int | float | Fraction):
            continue
        if minimum is not None and item < minimum:
            raise InvalidArgumentError(where, value, "is too small", f"{minimum} or more")
        if maximum is not None and item > maximum:
            raise InvalidArgumentError(where, value, "is too large", f"{maximum} or less")
        if exclusive is not None and item <= exclusive:
            raise InvalidArgumentError(where, value, "is too small", f"more than {exclusive}")
