"""Manifests as Kubernetes itself describes them, strictly: no field that it would not know."""

import copy
from typing import Any

import kubernetes_validate
import pytest

from tests.kubernetes.manifests import (
    KUBERNETES,
    RENDERED,
    WITHOUT_SCHEMA,
    kinds,
    only,
    parse_manifests,
    render,
)

# The oldest release that docs/kubernetes.md promises, and the newest that there are schemas of.
VERSIONS = ("1.32", "1.37")


def validate(manifest: dict[str, Any], version: str) -> None:
    """Check one object against the schema of exactly one release."""
    checked = kubernetes_validate.validate(manifest, version, strict=True)
    assert checked == version


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", RENDERED)
def test_rendered_objects_are_valid(name: str, version: str) -> None:
    """The base, and each overlay as a whole."""
    checked = 0
    for manifest in render(name):
        if manifest["kind"] not in WITHOUT_SCHEMA:
            validate(manifest, version)
            checked += 1
    assert checked >= 7


@pytest.mark.parametrize("version", VERSIONS)
def test_the_files_of_the_base_are_valid_alone(version: str) -> None:
    """As somebody might apply them without kustomize."""
    files = [*sorted((KUBERNETES / "base").glob("*.yaml")), KUBERNETES / "secret.example.yaml"]
    for file in files:
        for manifest in parse_manifests(file.read_text("utf-8")):
            if manifest["kind"] != "Kustomization":
                validate(manifest, version)


def test_a_field_that_nobody_knows_is_found() -> None:
    """The check can fail: a misspelt field of a pod."""
    deployment = copy.deepcopy(only("base", "Deployment"))
    deployment["spec"]["template"]["spec"]["terminationGracePeriodSecond"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(deployment, VERSIONS[-1])


def test_a_value_of_the_wrong_type_is_found() -> None:
    """The check can fail: a number as text."""
    service = copy.deepcopy(only("base", "Service"))
    service["spec"]["ports"][0]["port"] = "80"
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(service, VERSIONS[-1])


def test_only_the_monitoring_overlay_needs_the_operator() -> None:
    """Else an apply fails in a cluster without its kinds."""
    assert [name for name in RENDERED if kinds(name) & WITHOUT_SCHEMA] == ["overlays/monitoring"]
    assert kinds("overlays/monitoring") >= WITHOUT_SCHEMA


@pytest.mark.parametrize("name", RENDERED)
def test_no_secret_is_part_of_what_is_applied(name: str) -> None:
    """The example stays an example."""
    assert "Secret" not in kinds(name)


@pytest.mark.parametrize("name", RENDERED)
def test_everything_is_in_one_namespace(name: str) -> None:
    """The namespace is the only object outside it."""
    for manifest in render(name):
        if manifest["kind"] == "Namespace":
            assert manifest["metadata"]["name"] == "weightbank"
        else:
            assert manifest["metadata"]["namespace"] == "weightbank", manifest["kind"]
