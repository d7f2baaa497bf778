"""What becomes of a log line's fields before they are written.

Theory of operation: a client decides what stands in a path, a query, a header, and in
errors that quote them. None of that may end a line, begin one, or pass for a field:
a value is a value of JSON, in ASCII alone, so that a line feed, an escape sequence for a
terminal or a separator of Unicode is shown as such and does nothing. Secrets are taken
out first, then what is long is cut. Names of fields are ours.
"""

import json
from collections.abc import Callable, MutableMapping
from typing import Any

from app.redaction import cut, redact
from app.trace_context import CURRENT

Event = MutableMapping[str, Any]

_MOST_DEPTH = 8
_HEAD = ("timestamp", "level", "event")


def add_ids(_logger: Any, _method: str, event: Event) -> Event:
    """Add the ids of the request that is worked for, unless the line is about another."""
    current = CURRENT.get()
    if current is not None:
        ids = current.ids
        if event.get("request_id", ids.request_id) == ids.request_id:
            event.update(ids.fields())
    return event


def make_harmless(_logger: Any, _method: str, event: Event) -> Event:
    """Take secrets out of all values, and cut long ones."""
    for name, value in event.items():
        event[name] = _harmless(value, depth=0)
    return event


def render_json(_logger: Any, _method: str, event: Event) -> str:
    r"""Return a line as one object of JSON.

    Examples:
        >>> render_json(None, "info", {"event": "a\nb", "path": "é"})
        '{"event": "a\\nb", "path": "\\u00e9"}'
    """
    return json.dumps(dict(event))


def render_console(_logger: Any, _method: str, event: Event) -> str:
    r"""Return a line for people.

    Examples:
        >>> render_console(None, "info", {"level": "info", "event": "hello", "path": "/\n"})
        'info    hello path="/\\n"'
    """
    timestamp = str(event.get("timestamp", ""))
    said = json.dumps(str(event.get("event")))[1:-1]
    head = f"{timestamp} {event.get('level', ''):7} {said}".lstrip()
    rest = (
        f" {name}={_word(value)}"
        for name, value in event.items()
        if name not in _HEAD and value is not None
    )
    return head + "".join(rest)


RENDERERS: dict[str, Callable[[Any, str, Event], str]] = {
    "json": render_json,
    "console": render_console,
}
"""By the name of the format."""


def _word(value: Any) -> str:
    """Return a value without quotes if it cannot be taken for anything else."""
    is_plain = isinstance(value, str) and value.isascii() and value.isprintable()
    return value if is_plain and not set(value) & set(' "=\\') else json.dumps(value)


def _harmless(value: Any, *, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return cut(redact(value))
    if depth < _MOST_DEPTH:
        if isinstance(value, dict):
            return {str(name): _harmless(item, depth=depth + 1) for name, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [_harmless(item, depth=depth + 1) for item in value]
    return cut(redact(repr(value)))
