"""Structured logs: one JSON object a line."""

import logging
import sys
from typing import Any, TextIO

import structlog

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def make_logger(level: str, *, stream: TextIO | None = None) -> Any:
    """Return a logger of its own; nothing global is configured.

    Args:
        level: Least level that is written.
        stream: Where to; standard output if not given.

    Examples:
        >>> import io
        >>> stream = io.StringIO()
        >>> make_logger("info", stream=stream).info("hello", request_id="a")
        >>> '"event": "hello"' in stream.getvalue()
        True
    """
    return structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stdout),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        context_class=dict,
        cache_logger_on_first_use=False,
    )
