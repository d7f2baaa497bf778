"""What a server remembers of names, and for how long."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from services.bounded_executor import BoundedExecutor
from services.names.errors import (
    MissingVersionError,
    RetiredNameError,
    UnknownNameError,
    UnknownTeamError,
    UnknownVersionError,
)
from services.names.names import Names
from services.names.store import Agree, NameState, NameVersion
from services.names.syntax import Name, Reference
from tests.engines import eventually

NAME = Name("vision", "net")


def agree(newest: int | None) -> None:
    """Take any version."""
    del newest


class MemoryStore:
    """Names in dictionaries, and what was asked for.

    Attributes:
        gate: What was found waits for it.
    """

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.made: dict[Name, list[NameVersion]] = {}
        self.retired: dict[Name, int] = {}
        self.found: list[Reference] = []

    def put(
        self, name: Name, *, spec_id: str, note: str | None, created_by: str | None, agree: Agree
    ) -> tuple[NameVersion, bool]:
        """Make the next version."""
        versions = self.made.setdefault(name, [])
        agree(len(versions) or None)
        now = datetime.now(UTC)
        version = NameVersion(name, len(versions) + 1, spec_id, note or "", created_by, now)
        versions.append(version)
        return version, True

    def retire(self, name: Name, *, agree: Agree) -> NameState | None:
        """Retire all versions."""
        state = self.state(name)
        if state is not None:
            agree(state.newest)
            self.retired[name] = state.newest_version
        return state

    def find(self, reference: Reference) -> NameVersion | None:
        """Return a version, and remember that it was asked for."""
        state = self.state(reference.name)
        version = reference.version or (state.newest_version if state else 0)
        is_there = state and state.retired_version < version <= state.newest_version
        self.found.append(reference)
        assert self.gate.wait(60)
        return self.made[reference.name][version - 1] if is_there else None

    def state(self, name: Name) -> NameState | None:
        """Return which versions there are."""
        if name not in self.made:
            return None
        return NameState(len(self.made[name]), self.retired.get(name, 0))

    def versions(self, name: Name, *, before: int | None, limit: int) -> list[NameVersion]:
        """Return some versions."""
        return [v for v in self.made[name][::-1] if before is None or v.version < before][:limit]

    def newest(self, **_options: Any) -> list[NameVersion]:
        """Return the newest of each name."""
        return [versions[-1] for versions in self.made.values()]

    def near_names(self, name: Name) -> list[str]:
        """Return all names."""
        del name
        return [str(known) for known in self.made]

    def near_teams(self, team: str) -> list[str]:
        """Return all teams."""
        del team
        return sorted({known.team for known in self.made})


class Clock:
    """A clock that goes on when it is told to."""

    seconds = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds


def run(test: Callable[[Names, MemoryStore, Clock], Awaitable[None]], seconds: float = 10) -> None:
    """Run a test with names in memory."""
    store, clock = MemoryStore(), Clock()
    executor = BoundedExecutor("calls", threads=2, limit=4)
    names = Names(store=store, executor=executor, cache_seconds=seconds, clock=clock)

    async def whole() -> None:
        await names.put(NAME, spec="a" * 64, note=None, created_by=None, agree=agree)
        await test(names, store, clock)

    try:
        asyncio.run(whole())
    finally:
        executor.close()


def test_a_numbered_version_is_asked_for_once_in_a_while() -> None:
    """Then it is looked for again: another server may have retired it."""

    async def test(names: Names, store: MemoryStore, clock: Clock) -> None:
        first = Reference(NAME, 1)
        found = await asyncio.gather(*(names.resolve(first) for _ in range(50)))
        assert {item.spec_id for item in found} == {"a" * 64}
        clock.seconds = 9.9
        await names.resolve(first)
        assert store.found == [first]
        store.retired[NAME] = 1
        assert (await names.resolve(first)).version == 1
        clock.seconds = 10.1
        with pytest.raises(RetiredNameError):
            await names.resolve(first)

    run(test)


def test_the_newest_version_is_asked_for_each_time() -> None:
    """It may be another one now."""

    async def test(names: Names, store: MemoryStore, clock: Clock) -> None:
        del clock
        for version in (1, 2, 3):
            assert (await names.resolve(Reference(NAME, None))).version == version
            await names.put(NAME, spec="b" * 64, note=None, created_by=None, agree=agree)
        assert len(store.found) == 3

    run(test)


def test_nothing_is_kept_if_nothing_may_be() -> None:
    """With 0 seconds."""

    async def test(names: Names, store: MemoryStore, clock: Clock) -> None:
        del clock
        await names.resolve(Reference(NAME, 1))
        await names.resolve(Reference(NAME, 1))
        assert len(store.found) == 2

    run(test, seconds=0)


def test_what_is_retired_here_is_gone_at_once() -> None:
    """Whatever was kept."""

    async def test(names: Names, store: MemoryStore, clock: Clock) -> None:
        del store, clock
        await names.resolve(Reference(NAME, 1))
        await names.retire(NAME, agree=agree)
        with pytest.raises(RetiredNameError, match=r"vision/net@1' is retired"):
            await names.resolve(Reference(NAME, 1))
        with pytest.raises(RetiredNameError):
            await names.retire(NAME, agree=agree)
        with pytest.raises(RetiredNameError):
            await names.resolve(Reference(NAME, None))
        with pytest.raises(RetiredNameError):
            await names.versions(NAME, before=None, limit=1)

    run(test)


def test_who_asks_after_a_retirement_gets_nothing_that_was_looked_for_before() -> None:
    """Also if somebody else's question was under way."""

    async def test(names: Names, store: MemoryStore, clock: Clock) -> None:
        del clock
        store.gate.clear()
        before = asyncio.ensure_future(names.resolve(Reference(NAME, 1)))
        await eventually(lambda: len(store.found) == 1)
        await names.retire(NAME, agree=agree)
        after = asyncio.ensure_future(names.resolve(Reference(NAME, 1)))
        await asyncio.sleep(0)
        store.gate.set()
        await asyncio.gather(before, return_exceptions=True)
        with pytest.raises(RetiredNameError):
            await after

    run(test)


def test_what_is_missing_is_not_remembered() -> None:
    """A version that is made in the meantime is found."""

    async def test(names: Names, store: MemoryStore, clock: Clock) -> None:
        del store, clock
        second = Reference(NAME, 2)
        with pytest.raises(UnknownVersionError, match="accepted: 1, the newest one"):
            await names.resolve(second)
        await names.put(NAME, spec=Reference(NAME, 1), note=None, created_by=None, agree=agree)
        assert (await names.resolve(second)).spec_id == "a" * 64

    run(test)


def test_unknown_names_and_teams_are_told_with_near_ones() -> None:
    """And a name alone with its newest version."""

    async def test(names: Names, store: MemoryStore, clock: Clock) -> None:
        del store, clock
        with pytest.raises(UnknownNameError, match=r"vision/net .did you mean this"):
            await names.resolve(Reference(Name("vision", "nets"), 1))
        with pytest.raises(UnknownTeamError, match=r"vision .did you mean this"):
            await names.check_team("visio")
        await names.check_team("vision")
        with pytest.raises(MissingVersionError, match="vision/net@1, the newest one"):
            await names.refuse_without_version(NAME)

    run(test)
