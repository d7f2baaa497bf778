"""Spans of OpenTelemetry, sent over HTTP; imported only where they are.

Nothing global is set: the provider is this app's own, so that two apps of a process do not
mix, and no library of the process sends spans of its own.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)

from app.metrics import METHODS, Metrics
from app.record import RequestRecord
from app.redaction import cut, redact
from app.settings import Settings
from app.span_queue import SpanQueue
from app.trace_context import Parent, RequestIds, read_parent
from app.trace_settings import parse_headers, traces_address
from app.tracing import RequestSpan
from weightbank.algorithm import VERSION

_EXPORT_SECONDS = 5.0
_ATTRIBUTE_CHARACTERS = 1024
_ATTRIBUTES = 32
_NANOSECONDS = 1_000_000_000
_EXPORTER_LOGGER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_FIRST_ERROR_STATUS = 500
_GOOD_OUTCOMES = frozenset({"answered", "disconnected"})  # to leave is a client's right


class OtlpTracing:
    """Follows requests, and sends what is sampled to a collector."""

    def __init__(self, settings: Settings, *, metrics: Metrics, logger: Any) -> None:
        """Send nothing yet, and start no thread."""
        _hush()
        session = requests.Session()
        session.trust_env = False  # a .netrc would overwrite what the settings say
        exporter = OTLPSpanExporter(
            endpoint=traces_address(settings.otlp_endpoint),
            headers=parse_headers(settings.otlp_headers.get_secret_value()),
            timeout=_EXPORT_SECONDS,
            session=session,
        )
        queue = SpanQueue(exporter, count=metrics.count_spans, complain=logger.warning)
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.trace_ratio)),
            resource=_resource(),
            span_limits=SpanLimits(
                max_span_attributes=_ATTRIBUTES, max_span_attribute_length=_ATTRIBUTE_CHARACTERS
            ),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(queue)
        self._tracer = self._provider.get_tracer("weightbank", version("weightbank"))

    def begin(self, scope: Mapping[str, Any], request_id: str) -> RequestSpan:
        """See ``Tracing.begin``."""
        parent = read_parent(scope["headers"])
        span = self._tracer.start_span(
            _method(scope["method"]),
            context=Context() if parent is None else _context_of(parent),
            kind=SpanKind.SERVER,
        )
        if span.is_recording():
            span.set_attributes(_asked(scope, request_id))
        return _OtlpSpan(span, _ids(span, request_id), self._tracer)

    def close(self) -> None:
        """See ``Tracing.close``."""
        self._provider.shutdown()


@dataclass(frozen=True, slots=True)
class _OtlpSpan:
    """A request with a span."""

    span: Span
    ids: RequestIds
    tracer: Tracer

    def child(
        self,
        name: str,
        *,
        seconds: float,
        ended_seconds_ago: float = 0.0,
        failure: str | None = None,
        **attributes: Any,
    ) -> None:
        """See ``RequestTrace.child``."""
        if not self.span.get_span_context().trace_flags.sampled:
            return
        stop = time.time_ns() - int(ended_seconds_ago * _NANOSECONDS)
        span = self.tracer.start_span(
            name,
            context=set_span_in_context(self.span, Context()),
            start_time=stop - int(seconds * _NANOSECONDS),
            attributes={f"weightbank.{key}": value for key, value in attributes.items()},
        )
        if failure is not None:
            _fail(span, failure)
        span.end(stop)

    def end(self, record: RequestRecord, *, route: str, method: str) -> None:
        """See ``RequestSpan.end``."""
        if not self.span.is_recording():
            return
        self.span.update_name(f"{_method(method)} {route}")
        self.span.set_attributes(_answered(record, route))
        is_error = record.status is not None and record.status >= _FIRST_ERROR_STATUS
        if is_error or record.outcome not in _GOOD_OUTCOMES:
            _fail(self.span, record.code or record.outcome)
        self.span.end()


def _hush() -> None:
    """Let the exporter log nothing: lost spans are counted, and our own log says so."""
    logger = logging.getLogger(_EXPORTER_LOGGER)
    if _drop not in logger.filters:
        logger.addFilter(_drop)


def _drop(_record: logging.LogRecord) -> bool:
    return False


def _resource() -> Resource:
    """Return what all spans of this process have in common.

    ``OTEL_RESOURCE_ATTRIBUTES`` may add to it, as everywhere.
    """
    return Resource.create(
        {
            "service.name": "weightbank",
            "service.version": version("weightbank"),
            "weightbank.algorithm": VERSION,
        }
    )


def _context_of(parent: Parent) -> Context:
    flags = TraceFlags(TraceFlags.SAMPLED if parent.is_sampled else TraceFlags.DEFAULT)
    remote = SpanContext(
        trace_id=int(parent.trace_id, 16),
        span_id=int(parent.span_id, 16),
        is_remote=True,
        trace_flags=flags,
    )
    return set_span_in_context(NonRecordingSpan(remote), Context())


def _ids(span: Span, request_id: str) -> RequestIds:
    context = span.get_span_context()
    return RequestIds(
        request_id, format_trace_id(context.trace_id), format_span_id(context.span_id)
    )


def _asked(scope: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    server, client = scope.get("server"), scope.get("client")
    attributes = {
        "http.request.method": _method(scope["method"]),
        "url.path": cut(redact(scope["path"])),
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
        "server.address": server[0] if server else None,
        "server.port": server[1] if server else None,
        "client.address": client[0] if client else None,
        "weightbank.request_id": request_id,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def _answered(record: RequestRecord, route: str) -> dict[str, Any]:
    attributes = {
        "http.route": route,
        "http.response.status_code": record.status,
        "http.response.body.size": record.sent_bytes,
        "weightbank.outcome": record.outcome,
        "weightbank.code": record.code,
        "weightbank.spec_id": record.spec_id,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))


def _method(method: str) -> str:
    return method if method in METHODS else "_OTHER"
