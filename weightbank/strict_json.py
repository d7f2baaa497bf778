"""JSON objects of files that somebody else wrote: nothing in them said twice or too long."""

import json
from typing import Any

from weightbank.errors import NO_VALUE, InvalidCheckpointError, shorten

_INTEGER_DIGITS = 20


def parse_object(text: bytes, *, argument: str, most_values: int) -> dict[str, Any]:
    """Return the members of a JSON object.

    It is stricter than RFC 8259, as other readers are: no key stands twice in an
    object, no number is infinite or no number, no integer is negative or beyond 20 digits.

    Args:
        text: UTF-8, beginning with the object.
        argument: What the text is called in messages.
        most_values: Bound on brackets and commas, and so on values and on memory.

    Raises:
        InvalidCheckpointError: If it is none.

    Examples:
        >>> parse_object(b'{"total_size": 8}', argument="index", most_values=10)
        {'total_size': 8}
        >>> parse_object(b'{"a": 1, "a": 2}', argument="index", most_values=10)
        Traceback (most recent call last):
        weightbank.errors.InvalidCheckpointError: index says the key 'a' twice
    """
    accepted = "a JSON object"
    if not text.startswith(b"{"):
        raise InvalidCheckpointError(argument, bytes(text[:16]), "begins no JSON object", accepted)
    values = sum(text.count(mark) for mark in (b",", b"[", b"{"))
    if values > most_values:
        problem = "values or more are too many"
        raise InvalidCheckpointError(argument, values, problem, f"{most_values} or fewer")
    strict = _Strict(argument)
    try:
        document: dict[str, Any] = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=strict.unique,
            parse_int=strict.integer,
            parse_constant=strict.constant,
        )
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8: {error.reason} at byte {error.start}"
        raise InvalidCheckpointError(argument, NO_VALUE, problem, accepted) from None
    except json.JSONDecodeError as error:
        problem = f"is not JSON: {error.msg} at character {error.pos}"
        raise InvalidCheckpointError(argument, NO_VALUE, problem, accepted) from None
    except RecursionError:
        raise InvalidCheckpointError(argument, NO_VALUE, "is nested too deeply", accepted) from None
    return document


class _Strict:
    """What the parser asks about single values."""

    def __init__(self, argument: str) -> None:
        self._argument = argument

    def unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return an object, unless a key stands twice in it."""
        document = dict(pairs)
        if len(document) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    problem = f"says the key {shorten(key)} twice"
                    raise InvalidCheckpointError(self._argument, NO_VALUE, problem)
                seen.add(key)
        return document

    def integer(self, text: str) -> int:
        """Return an integer that counts something."""
        if len(text) > _INTEGER_DIGITS or text.startswith("-"):
            problem = "is a number of nothing"
            raise InvalidCheckpointError(self._argument, text[:40], problem, "0 to 2**64 - 1")
        return int(text)

    def constant(self, text: str) -> float:
        """Refuse what JSON has no word for."""
        raise InvalidCheckpointError(self._argument, text, "is no number in JSON")
