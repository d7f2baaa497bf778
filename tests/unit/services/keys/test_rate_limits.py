"""How often a key may ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keys.errors import RateLimitedError
from services.keys.rate_limits import BURST_SECONDS, RateLimits, TokenBucket, burst_of
from tests.keys import Clock

RATES = st.floats(0.001, 1000)
PAUSES = st.lists(st.floats(0, 30), min_size=1, max_size=80)


@given(per_second=RATES, pauses=PAUSES)
def test_no_more_than_the_rate_and_a_burst_get_through(
    per_second: float, pauses: list[float]
) -> None:
    """In any stretch of time that begins with a full bucket."""
    bucket, now, taken = TokenBucket(burst_of(per_second), 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now, per_second=per_second) == 0
        assert taken <= burst_of(per_second) + per_second * now + 1e-6


@given(per_second=RATES, pauses=PAUSES)
def test_who_waits_as_long_as_is_said_gets_through(per_second: float, pauses: list[float]) -> None:
    """No client that keeps to Retry-After is refused twice."""
    bucket, now = TokenBucket(burst_of(per_second), 0.0), 0.0
    for pause in pauses:
        now += pause
        wait = bucket.take(now, per_second=per_second)
        assert wait >= 0
        if wait:
            now += wait * (1 + 1e-9) + 1e-9
            assert bucket.take(now, per_second=per_second) == 0


@given(pauses=st.lists(st.floats(-30, 30), max_size=40))
def test_a_clock_that_goes_back_gives_nothing(pauses: list[float]) -> None:
    """A bucket never holds more than a burst, nor less than nothing."""
    bucket, now = TokenBucket(1.0, 0.0), 0.0
    for pause in pauses:
        now += pause
        bucket.take(now, per_second=1)
        assert 0 <= bucket.tokens <= burst_of(1)


def test_a_refusal_says_when_to_come_again() -> None:
    """In whole seconds, rounded up."""
    clock = Clock()
    limits = RateLimits(clock=clock)
    for _ in range(BURST_SECONDS):
        limits.take("key", requests_per_second=1)
    clock.seconds += 0.1
    with pytest.raises(RateLimitedError) as caught:
        limits.take("key", requests_per_second=1)
    assert caught.value.retry_after_seconds == 1
    clock.seconds += 1
    limits.take("key", requests_per_second=1)


def test_keys_have_buckets_of_their_own() -> None:
    """One that asks too often takes nothing from another."""
    limits = RateLimits(clock=Clock())
    limits.take("one", requests_per_second=0.01)
    with pytest.raises(RateLimitedError):
        limits.take("one", requests_per_second=0.01)
    limits.take("other", requests_per_second=0.01)


def test_no_limit_needs_no_bucket() -> None:
    """However often it asks."""
    limits = RateLimits(clock=Clock())
    for _ in range(1000):
        limits.take("key", requests_per_second=0)
    assert not limits._buckets


def test_buckets_are_bounded() -> None:
    """The one used longest ago goes first."""
    limits = RateLimits(clock=Clock(), most_buckets=3)
    for name in ("a", "b", "c", "a", "d"):
        limits.take(name, requests_per_second=1)
    assert list(limits._buckets) == ["c", "a", "d"]


def test_nobody_is_told_to_wait_for_more_than_a_day() -> None:
    """Also at a rate whose inverse is no number."""
    limits = RateLimits(clock=Clock())
    limits.take("key", requests_per_second=5e-324)
    with pytest.raises(RateLimitedError) as caught:
        limits.take("key", requests_per_second=5e-324)
    assert caught.value.retry_after_seconds == 86_400
