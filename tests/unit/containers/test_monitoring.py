"""Rules and dashboard ask for what a server has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from ruamel.yaml import YAML

from app.application import create_app
from app.settings import Settings

DOCKER = Path(__file__).parents[3] / "docker"
DASHBOARD = DOCKER / "grafana" / "dashboards" / "weightbank.json"
_OF_PROMETHEUS = {"up"}
_NAME = re.compile(r"\b(?:weightbank|process|python)_[a-z_]+\b|\bup\b")


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of all samples that a server can have."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), devices="cpu", log_level="error")
    with TestClient(create_app(settings)) as client:
        text = client.get("/metrics").text
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    parts = {"histogram": ("_bucket", "_sum", "_count")}
    return {name + end for name, kind in kinds.items() for end in parts.get(kind, ("",))}


def rules() -> list[dict[str, Any]]:
    """All rules of Prometheus."""
    parsed = YAML(typ="safe", pure=True).load(DOCKER / "prometheus" / "rules.yml")
    return [rule for group in parsed["groups"] for rule in group["rules"]]


def panels() -> Iterator[dict[str, Any]]:
    """Panels of the dashboard that ask for something."""
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        if panel["type"] != "row":
            yield panel


def expressions() -> list[str]:
    """Everything that is asked of Prometheus."""
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    return [rule["expr"] for rule in rules()] + asked


def test_every_metric_that_is_asked_for_exists(declared: set[str]) -> None:
    """A metric of another name would never cry."""
    asked = set()
    for expression in expressions():
        found = set(_NAME.findall(re.sub(r'"[^"]*"', '""', expression)))
        assert found, expression
        asked |= found
    assert len(asked) > 15
    assert asked - declared - _OF_PROMETHEUS == set()


def test_every_rule_tells_what_to_do() -> None:
    """A name, how grave it is, and words for who is woken."""
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) >= 10
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_dashboard_is_one_that_grafana_provisions() -> None:
    """Panels do not lie on each other, have ids, and ask the source that is provisioned."""
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    assert dashboard["uid"] == "weightbank"
    assert "id" not in dashboard
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    (source,) = YAML(typ="safe", pure=True).load(
        DOCKER / "grafana" / "provisioning" / "datasources" / "prometheus.yml"
    )["datasources"]
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": source["uid"]}
        assert all(target["datasource"]["uid"] == source["uid"] for target in panel["targets"])


def test_the_dashboard_is_where_it_is_looked_for() -> None:
    """The provider, and the volume of the compose file, name one directory."""
    (provider,) = YAML(typ="safe", pure=True).load(
        DOCKER / "grafana" / "provisioning" / "dashboards" / "weightbank.yml"
    )["providers"]
    compose = (DOCKER.parent / "docker-compose.yml").read_text("utf-8")
    assert f"./docker/grafana/dashboards:{provider['options']['path']}:ro" in compose
