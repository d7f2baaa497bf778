"""How many bytes a key may take in a day."""

import asyncio

import pytest

from services.errors import StoreUnavailableError
from services.keys.errors import QuotaSpentError
from services.keys.quotas import _IDLE_SECONDS, Reservation
from tests.engines import eventually
from tests.unit.services.keys.quota_bench import Bench, run

DAY_SECONDS = 86_400
TODAY = "2026-01-31"


def test_what_does_not_fit_is_refused_with_what_is_left() -> None:
    """And when there will be more: at midnight in UTC."""

    async def work(bench: Bench) -> None:
        (await bench.reserve(700, 1000)).release(sent_bytes=700)
        with pytest.raises(QuotaSpentError) as caught:
            await bench.reserve(301, 1000)
        assert "has 300 bytes left of 1,000 a day, and this answer has 301" in str(caught.value)
        assert caught.value.accepted == f"try again in {DAY_SECONDS // 2} s"
        assert caught.value.retry_after_seconds == DAY_SECONDS / 2
        (await bench.reserve(300, 1000)).release(sent_bytes=300)
        with pytest.raises(QuotaSpentError):
            await bench.reserve(1, 1000)

    run(work)


def test_an_answer_larger_than_the_quota_never_fits() -> None:
    """It takes nothing, and nobody is told to come again for it."""

    async def work(bench: Bench) -> None:
        with pytest.raises(QuotaSpentError) as caught:
            await bench.reserve(1001, 1000)
        assert caught.value.accepted.startswith("ranges of at most 1,000 bytes a day")
        assert bench.used_bytes == 0

    run(work)


def test_what_was_not_sent_is_given_back() -> None:
    """To the account at once, to the store a little later."""

    async def work(bench: Bench) -> None:
        (await bench.reserve(1000, 1000)).release(sent_bytes=10)
        (await bench.reserve(990, 1000)).release(sent_bytes=0)
        assert bench.used_bytes == 1000
        bench.clock.seconds += _IDLE_SECONDS
        await bench.sweep()
        assert bench.used_bytes == 10

    run(work)


def test_small_answers_share_a_lease() -> None:
    """Not each of them asks the store."""

    async def work(bench: Bench) -> None:
        for _ in range(100):
            (await bench.reserve(1, 10_000)).release(sent_bytes=1)
        assert bench.store.calls == 1
        assert bench.used_bytes == 100

    run(work)


def test_a_block_is_a_small_part_of_the_quota() -> None:
    """So that what one server holds is not missed by the others."""

    async def work(bench: Bench) -> None:
        await bench.reserve(1, 640)
        assert bench.used_bytes == 10

    run(work)


def test_more_than_a_block_is_not_kept() -> None:
    """A broken download's rest is everybody's at the next sweep, busy or not."""

    async def work(bench: Bench) -> None:
        (await bench.reserve(9000, 10_000)).release(sent_bytes=0)
        await bench.sweep()
        assert bench.used_bytes == 100

    run(work)


def test_a_new_day_has_its_own_bytes() -> None:
    """What is left of the old one goes back to the old one."""

    async def work(bench: Bench) -> None:
        held = await bench.reserve(1000, 1000)
        with pytest.raises(QuotaSpentError):
            await bench.reserve(1, 1000)
        bench.clock.seconds += DAY_SECONDS / 2
        (await bench.reserve(1000, 1000)).release(sent_bytes=1000)
        held.release(sent_bytes=400)
        await bench.sweep()
        assert bench.store.bytes["key", TODAY] == 400
        assert bench.used_bytes == 1000

    run(work)


def test_everything_left_goes_back_at_the_end() -> None:
    """A server that stops keeps nothing from the others."""

    async def work(bench: Bench) -> None:
        (await bench.reserve(5, 10_000)).release(sent_bytes=5)
        await bench.servers[0].close()
        assert bench.used_bytes == 5

    run(work)


