"""Spans that wait for a collector."""

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from app.span_queue import SpanQueue

SECONDS = 30


class StuckExporter(SpanExporter):
    """Takes a batch, and keeps it until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.has_one = threading.Event()
        self.go_on = threading.Event()
        self.result: SpanExportResult | Exception = SpanExportResult.SUCCESS

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Wait."""
        self.has_one.set()
        assert self.go_on.wait(SECONDS)
        self.batches.append([span.name for span in spans])
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Told:
    """What a queue tells."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.lines: list[dict[str, Any]] = []

    def count(self, outcome: str, spans: int) -> None:
        """Keep a count."""
        self.counts[outcome] += spans

    def complain(self, event: str, **fields: Any) -> None:
        """Keep a line."""
        self.lines.append({"event": event, **fields})


def provider_of(queue: SpanQueue, *, sampler: Any = ALWAYS_ON) -> TracerProvider:
    """A provider whose spans go to a queue."""
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(queue)
    return provider


def end_spans(provider: TracerProvider, *names: str) -> None:
    """Begin and end spans."""
    for name in names:
        provider.get_tracer("test").start_span(name).end()


def test_a_full_queue_drops_and_holds_nobody_up() -> None:
    """While a collector takes its time, requests go on; what is lost is counted."""
    exporter, told = StuckExporter(), Told()
    queue = SpanQueue(exporter, count=told.count, complain=told.complain, most_spans=2)
    provider = provider_of(queue)
    end_spans(provider, "1")
    assert exporter.has_one.wait(SECONDS)
    end_spans(provider, "2", "3", "4", "5")
    assert told.counts == {"dropped": 2}
    exporter.go_on.set()
    provider.shutdown()
    assert exporter.batches == [["1"], ["2", "3"]]
    assert told.counts == {"dropped": 2, "sent": 3}


def test_failures_are_counted_and_told_once_in_a_while() -> None:
    """An exporter's own mistake among them."""
    exporter, told = StuckExporter(), Told()
    exporter.go_on.set()
    queue = SpanQueue(exporter, count=told.count, complain=told.complain)
    provider = provider_of(queue)
    exporter.result = ValueError("on purpose")
    end_spans(provider, *"abc")
    provider.shutdown()
    assert told.counts == {"failed": 3}
    assert told.lines == [{"event": "spans were not sent", "spans": 3}]


def test_what_is_not_sampled_is_nobodys_business() -> None:
    """It begins no thread either."""
    exporter, told = StuckExporter(), Told()
    queue = SpanQueue(exporter, count=told.count, complain=told.complain)
    provider = provider_of(queue, sampler=ALWAYS_OFF)
    end_spans(provider, "1")
    provider.shutdown()
    assert told.counts == {}
    assert exporter.batches == []


def test_a_span_after_the_end_is_dropped() -> None:
    """And counted."""
    exporter, told = StuckExporter(), Told()
    queue = SpanQueue(exporter, count=told.count, complain=told.complain)
    provider = provider_of(queue)
    queue.shutdown()
    end_spans(provider, "late")
    assert told.counts == {"dropped": 1}
