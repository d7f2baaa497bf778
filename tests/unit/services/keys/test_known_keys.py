"""Keys in memory: for how long they count, and what happens while the store is away."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from services.errors import OverloadedError, StoreUnavailableError
from services.keys.key import Key
from services.keys.key_text import make_key
from services.keys.known_keys import _MOST_LOOKED_FOR, _MOST_UNKNOWN, KeyTimes, KnownKeys
from tests.engines import eventually
from tests.keys import NOON, Clock, FakeKeyStore, new_key

TIMES = KeyTimes(cache_seconds=0.5, grace_seconds=300, patience_seconds=60)


class Bench:
    """Known keys, with the store and the clock they have."""

    def __init__(self, times: KeyTimes, *keys: Key) -> None:
        self.clock = Clock()
        self.store = FakeKeyStore(*keys)
        self.known = KnownKeys(self.store, times=times, clock=self.clock)


def run(work: Callable[[Bench], Awaitable[None]], *keys: Key, times: KeyTimes = TIMES) -> None:
    """Run a test, and end the threads."""

    async def main() -> None:
        bench = Bench(times, *keys)
        try:
            await asyncio.wait_for(work(bench), 60)
        finally:
            bench.store.gate.set()
            await asyncio.to_thread(bench.known.close)

    asyncio.run(main())


def test_a_key_is_asked_for_once_in_a_while() -> None:
    """Not again before the cache's time is over."""
    _, key = new_key()

    async def work(bench: Bench) -> None:
        for step in (0.0, 0.25, 0.24):
            bench.clock.seconds += step
            assert await bench.known.find(key.id) == key
        assert len(bench.store.questions) == 1
        bench.clock.seconds += 0.02
        assert await bench.known.find(key.id) == key
        assert len(bench.store.questions) == 2

    run(work, key)


def test_a_revoked_key_is_seen_within_half_a_second() -> None:
    """Time counts from the question, not from the answer."""
    _, key = new_key()

    async def work(bench: Bench) -> None:
        await bench.known.find(key.id)
        bench.store.revoke(key.id, NOON)
        bench.clock.seconds += 0.49
        found = await bench.known.find(key.id)
        assert found is not None
        assert found.revoked_at is None
        bench.clock.seconds += 0.01
        found = await bench.known.find(key.id)
        assert found is not None
        assert found.revoked_at == NOON

    run(work, key)


def test_a_key_that_was_deleted_is_none() -> None:
    """Also one that was known."""
    _, key = new_key()

    async def work(bench: Bench) -> None:
        await bench.known.find(key.id)
        bench.store.keys.clear()
        bench.clock.seconds += 1
        assert await bench.known.find(key.id) is None

    run(work, key)


def test_one_question_is_for_all_who_wait() -> None:
    """At the first time, and later."""
    _, key = new_key()

    async def work(bench: Bench) -> None:
        for expected in (1, 2):
            bench.store.gate.clear()
            asking = [asyncio.ensure_future(bench.known.find(key.id)) for _ in range(50)]
            await eventually(lambda expected=expected: len(bench.store.questions) == expected)
            bench.store.gate.set()
            assert await asyncio.gather(*asking) == [key] * 50
            assert len(bench.store.questions) == expected
            bench.clock.seconds += 1

    run(work, key)


def test_an_unknown_key_is_remembered_too() -> None:
    """For as long, so that a new key opens soon."""
    text, key = new_key()

    async def work(bench: Bench) -> None:
        assert await bench.known.find(text.id) is None
        assert await bench.known.find(text.id) is None
        assert len(bench.store.questions) == 1
        bench.store.add(key)
        bench.clock.seconds += 0.5
        assert await bench.known.find(text.id) == key

    run(work)


def test_a_known_key_counts_while_the_store_is_away() -> None:
    """Within the time of grace, and one question for each time of the cache."""
    _, key = new_key()

    async def work(bench: Bench) -> None:
        await bench.known.find(key.id)
        bench.store.is_down = True
        bench.clock.seconds += 299
        for _ in range(10):
            assert await bench.known.find(key.id) == key
        assert len(bench.store.questions) == 2
        bench.clock.seconds += 1
        with pytest.raises(StoreUnavailableError):
            await bench.known.find(key.id)
        bench.store.is_down = False
        bench.clock.seconds += 0.5
        assert await bench.known.find(key.id) == key

    run(work, key)


def test_a_key_that_was_never_seen_has_no_grace() -> None:
    """Nobody can say whether it counts."""
    _, key = new_key()

    async def work(bench: Bench) -> None:
        bench.store.is_down = True
        with pytest.raises(StoreUnavailableError):
            await bench.known.find(key.id)

    run(work, key)


def test_grace_ends_at_once_when_the_store_says_so() -> None:
    """A revocation is no absence."""
    _, key = new_key()

    async def work(bench: Bench) -> None:
        await bench.known.find(key.id)
        bench.store.is_down = True
        bench.clock.seconds += 1
        assert await bench.known.find(key.id) == key
        bench.store.is_down = False
        bench.store.keys[key.id] = replace(key, revoked_at=NOON)
        bench.clock.seconds += 1
        found = await bench.known.find(key.id)
        assert found is not None
        assert found.revoked_at == NOON

    run(work, key)


def test_a_store_that_hangs_is_waited_for_once() -> None:
    """Who comes later goes on at once; when it answers, that counts again."""
    _, key = new_key()
    times = replace(TIMES, patience_seconds=0.01)

    async def work(bench: Bench) -> None:
        await bench.known.find(key.id)
        bench.store.gate.clear()
        bench.clock.seconds += 1
        assert await bench.known.find(key.id) == key
        bench.clock.seconds += 1
        for _ in range(20):
            assert await bench.known.find(key.id) == key
        assert len(bench.store.questions) == 2
        bench.store.revoke(key.id, NOON)
        bench.store.gate.set()
        await eventually(lambda: bench.known._known[key.id].key.revoked_at is not None)
        found = await bench.known.find(key.id)
        assert found is not None
        assert found.revoked_at == NOON

    run(work, key, times=times)


def test_a_flood_of_unknown_keys_is_bounded() -> None:
    """It waits in a line of its own, and takes no known key with it."""
    _, key = new_key()

    async def work(bench: Bench) -> None:
        await bench.known.find(key.id)
        bench.store.gate.clear()
        flood = [
            asyncio.ensure_future(bench.known.find(make_key().id))
            for _ in range(_MOST_LOOKED_FOR + 100)
        ]
        await eventually(lambda: sum(task.done() for task in flood) == 100)
        refused = [task for task in flood if task.done()]
        assert all(isinstance(task.exception(), OverloadedError) for task in refused)
        asked = len(bench.store.questions)
        bench.clock.seconds += 1
        known = asyncio.ensure_future(bench.known.find(key.id))
        # Its question is asked though those of the flood are not answered.
        await eventually(lambda: len(bench.store.questions) > asked)
        assert bench.store.questions[-1] == key.id
        bench.store.gate.set()
        assert await known == key
        await asyncio.gather(*flood, return_exceptions=True)

    run(work, key)


def test_what_is_remembered_of_unknown_keys_is_bounded() -> None:
    """And known ones stay, however many others come."""
    _, key = new_key()

    async def work(bench: Bench) -> None:
        await bench.known.find(key.id)
        for number in range(_MOST_UNKNOWN + 50):
            await bench.known.find(f"{number:012d}")
        assert len(bench.known._unknown) == _MOST_UNKNOWN
        asked = len(bench.store.questions)
        await bench.known.find(key.id)
        assert len(bench.store.questions) == asked

    run(work, key)
