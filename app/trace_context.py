"""The ids that connect what is logged of one request, here and in other services.

A caller that takes part in a trace says so in ``traceparent`` (W3C Trace Context); then our
lines bear its trace id, and a span id of our own. Otherwise both are made here. What is
malformed is as good as absent: a new trace begins.

Code that works for a request finds its ids in a context variable. asyncio gives it to
tasks, and ``BoundedExecutor`` to threads. The engine's threads work for many requests at
once; they know a stream by its name, which holds the ids.
"""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_HEADER = b"traceparent"
_INVALID_VERSION = b"ff"
_FIRST_VERSION = b"00"
_SAMPLED = 1
_SEPARATOR = "/"


@dataclass(frozen=True, slots=True)
class Parent:
    """A span of the caller.

    Attributes:
        trace_id: 32 digits in lowercase hexadecimal.
        span_id: 16 of them.
        is_sampled: Whether the caller keeps this trace.
    """

    trace_id: str
    span_id: str
    is_sampled: bool


@dataclass(frozen=True, slots=True)
class RequestIds:
    """What names one request.

    Attributes:
        request_id: Without a slash.
        trace_id: 32 digits in lowercase hexadecimal.
        span_id: 16 of them.
    """

    request_id: str
    trace_id: str
    span_id: str

    @property
    def name(self) -> str:
        """All of them in one text, for what keeps only a name."""
        return _SEPARATOR.join((self.request_id, self.trace_id, self.span_id))

    def fields(self) -> dict[str, str]:
        """Return them as fields of a log line."""
        return {
            "request_id": self.request_id,
            "trace_id": self.trace_id,
            "span_id": self.span_id,
        }


class RequestTrace(Protocol):
    """What is known of a request where somebody works for it."""

    @property
    def ids(self) -> RequestIds:
        """What names it."""

    def child(
        self,
        name: str,
        *,
        seconds: float,
        ended_seconds_ago: float = 0.0,
        failure: str | None = None,
        **attributes: Any,
    ) -> None:
        """Keep that something was done for it; from any thread.

        Args:
            name: Of what was done.
            seconds: It took.
            ended_seconds_ago: When it was over.
            failure: What it ended in, if not well.
            attributes: That say more.
        """


CURRENT: ContextVar[RequestTrace | None] = ContextVar("weightbank_request", default=None)
"""The request that is worked for."""


def fields_of(name: str) -> dict[str, str]:
    """Return the ids in a name as fields of a log line.

    Examples:
        >>> fields_of(RequestIds("r", "t", "s").name)
        {'request_id': 'r', 'trace_id': 't', 'span_id': 's'}
        >>> fields_of("another")
        {'request_id': 'another'}
    """
    parts = name.split(_SEPARATOR)
    return RequestIds(*parts).fields() if len(parts) == 3 else {"request_id": name}  # noqa: PLR2004 - of the three above


def new_trace_id() -> str:
    """Return a trace id that is not all zeros."""
    return f"{secrets.randbelow(2**128 - 1) + 1:032x}"


def new_span_id() -> str:
    """Return a span id that is not all zeros."""
    return f"{secrets.randbelow(2**64 - 1) + 1:016x}"


def read_parent(headers: Iterable[tuple[bytes, bytes]]) -> Parent | None:
    """Return the span of the caller that the headers of a request name.

    Args:
        headers: With names in lower case.

    Returns:
        None if there is none, if there are several, or if it is malformed.

    Examples:
        >>> value = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        >>> read_parent([(b"traceparent", value)]).is_sampled
        True
        >>> read_parent([(b"traceparent", value.upper())]) is None
        True
    """
    values = [value for name, value in headers if name == _HEADER]
    if len(values) != 1:
        return None
    found = _TRACEPARENT.fullmatch(values[0])
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    # A later version may have more behind; this one may not.
    is_known = version != _INVALID_VERSION and (version != _FIRST_VERSION or more is None)
    if not is_known or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return Parent(trace_id.decode(), span_id.decode(), bool(int(flags, 16) & _SAMPLED))
