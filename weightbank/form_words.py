"""Exact initializers, and what became of them, in words that a person reads."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from weightbank.errors import shorten

_SHOWN_VALUES = 6
_SHOWN_CHARACTERS = 60
_COMMIT_CHARACTERS = 12


def describe_form(document: Mapping[str, Any]) -> str:
    """Return an initializer in words.

    Args:
        document: As ``Form.document`` wrote it.

    Examples:
        >>> describe_form({"type": "normal", "mean": 0.0, "std": 0.02})
        'normal (mean 0.0, std 0.02)'
        >>> describe_form({"type": "tie", "to": "emb.weight"})
        'tie (to "emb.weight")'
    """
    if document["type"] == "pretrained":
        tensor = document["tensor"]
        fitted = "" if document["adaptation"] is None else f" ({document['adaptation']['type']})"
        return f"pretrained{fitted} {_stored(tensor)}"
    if document["type"] == "moments_of":
        return f"moments_of {_stored(document['tensor'])}"
    leaves = [f"{path} {_json(value)}" for path, value in _leaves(document) if path != "type"]
    return f"{document['type']} ({_listed(leaves)})" if leaves else str(document["type"])


def describe_form_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return what became of an initializer.

    Args:
        before: As ``Form.document`` wrote it.
        after: Another one.

    Examples:
        >>> describe_form_change(
        ...     {"type": "normal", "mean": 0.0, "std": 0.02},
        ...     {"type": "normal", "mean": 0.0, "std": 0.01})
        'std of normal 0.02 became 0.01'
        >>> describe_form_change({"type": "eye"}, {"type": "constant", "value": 0.0})
        'eye became constant (value 0.0)'
    """
    old, new = dict(_leaves(before)), dict(_leaves(after))
    if before["type"] != after["type"] or old.keys() != new.keys():
        return f"{describe_form(before)} became {describe_form(after)}"
    changed = [
        f"{path} of {before['type']} {_json(old[path])} became {_json(new[path])}"
        for path in old
        if old[path] != new[path]
    ]
    return _listed(changed)


def _stored(tensor: Mapping[str, Any]) -> str:
    name, commit = shorten(tensor["name"]), tensor["commit"][:_COMMIT_CHARACTERS]
    return f"{name} of {tensor['repository']} at {commit}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a document with their paths: ``parts[0].std``."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    half = (_SHOWN_CHARACTERS - 1) // 2
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:half]}…{text[-half:]}"


def _listed(items: list[str]) -> str:
    shown = items[:_SHOWN_VALUES]
    rest = len(items) - len(shown)
    return ", ".join([*shown, f"and {rest} more"] if rest else shown)
