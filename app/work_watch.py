"""Blocking work of requests (the store, the disk, the Hub), in metrics and in traces."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.tracing import follow

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)

STORE: Final = "store"
KEYS: Final = "keys"
EXCHANGE: Final = "exchange"
RESOLVING: Final = "resolving"
HUB: Final = "hub"
HUB_MEMORY: Final = "hub memory"
DISK: Final = "disk"
CONVERSION: Final = "conversion"
KINDS: Final = (STORE, KEYS, EXCHANGE, RESOLVING, HUB, HUB_MEMORY, DISK, CONVERSION)
"""Of work, by what it waits for."""


class WorkWatch:
    """Gives each executor something to tell.

    Examples:
        >>> registry = CollectorRegistry()
        >>> work = WorkWatch(registry).of(STORE)
        >>> work.ran(waited_seconds=0.5, seconds=1.0, failure=None)
        >>> registry.get_sample_value("weightbank_work_seconds_sum", {"work": "store"})
        1.0
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "weightbank_work_seconds",
            "How long a call of the store, of the disk or of the Hub took, or resolving a spec.",
            ("work",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._waited = Histogram(
            "weightbank_work_waited_seconds",
            "How long it waited for a thread before that.",
            ("work",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "weightbank_work_failures",
            "How often it ended in an error, by the error's code.",
            ("work", "code"),
            registry=registry,
        )
        self._refused = Counter(
            "weightbank_work_refused",
            "How often there was no place for it.",
            ("work",),
            registry=registry,
        )
        self._busy = Gauge(
            "weightbank_work_in_progress",
            "How much of it runs or waits for a thread.",
            ("work",),
            registry=registry,
        )
        for kind in KINDS:
            # Series that are there from the start, so that a first event is an increase.
            self.of(kind)

    def of(self, kind: str) -> "Work":
        """Return what hears of one kind of work."""
        return Work(
            kind,
            seconds=self._seconds.labels(kind),
            waited=self._waited.labels(kind),
            failures=self._failures,
            refused=self._refused.labels(kind),
            busy=self._busy.labels(kind),
        )


class Work:
    """Hears of one kind of work; see ``WorkObserver``."""

    def __init__(
        self,
        kind: str,
        *,
        seconds: Histogram,
        waited: Histogram,
        failures: Counter,
        refused: Counter,
        busy: Gauge,
    ) -> None:
        self._kind = kind
        self._seconds = seconds
        self._waited = waited
        self._failures = failures
        self._refused = refused
        self._busy = busy

    def took(self, change: int) -> None:
        """See ``WorkObserver.took``."""
        self._busy.inc(change)

    def refused(self) -> None:
        """See ``WorkObserver.refused``."""
        self._refused.inc()

    def ran(self, *, waited_seconds: float, seconds: float, failure: str | None) -> None:
        """See ``WorkObserver.ran``."""
        self._waited.observe(waited_seconds)
        self._seconds.observe(seconds)
        if failure is not None:
            self._failures.labels(self._kind, failure).inc()
        follow(self._kind, seconds=seconds, failure=failure, waited_seconds=waited_seconds)
