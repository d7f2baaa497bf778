"""Which tensors of a checkpoint stay, and what they are called then."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from weightbank.errors import (
    DuplicateNameError,
    InvalidArgumentError,
)
from weightbank.fitting.wishes import Wishes
from weightbank.key_names import leading, longest_path, renamed, unwrapped
from weightbank.limits import Limits
from weightbank.names import check_name
from weightbank.patterns import check_steps, parse_pattern
from weightbank.stored import StoredTensor
from weightbank.suggestions import accepted_names

Tensors = Mapping[str, StoredTensor]
"""Stored tensors by the names that wishes know them by."""

_Value = TypeVar("_Value")


def own_names(tensors: Tensors, *, clean: bool) -> Tensors:
    """Return the tensors of a checkpoint by the names that it has for them.

    Args:
        tensors: By their names in its files.
        clean: Whether what wrappers put before names is left out.

    Raises:
        DuplicateNameError: If two names become one.
    """
    if not clean:
        return tensors
    return _by_name((unwrapped(name), name, tensor) for name, tensor in tensors.items())


def choose(tensors: Tensors, wishes: Wishes, *, limits: Limits) -> Tensors:
    """Return the tensors that stay.

    Raises:
        InvalidPatternError: If RE2 does not take a pattern.
        InvalidArgumentError: If a pattern matches no tensor, or none stays.
        LimitExceededError: If a pattern is too long, or matching could take too long.
    """
    included = _matched("include", wishes.include, tensors, limits)
    excluded = _matched("exclude", wishes.exclude, tensors, limits)
    chosen = {
        name: tensor
        for name, tensor in tensors.items()
        if (included is None or name in included) and name not in (excluded or ())
    }
    if not chosen:
        value = wishes.include if wishes.exclude is None else wishes.exclude
        argument = "include" if wishes.exclude is None else "exclude"
        raise InvalidArgumentError(argument, value, "leaves no tensor", "patterns that leave one")
    return chosen


def _matched(argument: str, text: str | None, names: Tensors, limits: Limits) -> set[str] | None:
    """Return the names that a pattern matches; None without one."""
    if text is None:
        return None
    pattern = parse_pattern(text, argument=argument, limits=limits)
    check_steps(argument, pattern, list(names), limits=limits)
    matched = {name for name in names if pattern.matches(name)}
    if not matched:
        problem = "matches the whole name of no tensor"
        raise InvalidArgumentError(argument, text, problem, accepted_names(text, names))
    return matched


def new_names(tensors: Mapping[str, _Value], wishes: Wishes, *, limits: Limits) -> dict[str, str]:
    """Return what tensors are called in the end, by the names that they had.

    Raises:
        InvalidArgumentError: If a prefix or an old name is not there.
        InvalidNameError: If a state dict cannot hold a new name.
        DuplicateNameError: If two names become one.
    """
    names = {name: name for name in tensors}
    if wishes.strip_prefix:
        names = _stripped(names, wishes.strip_prefix)
    if wishes.rename:
        names = _renamed(names, wishes.rename)
    added = leading(wishes.add_prefix)
    names = {own: added + name for own, name in names.items()}
    for name in names.values():
        check_name(name, argument="the new name", limit_bytes=limits.name_bytes)
    _by_name((name, own, None) for own, name in names.items())
    return names


def _stripped(names: Mapping[str, str], path: str) -> dict[str, str]:
    prefix = leading(path)
    if not any(name.startswith(prefix) for name in names.values()):
        modules = dict.fromkeys(name.partition(".")[0] for name in names.values() if "." in name)
        problem = "is what no name begins with, as a whole module path"
        accepted = accepted_names(prefix.removesuffix("."), modules) or "no prefix"
        raise InvalidArgumentError("strip_prefix", path, problem, accepted)
    return {own: name.removeprefix(prefix) for own, name in names.items()}


def _renamed(names: Mapping[str, str], renaming: tuple[tuple[str, str], ...]) -> dict[str, str]:
    paths = dict(renaming)
    if len(paths) != len(renaming):
        twice = next(old for at, (old, _) in enumerate(renaming) if old in dict(renaming[:at]))
        raise InvalidArgumentError("rename", twice, "is renamed twice", "each name once")
    used = {longest_path(name, paths) for name in names.values()}
    for old in paths:
        if old not in used:
            problem = "is no module or tensor" if not _is_within(names, old) else _SHADOWED
            accepted = accepted_names(old, _paths(names.values()))
            raise InvalidArgumentError("rename", old, problem, accepted)
    return {own: _or_itself(name, paths) for own, name in names.items()}


_SHADOWED = "renames nothing: longer names in `rename` have all of its tensors"


def _is_within(names: Mapping[str, str], path: str) -> bool:
    return any(name == path or name.startswith(f"{path}.") for name in names.values())


def _or_itself(name: str, paths: Mapping[str, str]) -> str:
    new = renamed(name, paths)
    return name if new is None else new


def _paths(names: Iterable[str]) -> list[str]:
    """Return the paths of all modules, and then of all tensors."""
    names = list(names)
    modules: dict[str, None] = {}
    for name in names:
        segments = name.split(".")
        modules.update(dict.fromkeys(".".join(segments[:end]) for end in range(1, len(segments))))
    return [*modules, *names]


def _by_name(items: Iterable[tuple[str, str, _Value]]) -> dict[str, _Value]:
    """Return values by their new names.

    Raises:
        DuplicateNameError: If two of them have one; both old names are told.
    """
    found: dict[str, _Value] = {}
    olds: dict[str, str] = {}
    for name, old, value in items:
        if name in found:
            problem = f"would be the name of both {olds[name]!r} and {old!r}"
            raise DuplicateNameError("the tensor", name, problem, "names that differ")
        found[name], olds[name] = value, old
    return found
