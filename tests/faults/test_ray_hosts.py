"""A host of a Ray cluster is lost in mid-stream: killed, or cut off."""

import importlib.util
from collections.abc import Iterator

import pytest

from tests.ray_hosts import CUT, KILL, TwoHosts, two_hosts, why_not

pytestmark = [pytest.mark.hosts, pytest.mark.slow]

MEGABYTES = 300
LONGEST_GAP_SECONDS = 30
"""Generous: the figures are in benchmarks/results/ray.md."""


@pytest.fixture
def hosts() -> Iterator[TwoHosts]:
    """A cluster of two hosts."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'weightbank[ray]'")
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with two_hosts() as running:
        yield running


@pytest.mark.parametrize("event", [KILL, CUT])
def test_a_host_that_is_lost_costs_no_byte(hosts: TwoHosts, event: str) -> None:
    """Whether connections end or nothing ever answers again."""
    report = hosts.stream(megabytes=MEGABYTES, event=event)
    print(f"{event}: longest gap {report['longest_gap_seconds']:.2f} s, {report}")  # noqa: T201
    assert report["is_identical"]
    assert sorted(report["hosts"]) == ["first-host", "second-host"]
    assert report["retries"], "it should have been noticed"
    assert report["longest_gap_seconds"] < LONGEST_GAP_SECONDS
