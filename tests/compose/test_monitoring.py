"""Prometheus and what it watches: the profile monitoring. Grafana has no image to run here."""

from typing import Any

import httpx
import pytest

from tests.compose.stack import Stack
from tests.servers import wait_until


@pytest.fixture(scope="module", autouse=True)
def _up(stack: Stack) -> None:
    stack.set(POSTGRES_PASSWORD="password")  # noqa: S106 - of this test alone
    stack.up("server", "balancer", "prometheus")


def test_its_files_are_right(stack: Stack) -> None:
    """By its own tool."""
    said = stack.compose(
        "exec", "prometheus", "promtool", "check", "config", "/etc/prometheus/prometheus.yml"
    )
    assert "rules found" in said


def test_every_server_is_scraped(stack: Stack) -> None:
    """The single one and both replicas, each by its own address."""
    wait_until(lambda: _health(stack) == ["up", "up", "up"])


def test_rules_are_loaded_and_can_be_evaluated(stack: Stack) -> None:
    """None of them fails, and none cries while all is well."""
    wait_until(lambda: all(rule["lastEvaluation"] > "0001-01-02" for rule in _rules(stack)))
    rules = _rules(stack)
    assert len(rules) >= 10
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []


def _asked(stack: Stack, path: str) -> Any:
    return httpx.get(f"{stack.url('PROMETHEUS')}/api/v1/{path}", timeout=60).json()["data"]


def _health(stack: Stack) -> list[str]:
    targets = _asked(stack, "targets?state=active")["activeTargets"]
    return [target["health"] for target in targets]


def _rules(stack: Stack) -> list[Any]:
    return [rule for group in _asked(stack, "rules")["groups"] for rule in group["rules"]]
