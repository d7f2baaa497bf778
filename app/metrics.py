"""What Prometheus can see. One registry an app, so that two apps do not mix."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.process_metrics import register_process
from app.record import RequestRecord
from services.bounded_check import CheckResult

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
"""Those that are counted each by its name."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)


class Metrics:
    """Counters, gauges and histograms of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        register_process(self.registry)
        self._declare_requests()
        self._declare_connections()
        self._sent_bytes = Counter(
            "weightbank_sent_bytes",
            "Bytes of bodies that were handed to the network.",
            registry=self.registry,
        )

    def _declare_requests(self) -> None:
        self._requests = Counter(
            "weightbank_requests",
            "Requests that were answered.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._request_seconds = self._seconds(
            "weightbank_request_seconds",
            "From a request's beginning to the end of its answer.",
            "route",
        )
        self._first_byte_seconds = self._seconds(
            "weightbank_time_to_first_byte_seconds",
            "From a request's beginning to the first byte of the answer's body.",
            "route",
        )
        self._refused = Counter(
            "weightbank_refused",
            "Requests that were answered with a problem, by its code.",
            ("code",),
            registry=self.registry,
        )
        self._cut_off = Counter(
            "weightbank_streams_cut_off",
            "Answers that did not reach their end, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self._in_progress = Gauge(
            "weightbank_requests_in_progress", "Requests being answered.", registry=self.registry
        )

    def _declare_connections(self) -> None:
        self._connections = Gauge(
            "weightbank_connections", "Connections that are open.", registry=self.registry
        )
        self._ended_early = Counter(
            "weightbank_connections_ended",
            "Connections that were ended without a request that could be answered, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self._spans = Counter(
            "weightbank_spans",
            "Spans of traces, by whether they were sent, dropped or failed to be sent.",
            ("outcome",),
            registry=self.registry,
        )
        for outcome in ("sent", "dropped", "failed"):
            self._spans.labels(outcome)
        self._dropped_lines = Counter(
            "weightbank_log_lines_dropped",
            "Lines of the log that nobody took in time.",
            registry=self.registry,
        )

        self._ready = Gauge(
            "weightbank_ready",
            "Whether requests should come here, as of the last look; this page is one.",
            registry=self.registry,
        )
        self._ready_checks = Gauge(
            "weightbank_ready_check",
            "Whether each thing that was looked at is as it should be.",
            ("check",),
            registry=self.registry,
        )

    def _seconds(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=_SECONDS, registry=self.registry)

    def began(self) -> None:
        """Count a request that has begun."""
        self._in_progress.inc()

    def sent(self, size_bytes: int) -> None:
        """Count bytes of a body."""
        self._sent_bytes.inc(size_bytes)

    def connected(self) -> None:
        """Count a connection that has begun."""
        self._connections.inc()

    def disconnected(self) -> None:
        """Count a connection that has ended."""
        self._connections.dec()

    def ended_early(self, reason: str) -> None:
        """Count a connection that was ended: its requests were none, or too many came."""
        self._ended_early.labels(reason).inc()

    def count_spans(self, outcome: str, spans: int) -> None:
        """Count spans; from any thread."""
        self._spans.labels(outcome).inc(spans)

    def dropped_line(self) -> None:
        """Count a line that the log has lost; from any thread."""
        self._dropped_lines.inc()

    def looked(self, results: Sequence[CheckResult]) -> None:
        """Keep whether the server is ready."""
        self._ready.set(all(result.is_ok for result in results))
        for result in results:
            self._ready_checks.labels(result.name).set(result.is_ok)

    def ended(self, record: RequestRecord, *, route: str, method: str, seconds: float) -> None:
        """Count a request that has ended.

        Args:
            record: What happened.
            route: Template of its path, so that ids do not multiply the series.
            method: Of HTTP; unknown ones count as one.
            seconds: It took.
        """
        method = method if method in METHODS else "other"
        self._in_progress.dec()
        self._requests.labels(route, method, str(record.status or "none")).inc()
        self._request_seconds.labels(route).observe(seconds)
        if record.first_byte is not None:
            self._first_byte_seconds.labels(route).observe(record.first_byte - record.started)
        if record.code is not None:
            self._refused.labels(record.code).inc()
        if record.outcome != "answered":
            self._cut_off.labels(record.outcome).inc()

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format.

        Examples:
            >>> b"weightbank_sent_bytes_total 0.0" in Metrics().text()
            True
        """
        return generate_latest(self.registry)
