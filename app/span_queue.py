"""Spans that wait for a collector, which may be slow, or dead.

Theory of operation: a span that has ended goes into a bounded queue, and one thread sends
what is there, in batches. When the queue is full, spans are dropped and counted: a request
never waits. A batch that cannot be sent is dropped, too, and counted; the log says so once
in a while. At the end of the server what waits is sent as long as a moment allows.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

MOST_SPANS = 2048
_BATCH_SPANS = 512
_PAUSE_SECONDS = 1.0
_CLOSE_SECONDS = 3.0
_COMPLAINT_SECONDS = 60.0


class SpanQueue(SpanProcessor):
    """Hands spans to an exporter, in a thread of its own."""

    def __init__(
        self,
        exporter: SpanExporter,
        *,
        count: Callable[[str, int], None],
        complain: Callable[..., Any],
        most_spans: int = MOST_SPANS,
    ) -> None:
        """Start no thread yet.

        Args:
            exporter: Sends spans, and returns within a bound.
            count: Told how many spans were ``sent``, ``dropped`` or ``failed``.
            complain: Logs a line.
            most_spans: That may wait.
        """
        self._exporter = exporter
        self._count = count
        self._complain = complain
        self._most_spans = most_spans
        self._spans: deque[ReadableSpan] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._lost = 0
        self._complained: float | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span; it never waits for the collector."""
        context = span.context
        if context is None or not context.trace_flags.sampled:
            return
        with self._changed:
            is_full = self._is_closed or len(self._spans) >= self._most_spans
            if is_full:
                self._lost += 1
            else:
                self._spans.append(span)
                self._start()
                if len(self._spans) >= _BATCH_SPANS:
                    self._changed.notify()
        if is_full:
            self._count("dropped", 1)

    def shutdown(self) -> None:
        """Send what waits, for as long as a moment allows."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(_CLOSE_SECONDS)
        self._exporter.shutdown()  # ends a wait for the next attempt
        with self._changed:
            left, self._spans = len(self._spans), deque()
        if left:
            self._count("dropped", left)

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the SDK's signature
        """Do nothing: there is ``shutdown``."""
        return True

    def _start(self) -> None:
        if self._thread is None:
            # A daemon: a collector that never answers must not keep us alive.
            self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            if batch:
                self._send(batch)

    def _next_batch(self) -> list[ReadableSpan] | None:
        """Return the next spans, after a pause; None if there are none and never will be."""
        with self._changed:
            if not self._is_closed and len(self._spans) < _BATCH_SPANS:
                self._changed.wait(_PAUSE_SECONDS)
            batch = [self._spans.popleft() for _ in range(min(_BATCH_SPANS, len(self._spans)))]
            return None if self._is_closed and not batch else batch

    def _send(self, batch: Sequence[ReadableSpan]) -> None:
        try:
            is_sent = self._exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001 - an exporter's mistake must not end the thread
            is_sent = False
        self._count("sent" if is_sent else "failed", len(batch))
        if not is_sent:
            with self._changed:
                self._lost += len(batch)
            self._complain_now_and_then()

    def _complain_now_and_then(self) -> None:
        now = time.monotonic()
        if self._complained is None or now - self._complained >= _COMPLAINT_SECONDS:
            self._complained = now
            with self._changed:
                lost, self._lost = self._lost, 0
            self._complain("spans were not sent", spans=lost)
