"""Structured logs: one event a line."""

import logging
from typing import Any, Protocol, TextIO, cast

import structlog

from app.log_lines import RENDERERS, add_ids, make_harmless

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

# Without local variables: they hold bodies, addresses and passwords.
_TRACEBACKS = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


class LineStream(Protocol):
    """Where a logger writes to."""

    def write(self, text: str, /) -> object:
        """Take a line."""

    def flush(self) -> object:
        """Send on what was taken."""


def make_logger(level: str, *, stream: LineStream, line_format: str = "json") -> Any:
    """Return a logger of its own; nothing global is configured.

    Args:
        level: Least level that is written.
        stream: Where to.
        line_format: ``json``, or ``console`` for people.

    Examples:
        >>> import io
        >>> stream = io.StringIO()
        >>> make_logger("info", stream=stream).info("hello", request_id="a")
        >>> '"event": "hello"' in stream.getvalue()
        True
    """
    return structlog.wrap_logger(
        structlog.WriteLogger(cast("TextIO", stream)),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_TRACEBACKS),
            add_ids,
            make_harmless,
            RENDERERS[line_format],
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        context_class=dict,
        cache_logger_on_first_use=False,
    )
