"""What becomes of checkpoints, in metrics and in the log."""

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from app.trace_context import CURRENT, RequestTrace
from app.tracing import follow
from services.blobs.blob import BlobKey
from services.blobs.observer import Outcome
from services.hub.observer import Asked

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class CheckpointWatch:
    """Counts and logs what the Hub's client and the store of blobs tell.

    Called from any thread. It never sees a token.
    """

    def __init__(self, registry: CollectorRegistry, logger: Any) -> None:
        self._logger = logger
        self._doubt: Callable[[str], None] | None = None
        # A fetch is followed as part of the request that began it, and goes on without it.
        self._beginners: dict[str, RequestTrace] = {}
        self._questions = Histogram(
            "weightbank_hub_seconds",
            "How long the Hub took to answer, by kind of question; of a transfer, to begin.",
            ("question",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._failures = _counter(
            registry, "hub_failures", "Questions to the Hub that failed, by code.", "code"
        )
        self._without = _counter(
            registry,
            "hub_without",
            "Questions answered from memory since the Hub did not answer.",
            "code",
        )
        self._opened = _counter(
            registry,
            "checkpoint_opened",
            "Files of checkpoints that were opened: there, on their way already, or fetched.",
            "how",
        )
        self._fetches = _counter(
            registry, "checkpoint_fetches", "Fetches that ended, by outcome.", "outcome"
        )
        self._fetched = _counter(registry, "checkpoint_fetched_bytes", "Bytes from the Hub.")
        self._resumed = _counter(
            registry, "checkpoint_resumed", "Broken transfers that were continued."
        )
        self._evicted = _counter(
            registry, "checkpoint_evicted_bytes", "Bytes that made room for others."
        )

    def when_corrupt(self, doubt: Callable[[str], None]) -> None:
        """Have a function called with the hash of each file that proved to be another."""
        self._doubt = doubt

    def asked(self, what: Asked, seconds: float, failure: str | None) -> None:
        """See ``HubObserver.asked``."""
        self._questions.labels(what).observe(seconds)
        follow(f"hub {what}", seconds=seconds, failure=failure)
        if failure is not None:
            self._failures.labels(failure).inc()

    def did_without(self, failure: str) -> None:
        """See ``HubObserver.did_without``."""
        self._without.labels(failure).inc()

    def forgot(self, problem: str) -> None:
        """See ``HubObserver.forgot``."""
        self._logger.warning("memory of the hub failed", problem=problem)

    def hit(self, key: BlobKey) -> None:
        """See ``BlobObserver.hit``."""
        del key
        self._opened.labels("there").inc()

    def joined(self, key: BlobKey) -> None:
        """See ``BlobObserver.joined``."""
        del key
        self._opened.labels("joined").inc()

    def began(self, key: BlobKey, *, kept_bytes: int) -> None:
        """See ``BlobObserver.began``."""
        self._opened.labels("fetched").inc()
        beginner = CURRENT.get()
        if beginner is not None:
            self._beginners[key.hash] = beginner
        self._logger.info("fetch began", hash=key.hash, bytes=key.size_bytes, kept_bytes=kept_bytes)

    def followed(self, key: BlobKey) -> None:
        """See ``BlobObserver.followed``."""
        del key
        self._opened.labels("followed").inc()

    def resumed(self, key: BlobKey, *, offset: int) -> None:
        """See ``BlobObserver.resumed``."""
        self._resumed.inc()
        self._logger.warning("transfer resumed", hash=key.hash, offset=offset)

    def ended(
        self,
        key: BlobKey,
        outcome: Outcome,
        *,
        transferred_bytes: int,
        seconds: float,
        error: Exception | None,
    ) -> None:
        """See ``BlobObserver.ended``."""
        self._fetches.labels(outcome).inc()
        self._fetched.inc(transferred_bytes)
        log = self._logger.info if outcome in {"complete", "stopped"} else self._logger.error
        beginner = self._beginners.pop(key.hash, None)
        if beginner is not None:
            beginner.child(
                "fetch",
                seconds=seconds,
                failure=None if outcome == "complete" else outcome,
                transferred_bytes=transferred_bytes,
            )
        log(
            "fetch ended",
            **({} if beginner is None else beginner.ids.fields()),
            hash=key.hash,
            outcome=outcome,
            transferred_bytes=transferred_bytes,
            seconds=round(seconds, 3),
            problem=None if error is None else str(error),
        )
        if outcome == "corrupt" and self._doubt is not None:
            self._doubt(key.hash)

    def evicted(self, blob_hash: str, *, size_bytes: int) -> None:
        """See ``BlobObserver.evicted``."""
        self._evicted.inc(size_bytes)
        self._logger.info("checkpoint evicted", hash=blob_hash, bytes=size_bytes)

    def converted(self, line: str) -> None:
        """Log a line that a conversion wrote."""
        self._logger.warning("conversion", line=line)


def _counter(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Counter:
    return Counter(f"weightbank_{name}", text, labels, registry=registry)
