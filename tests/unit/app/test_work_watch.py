"""Blocking work, as it is told by executors that are at work."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from app.trace_context import CURRENT, RequestIds
from app.work_watch import KINDS, STORE, WorkWatch
from services.bounded_executor import BoundedExecutor
from services.errors import OverloadedError, StoreUnavailableError


class Followed:
    """A request that keeps what was done for it."""

    def __init__(self) -> None:
        self.ids = RequestIds("r", "t", "s")
        self.children: list[tuple[str, str | None]] = []

    def child(self, name: str, *, failure: str | None = None, **_: Any) -> None:
        """Keep it."""
        self.children.append((name, failure))


def run(registry: CollectorRegistry, *functions: Callable[[], Any], limit: int = 9) -> list[Any]:
    """Run functions at once in an executor that is watched; errors are returned, too."""

    async def main() -> list[Any]:
        work = WorkWatch(registry).of(STORE)
        executor = BoundedExecutor("calls", threads=1, limit=limit, observer=work)
        try:
            calls = (executor.run(function) for function in functions)
            return await asyncio.gather(*calls, return_exceptions=True)
        finally:
            await asyncio.to_thread(executor.close)

    return asyncio.run(main())


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """A metric of the store."""
    return registry.get_sample_value(f"weightbank_work_{name}", {"work": STORE, **labels})


def fail(error: Exception) -> Callable[[], None]:
    """A function that raises."""

    def function() -> None:
        raise error

    return function


def test_every_kind_is_there_before_anything_happens() -> None:
    """So that a first event is an increase."""
    registry = CollectorRegistry()
    WorkWatch(registry)
    for kind in KINDS:
        assert registry.get_sample_value("weightbank_work_seconds_count", {"work": kind}) == 0


def test_work_is_counted_with_its_failures() -> None:
    """Ours are internal, others have their code; nothing is in progress in the end."""
    registry = CollectorRegistry()
    run(registry, list, fail(StoreUnavailableError()), fail(ValueError("x")))
    assert value(registry, "seconds_count") == 3
    assert value(registry, "waited_seconds_count") == 3
    assert value(registry, "failures_total", code="store_unavailable") == 1
    assert value(registry, "failures_total", code="internal") == 1
    assert value(registry, "in_progress") == 0


def test_what_finds_no_place_is_counted() -> None:
    """It did not run."""
    registry = CollectorRegistry()
    _, refused = run(registry, list, list, limit=1)
    assert isinstance(refused, OverloadedError)
    assert value(registry, "refused_total") == 1
    assert value(registry, "seconds_count") == 1


def test_work_belongs_to_the_request_that_asked_for_it() -> None:
    """Its thread works in a copy of the asker's context."""
    followed, seen = Followed(), []
    reset = CURRENT.set(followed)
    try:
        run(CollectorRegistry(), lambda: seen.append(CURRENT.get()), fail(StoreUnavailableError()))
    finally:
        CURRENT.reset(reset)
    assert seen == [followed]
    assert followed.children == [(STORE, None), (STORE, "store_unavailable")]


def test_a_thread_keeps_nothing_of_whom_it_worked_for() -> None:
    """The next one's context is the next one's."""
    variable: ContextVar[str | None] = ContextVar("variable", default=None)
    _, seen = run(CollectorRegistry(), lambda: variable.set("set"), variable.get)
    assert seen is None


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_words(kind: str) -> None:
    """They stand in queries."""
    assert kind.replace(" ", "").isalpha()
