"""Who gets to the service, and where it gets."""

import ipaddress
from typing import Any

import pytest

from tests.kubernetes.manifests import RENDERED, policy
from tests.kubernetes.test_replica import settings_of

DNS, HTTPS, POSTGRESQL, OTLP = 53, 443, 5432, 4318

every = pytest.mark.parametrize("name", RENDERED)


def ports_of(rule: dict[str, Any]) -> set[int]:
    """The ports of a rule."""
    return {one["port"] for one in rule["ports"]}


def ways_out(name: str) -> dict[int, dict[str, Any]]:
    """Rules of where the service gets, by port."""
    return {port: rule for rule in policy(name)["spec"]["egress"] for port in ports_of(rule)}


def opens(rule: dict[str, Any], address: str) -> bool:
    """Whether a rule lets through to an address outside the cluster."""
    asked = ipaddress.ip_address(address)
    for peer in rule["to"]:
        block = peer.get("ipBlock", {"cidr": "255.255.255.255/32"})
        inside = asked in ipaddress.ip_network(block["cidr"])
        excepted = any(asked in ipaddress.ip_network(one) for one in block.get("except", []))
        if inside and not excepted:
            return True
    return False


@every
def test_both_directions_are_closed_by_default(name: str) -> None:
    """What no rule opens is closed."""
    assert set(policy(name)["spec"]["policyTypes"]) == {"Ingress", "Egress"}


@every
def test_only_the_port_of_the_service_is_open(name: str) -> None:
    """And for nobody who is not named: an empty peer would be everybody."""
    for rule in policy(name)["spec"]["ingress"]:
        assert ports_of(rule) == {settings_of(name).port}
        assert rule["from"]
        for peer in rule["from"]:
            assert peer["namespaceSelector"]["matchLabels"]


@every
def test_metrics_without_a_key_are_behind_the_policy(name: str) -> None:
    """Prometheus is let in by its labels."""
    assert settings_of(name).metrics_without_key
    peers = [peer for rule in policy(name)["spec"]["ingress"] for peer in rule["from"]]
    assert {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    } in peers


@pytest.mark.parametrize("name", [name for name in RENDERED if name != "overlays/minimal"])
def test_it_gets_to_names_the_database_and_the_hub(name: str) -> None:
    """And nowhere else."""
    assert set(ways_out(name)) == {DNS, POSTGRESQL, HTTPS}


def test_a_replica_with_sqlite_has_no_way_to_a_database() -> None:
    """Nor anywhere else it has nothing to do."""
    assert set(ways_out("overlays/minimal")) == {DNS, HTTPS}


@every
def test_the_way_to_the_hub_is_none_to_private_addresses(name: str) -> None:
    """A redirect into the cluster or to the cloud's own addresses leads nowhere."""
    rule = ways_out(name)[HTTPS]
    assert opens(rule, "8.8.8.8")
    assert opens(rule, "2001:4860:4860::8888")
    for address in (
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.20.0.1",
        "192.168.1.1",
        "::1",
        "fd00::1",
        "fe80::1",
    ):
        assert not opens(rule, address), address


@every
def test_names_are_asked_for_in_the_cluster_alone(name: str) -> None:
    """By both transports."""
    rule = ways_out(name)[DNS]
    assert {one["protocol"] for one in rule["ports"]} == {"UDP", "TCP"}
    (peer,) = rule["to"]
    assert peer["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}


def test_traces_get_to_a_collector_where_there_is_monitoring() -> None:
    """By a policy of its own, of the same pods."""
    traces = policy("overlays/monitoring", called="weightbank-traces")["spec"]
    assert traces["podSelector"] == policy("overlays/monitoring")["spec"]["podSelector"]
    (rule,) = traces["egress"]
    assert ports_of(rule) == {OTLP}
    assert traces["policyTypes"] == ["Egress"]
