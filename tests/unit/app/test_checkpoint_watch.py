"""What becomes of checkpoints, as metrics and log lines."""

import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from app.checkpoint_watch import CheckpointWatch
from app.logs import make_logger
from app.trace_context import CURRENT, RequestIds
from services.blobs.blob import BlobKey
from services.blobs.observer import Outcome
from services.hub.errors import CorruptFileError

KEY = BlobKey("sha256:" + "0" * 64, 1000)
ERROR = CorruptFileError("file", "x", "is another")


@dataclass
class Watched:
    """A watch with a registry and a log of its own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    stream: io.StringIO = field(default_factory=io.StringIO)
    watch: CheckpointWatch = field(init=False)

    def __post_init__(self) -> None:
        logger = make_logger("info", stream=self.stream)
        self.watch = CheckpointWatch(self.registry, logger)

    def value(self, name: str, **labels: str) -> float | None:
        """Return a metric."""
        return self.registry.get_sample_value(f"weightbank_{name}", labels)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def watched() -> Watched:
    """A watch that saw nothing."""
    return Watched()


def test_questions_are_timed_and_failures_counted(watched: Watched) -> None:
    """By kind of question, and by code."""
    watched.watch.asked("snapshot", 0.3, None)
    watched.watch.asked("snapshot", 0.2, "upstream_busy")
    watched.watch.did_without("upstream_unavailable")
    assert watched.value("hub_seconds_count", question="snapshot") == 2
    assert watched.value("hub_seconds_sum", question="snapshot") == pytest.approx(0.5)
    assert watched.value("hub_failures_total", code="upstream_busy") == 1
    assert watched.value("hub_without_total", code="upstream_unavailable") == 1
    assert watched.lines == []


def test_openings_are_counted_by_where_the_file_was(watched: Watched) -> None:
    """There, on its way already, or fetched, by this process or another."""
    watched.watch.hit(KEY)
    watched.watch.joined(KEY)
    watched.watch.followed(KEY)
    watched.watch.began(KEY, kept_bytes=10)
    for how in ("there", "joined", "followed", "fetched"):
        assert watched.value("checkpoint_opened_total", how=how) == 1
    (line,) = watched.lines
    assert (line["event"], line["hash"], line["bytes"]) == ("fetch began", KEY.hash, 1000)
    assert line["kept_bytes"] == 10


@pytest.mark.parametrize(
    ("outcome", "error", "level"),
    [
        ("complete", None, "info"),
        ("stopped", ERROR, "info"),
        ("corrupt", ERROR, "error"),
        ("failed", ERROR, "error"),
        ("no_storage", ERROR, "error"),
    ],
)
def test_a_fetch_that_ended_is_counted_and_logged(
    watched: Watched, outcome: Outcome, error: Exception | None, level: str
) -> None:
    """With its bytes, and with what went wrong."""
    watched.watch.ended(KEY, outcome, transferred_bytes=700, seconds=1.23456, error=error)
    assert watched.value("checkpoint_fetches_total", outcome=outcome) == 1
    assert watched.value("checkpoint_fetched_bytes_total") == 700
    (line,) = watched.lines
    assert (line["event"], line["level"], line["outcome"]) == ("fetch ended", level, outcome)
    assert (line["transferred_bytes"], line["seconds"]) == (700, 1.235)
    assert line["problem"] == (None if error is None else str(error))


def test_a_file_that_proved_to_be_another_is_told_of(watched: Watched) -> None:
    """To whoever wants to know, and of no other outcome."""
    doubted: list[str] = []
    watched.watch.ended(KEY, "corrupt", transferred_bytes=0, seconds=0, error=ERROR)
    watched.watch.when_corrupt(doubted.append)
    watched.watch.ended(KEY, "failed", transferred_bytes=0, seconds=0, error=ERROR)
    assert doubted == []
    watched.watch.ended(KEY, "corrupt", transferred_bytes=0, seconds=0, error=ERROR)
    assert doubted == [KEY.hash]


def test_what_is_worth_a_look_is_logged(watched: Watched) -> None:
    """Resumed transfers, evictions, a memory that fails, and what a conversion printed."""
    watched.watch.resumed(KEY, offset=500)
    watched.watch.evicted(KEY.hash, size_bytes=1000)
    watched.watch.forgot("disk full")
    watched.watch.converted("a warning")
    assert watched.value("checkpoint_resumed_total") == 1
    assert watched.value("checkpoint_evicted_bytes_total") == 1000
    resumed, evicted, forgot, converted = watched.lines
    assert (resumed["event"], resumed["offset"]) == ("transfer resumed", 500)
    assert (evicted["event"], evicted["bytes"]) == ("checkpoint evicted", 1000)
    assert (forgot["level"], forgot["problem"]) == ("warning", "disk full")
    assert (converted["event"], converted["line"]) == ("conversion", "a warning")


class Beginner:
    """A request that keeps what was done for it."""

    def __init__(self) -> None:
        self.ids = RequestIds("r", "t", "s")
        self.children: list[tuple[str, str | None]] = []

    def child(self, name: str, *, failure: str | None = None, **_: Any) -> None:
        """Keep it."""
        self.children.append((name, failure))


def test_a_fetch_belongs_to_the_request_that_began_it(watched: Watched) -> None:
    """Also when it ends in a thread of its own, long after."""
    beginner = Beginner()
    reset = CURRENT.set(beginner)
    try:
        watched.watch.asked("snapshot", 0.1, None)
        watched.watch.began(KEY, kept_bytes=0)
    finally:
        CURRENT.reset(reset)
    for outcome in ("corrupt", "complete"):
        watched.watch.ended(KEY, outcome, transferred_bytes=1, seconds=1.0, error=None)
    assert beginner.children == [("hub snapshot", None), ("fetch", "corrupt")]
    first, second = (line for line in watched.lines if line["event"] == "fetch ended")
    assert beginner.ids.fields().items() <= first.items()
    assert "request_id" not in second
