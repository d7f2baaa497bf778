"""Spans of requests: how a request is followed, whether or not anybody collects that.

Every request has a trace id and a span id, for its log lines. With a collector
(``WEIGHTBANK_OTLP_ENDPOINT``) the same ids name a span that is sent there, with children
for what took time. A child is made when what it stands for is over, with the time that took:
nothing has to be held open across threads, and what is not collected costs a call of a
function that does nothing.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.metrics import Metrics
from app.record import RequestRecord
from app.settings import Settings
from app.trace_context import (
    CURRENT,
    Parent,
    RequestIds,
    RequestTrace,
    new_span_id,
    new_trace_id,
    read_parent,
)
from services.errors import StartupError

_STREAM_BYTES = 2**18
"""Sent in one piece up to here: no part of that is worth a span."""


class RequestSpan(RequestTrace, Protocol):
    """A request that is being followed."""

    def end(self, record: RequestRecord, *, route: str, method: str) -> None:
        """Finish it.

        Args:
            record: What happened.
            route: Template of its path.
            method: Of HTTP.
        """


class Tracing(Protocol):
    """Follows requests."""

    def begin(self, scope: Mapping[str, Any], request_id: str) -> RequestSpan:
        """Begin to follow one."""

    def close(self) -> None:
        """Send what waits, within a bound."""


@dataclass(frozen=True, slots=True)
class _IdsAlone:
    """A request that nobody collects spans of."""

    ids: RequestIds

    def child(
        self,
        name: str,
        *,
        seconds: float,
        ended_seconds_ago: float = 0.0,
        failure: str | None = None,
        **attributes: Any,
    ) -> None:
        """Keep nothing."""

    def end(self, record: RequestRecord, *, route: str, method: str) -> None:
        """Keep nothing."""


class NoTracing:
    """Gives ids, and sends nothing anywhere."""

    def begin(self, scope: Mapping[str, Any], request_id: str) -> RequestSpan:
        """See ``Tracing.begin``.

        Examples:
            >>> len(NoTracing().begin({"headers": []}, "r").ids.trace_id)
            32
        """
        parent = read_parent(scope["headers"])
        return _IdsAlone(RequestIds(request_id, trace_id_of(parent), new_span_id()))

    def close(self) -> None:
        """See ``Tracing.close``."""


def trace_id_of(parent: Parent | None) -> str:
    """Return the trace that a request belongs to: its caller's, or a new one."""
    return new_trace_id() if parent is None else parent.trace_id


def open_tracing(settings: Settings, *, metrics: Metrics, logger: Any) -> Tracing:
    """Return what follows requests, as the settings have it.

    Raises:
        StartupError: If spans are to be sent, and what sends them is not installed.
    """
    if not settings.otlp_endpoint:
        return NoTracing()
    check_tracing(settings)
    from app.otlp import OtlpTracing  # noqa: PLC0415 - its libraries may not be there

    return OtlpTracing(settings, metrics=metrics, logger=logger)


def check_tracing(settings: Settings) -> None:
    """See that what sends spans is installed, if it is needed.

    Raises:
        StartupError: If not, with what to install.
    """
    if not settings.otlp_endpoint:
        return
    try:
        import app.otlp  # noqa: F401, PLC0415 - as above
    except ImportError as error:
        raise StartupError(
            "WEIGHTBANK_OTLP_ENDPOINT: no spans can be sent: the OpenTelemetry SDK is not "
            "installed; accepted: pip install 'weightbank[tracing]', or no endpoint"
        ) from error


def follow(name: str, *, seconds: float, failure: str | None = None, **attributes: Any) -> None:
    """Keep that something was done for the current request, if there is one; from any thread.

    Args:
        name: Of what was done.
        seconds: It took, until now.
        failure: What it ended in, if not well.
        attributes: That say more.
    """
    current = CURRENT.get()
    if current is not None:
        current.child(name, seconds=seconds, failure=failure, **attributes)


def follow_stream(span: RequestTrace, record: RequestRecord) -> None:
    """Keep how long an answer took to begin, and how long to be sent."""
    if record.first_byte is None or record.sent_bytes <= _STREAM_BYTES:
        return
    sending_seconds = time.perf_counter() - record.first_byte
    waiting_seconds = record.first_byte - record.started
    span.child("first byte", seconds=waiting_seconds, ended_seconds_ago=sending_seconds)
    span.child("stream", seconds=sending_seconds, sent_bytes=record.sent_bytes)
