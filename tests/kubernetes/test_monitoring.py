"""What the Prometheus operator is told: the same rules as Prometheus alone has."""

from app.application import _ROUTERS
from tests.kubernetes.manifests import only, parse_manifests
from tests.kubernetes.update_rules import MANIFEST, RULES, manifest_of

NAME = "overlays/monitoring"
HOW = "python -m tests.kubernetes.update_rules"


def test_rules_are_those_of_prometheus() -> None:
    """One text, in two places."""
    assert MANIFEST.read_text("utf-8") == manifest_of(RULES.read_text("utf-8")), HOW
    (alone,) = parse_manifests(RULES.read_text("utf-8"))
    assert only(NAME, "PrometheusRule")["spec"] == alone
    assert alone["groups"][0]["rules"]


def test_the_service_is_scraped_where_its_metrics_are() -> None:
    """By the name of its port, and at a path that is a route."""
    (endpoint,) = only(NAME, "ServiceMonitor")["spec"]["endpoints"]
    service = only(NAME, "Service")
    assert endpoint["port"] in {one["name"] for one in service["spec"]["ports"]}
    assert endpoint["path"] in {route.path_format for router in _ROUTERS for route in router.routes}


def test_the_monitor_finds_the_service() -> None:
    """By its labels, and with the job's name that the rules look for."""
    monitor = only(NAME, "ServiceMonitor")["spec"]
    labels = only(NAME, "Service")["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    assert f'job="{labels[monitor["jobLabel"]]}"' in RULES.read_text("utf-8")
