"""What schemathesis does otherwise here; it imports this module by its name.

Some routes have no parameters, so that only one request could be made to them. But any
request may have any headers, and the server reads some of them on every route: they are
added to the description that requests are made from.
"""

import resource
from typing import Any

import schemathesis

_MEMORY_BYTES = 4 * 2**30
resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
"""Of schemathesis, which is to fail before the machine does."""

_EVERYWHERE = ("X-Request-ID", "traceparent", "Accept", "User-Agent")
_KEPT = {
    "66a4950ae3aa839cfe8b9abf669bcb608dff6931dc07abdb391a8d84622b5e5d": "0" * 64,
    "40f68e9fe03a78b05e016beccfe6e87d9bd99a7a45ab98a686d7494c6f4240b6": "0" * 64,
    "mlp": "retired",
    "block": "retired",
}
"""What other requests are about, and what stands for it where something is removed."""


@schemathesis.hook
def before_load_schema(
    context: schemathesis.HookContext,  # noqa: ARG001
    raw_schema: dict[str, Any],
) -> None:
    """Add the headers that may come with any request."""
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            operation.setdefault("parameters", []).extend(_header(name) for name in _EVERYWHERE)


@schemathesis.hook
def map_case(
    context: schemathesis.HookContext,  # noqa: ARG001
    case: schemathesis.Case,
) -> schemathesis.Case:
    """Let nothing remove what other requests are about."""
    if case.method == "DELETE" and isinstance(case.path_parameters, dict):
        for name, value in case.path_parameters.items():
            if isinstance(value, str):
                case.path_parameters[name] = _KEPT.get(value, value)
    return case


@schemathesis.serializer("application/x-ndjson")
def to_lines(
    context: schemathesis.SerializationContext,  # noqa: ARG001
    value: Any,
) -> dict[str, Any]:
    """Send a file of specs as it was made: as bytes, or as text."""
    return {"data": value if isinstance(value, bytes) else str(value).encode(errors="replace")}


def _header(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
