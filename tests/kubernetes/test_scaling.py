"""Several replicas: how many, how they come and go, and who finds them."""

from typing import Any

import pytest

from tests.kubernetes.manifests import (
    KUBERNETES,
    RENDERED,
    container,
    kinds,
    only,
    parse_manifests,
    pod,
    policy,
)
from tests.kubernetes.test_replica import settings_of

SCALED = [name for name in RENDERED if name != "overlays/minimal"]

every = pytest.mark.parametrize("name", RENDERED)
scaled = pytest.mark.parametrize("name", SCALED)


def metric_of(name: str) -> dict[str, Any]:
    """What the autoscaler goes by."""
    (metric,) = only(name, "HorizontalPodAutoscaler")["spec"]["metrics"]
    pods: dict[str, Any] = metric["pods"]
    return pods


@every
def test_selectors_find_the_replicas(name: str) -> None:
    """All of them select what the pods are labelled with."""
    labels = pod(name)["metadata"]["labels"].items()
    selectors = [
        only(name, "Deployment")["spec"]["selector"]["matchLabels"],
        only(name, "Service")["spec"]["selector"],
        policy(name)["spec"]["podSelector"]["matchLabels"],
        *(
            one["labelSelector"]["matchLabels"]
            for one in pod(name)["spec"]["topologySpreadConstraints"]
        ),
    ]
    if "PodDisruptionBudget" in kinds(name):
        selectors.append(only(name, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"])
    for selector in selectors:
        assert selector
        assert selector.items() <= labels


@every
def test_the_service_leads_to_the_container(name: str) -> None:
    """By the name of its port."""
    (port,) = only(name, "Service")["spec"]["ports"]
    assert port["targetPort"] == container(name)["ports"][0]["name"]


@scaled
def test_the_autoscaler_scales_the_replicas(name: str) -> None:
    """Nobody else says how many there are: an apply would set them back."""
    target = only(name, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    deployment = only(name, "Deployment")
    assert target == {
        "apiVersion": deployment["apiVersion"],
        "kind": "Deployment",
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in deployment["spec"]


@scaled
def test_one_replica_can_go_while_another_serves(name: str) -> None:
    """Two at least, and drained one at a time."""
    assert only(name, "HorizontalPodAutoscaler")["spec"]["minReplicas"] >= 2
    assert only(name, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


@scaled
def test_there_is_room_for_streams_while_a_replica_starts(name: str) -> None:
    """The autoscaler aims below the number at which streams are refused."""
    target = metric_of(name)["target"]
    assert target["type"] == "AverageValue"
    assert 1 <= int(target["averageValue"]) <= settings_of(name).limit_streams * 3 / 4


def test_the_adapter_passes_on_what_the_autoscaler_asks_for() -> None:
    """Under the name that it has, for each pod."""
    name = metric_of("base")["metric"]["name"]
    (adapter,) = parse_manifests((KUBERNETES / "prometheus-adapter.yaml").read_text("utf-8"))
    (rule,) = adapter["rules"]["custom"]
    assert rule["name"] == {"matches": f"^{name}$", "as": name}
    assert rule["seriesQuery"].startswith(name + "{")
    assert set(rule["resources"]["overrides"]) == {"namespace", "pod"}


@scaled
def test_replicas_go_no_faster_than_they_drain(name: str) -> None:
    """Else several drain at a time, and their clients meet at those that are left."""
    behaviour = only(name, "HorizontalPodAutoscaler")["spec"]["behavior"]["scaleDown"]
    grace_seconds = pod(name)["spec"]["terminationGracePeriodSeconds"]
    (rule,) = behaviour["policies"]
    assert (rule["type"], rule["value"]) == ("Pods", 1)
    assert rule["periodSeconds"] >= grace_seconds
    assert behaviour["stabilizationWindowSeconds"] >= 300


@pytest.mark.parametrize("name", ["base", "overlays/monitoring"])
def test_a_roll_out_takes_no_replica_away(name: str) -> None:
    """A new one is there first."""
    strategy = only(name, "Deployment")["spec"]["strategy"]
    assert strategy["type"] == "RollingUpdate"
    assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_a_roll_out_needs_no_gpu_to_spare() -> None:
    """It would wait for ever where all are taken; one replica stays."""
    strategy = only("overlays/gpu", "Deployment")["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_a_single_replica_is_neither_scaled_nor_kept() -> None:
    """A budget of one would hold up every drain of its node."""
    assert not {"HorizontalPodAutoscaler", "PodDisruptionBudget"} & kinds("overlays/minimal")
