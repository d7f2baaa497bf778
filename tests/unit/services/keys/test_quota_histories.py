"""Quotas in any order of what can happen."""

import contextlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.keys.errors import QuotaSpentError
from services.keys.quotas import _IDLE_SECONDS, Reservation
from tests.unit.services.keys.quota_bench import Bench, run

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(0, 1), st.integers(1, 700)),
        st.tuples(st.just("release"), st.integers(0, 9), st.floats(0, 1)),
        st.tuples(st.just("wait"), st.integers(1, 8), st.just(0)),
        st.tuples(st.just("sweep"), st.integers(0, 1), st.just(0)),
    ),
    max_size=40,
)


@given(steps=STEPS, quota=st.integers(1, 2000), block_bytes=st.integers(1, 400))
def test_no_history_sends_more_than_the_quota(
    steps: list[tuple[str, int, Any]], quota: int, block_bytes: int
) -> None:
    """And what the store counts in the end is what was sent, to the byte."""

    async def work(bench: Bench) -> None:
        held: list[tuple[Reservation, int]] = []
        sent_bytes = 0
        for kind, number, amount in steps:
            if kind == "reserve":
                with contextlib.suppress(QuotaSpentError):
                    held.append((await bench.reserve(amount, quota, server=number), amount))
            elif kind == "release" and held:
                reservation, size_bytes = held.pop(number % len(held))
                sent = int(size_bytes * amount)
                reservation.release(sent_bytes=sent)
                sent_bytes += sent
            elif kind == "wait":
                bench.clock.seconds += number
            elif kind == "sweep":
                await bench.servers[number].sweep()
            promised = sum(size for _, size in held)
            assert sent_bytes + promised <= bench.used_bytes <= quota
        for reservation, size_bytes in held:
            reservation.release(sent_bytes=size_bytes)
            sent_bytes += size_bytes
        bench.clock.seconds += _IDLE_SECONDS
        await bench.sweep()
        assert bench.used_bytes == sent_bytes
        if sent_bytes < quota:
            (await bench.reserve(quota - sent_bytes, quota)).release(sent_bytes=0)

    run(work, servers=2, block_bytes=block_bytes)