def test_keys_without_a_quota_are_counted_too() -> None:
    """A little later, and nobody waits for the store."""

    async def work(bench: Bench) -> None:
        bench.store.is_down = True
        (await bench.reserve(2**50, 0)).release(sent_bytes=12)
        await bench.sweep()
        bench.store.is_down = False
        bench.clock.seconds += _IDLE_SECONDS
        await bench.sweep()
        assert bench.used_bytes == 12
        assert not bench.servers[0]._accounts

    run(work)


def test_without_the_store_only_what_is_leased_is_sent() -> None:
    """A quota is never guessed."""

    async def work(bench: Bench) -> None:
        (await bench.reserve(1, 10_000)).release(sent_bytes=1)
        bench.store.is_down = True
        (await bench.reserve(99, 10_000)).release(sent_bytes=99)
        with pytest.raises(StoreUnavailableError):
            await bench.reserve(1, 10_000)

    run(work)


async def leave_while_it_leases(bench: Bench) -> None:
    """Ask for bytes, and go away before the store, which waits at its gate, has answered."""
    bench.store.gate.clear()
    leaving = asyncio.ensure_future(bench.reserve(1000, 1000))
    await eventually(lambda: bench.store.calls == 1)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)


def test_who_goes_away_while_bytes_are_leased_loses_none() -> None:
    """The next one has them, or the store gets them back."""

    async def work(bench: Bench) -> None:
        await leave_while_it_leases(bench)
        bench.store.gate.set()
        await eventually(lambda: bench.used_bytes == 1000)
        (await bench.reserve(1000, 1000)).release(sent_bytes=1000)

    run(work)


def test_a_lease_that_comes_late_is_given_back() -> None:
    """Nobody waits for it any more, and nothing was asked for since."""

    async def work(bench: Bench) -> None:
        await leave_while_it_leases(bench)
        bench.clock.seconds += _IDLE_SECONDS
        await bench.sweep()
        bench.store.gate.set()
        await eventually(lambda: bench.used_bytes == 1000)
        accounts = bench.servers[0]._accounts
        await eventually(lambda: all(not account.answers for account in accounts.values()))
        bench.clock.seconds += _IDLE_SECONDS
        await bench.sweep()
        assert bench.used_bytes == 0

    run(work)


def test_what_may_have_been_given_back_is_not_given_back_again() -> None:
    """The database had done it, and could not say so any more."""

    async def work(bench: Bench) -> None:
        (await bench.reserve(1000, 1000)).release(sent_bytes=0)
        bench.store.is_uncertain = True
        await bench.sweep()
        bench.store.is_uncertain = False
        bench.clock.seconds += _IDLE_SECONDS
        await bench.sweep()
        assert bench.used_bytes == 0

    run(work)


def test_many_at_once_get_exactly_the_quota() -> None:
    """Over three servers, in any order."""

    async def work(bench: Bench) -> None:
        asked = [bench.reserve(10, 1000, server=index % 3) for index in range(300)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        served = [result for result in results if isinstance(result, Reservation)]
        refused = [result for result in results if isinstance(result, QuotaSpentError)]
        assert len(served) + len(refused) == 300
        # A block may be with another server for the moment, but is a 64th of the quota.
        assert 1000 - 3 * (1000 // 64) - 10 < 10 * len(served) <= 1000
        for reservation in served:
            reservation.release(sent_bytes=10)
        bench.clock.seconds += _IDLE_SECONDS
        await bench.sweep()
        assert bench.used_bytes == 10 * len(served)
        rest = 100 - len(served)
        for _ in range(rest):
            (await bench.reserve(10, 1000)).release(sent_bytes=10)
        with pytest.raises(QuotaSpentError):
            await bench.reserve(10, 1000)

    run(work, servers=3)


def test_a_spent_quota_costs_the_store_little() -> None:
    """It is asked again after a moment, not by each who is refused."""

    async def work(bench: Bench) -> None:
        (await bench.reserve(1000, 1000)).release(sent_bytes=1000)
        before = bench.store.calls
        for _ in range(50):
            with pytest.raises(QuotaSpentError):
                await bench.reserve(1, 1000)
        assert bench.store.calls == before + 1

    run(work)
