"""When keys were used last."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from services.keys.use_notes import UseNotes
from tests.keys import NOON, Clock, FakeKeyStore, new_key


def run(work: Callable[[UseNotes, FakeKeyStore, Clock], Awaitable[None]]) -> None:
    """Run a test, and end the thread."""

    async def main() -> None:
        store, clock = FakeKeyStore(), Clock()
        notes = UseNotes(store, now=clock.now)
        await work(notes, store, clock)
        await notes.close()

    asyncio.run(main())


def test_a_use_is_written_once_a_minute() -> None:
    """And not by whoever uses the key."""
    _, key = new_key()

    async def work(notes: UseNotes, store: FakeKeyStore, clock: Clock) -> None:
        for step in (0, 30, 29, 2):
            clock.seconds += step
            notes.note(key)
            notes.note(key)
            await notes.write()
        assert store.marks == [{key.id: NOON}, {key.id: NOON + timedelta(seconds=61)}]

    run(work)


def test_a_use_that_another_server_has_written_is_not_written_again() -> None:
    """Within the same minute."""
    _, key = new_key(used_at=NOON - timedelta(seconds=59))

    async def work(notes: UseNotes, store: FakeKeyStore, clock: Clock) -> None:
        notes.note(key)
        await notes.write()
        assert store.marks == []
        clock.seconds += 1
        notes.note(key)
        await notes.write()
        assert len(store.marks) == 1

    run(work)


def test_a_use_waits_for_a_store_that_is_away() -> None:
    """And is written at the end, at the latest."""
    _, key = new_key()
    kept: list[FakeKeyStore] = []

    async def work(notes: UseNotes, store: FakeKeyStore, _clock: Clock) -> None:
        kept.append(store)
        store.is_down = True
        notes.note(key)
        await notes.write()
        assert store.marks == []
        store.is_down = False

    run(work)
    assert kept[0].marks == [{key.id: NOON}]
