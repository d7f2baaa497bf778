"""A replica: what it is set to, what it may, how it begins and ends."""

import re

import pytest

from app.application import _ROUTERS
from app.routes.router import OPEN, scope_of
from app.settings import _SECRETS, PREFIX, Settings
from tests.kubernetes.manifests import (
    KUBERNETES,
    RENDERED,
    ROOT,
    container,
    environment,
    parse_manifests,
    pod,
    quantity,
    settings_text,
)

LEAST_MARGIN_SECONDS = 10
PROBES = {"startupProbe": "/healthz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}

every = pytest.mark.parametrize("name", RENDERED)


def settings_of(name: str) -> Settings:
    """The settings of a replica, as its server reads them."""
    return Settings.model_validate(
        {key.removeprefix(PREFIX).lower(): value for key, value in settings_text(name).items()}
    )


def user_of_the_image() -> tuple[int, int]:
    """Who runs the image."""
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    match = re.search(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)
    assert match is not None
    return int(match[1]), int(match[2])


@every
def test_every_variable_is_a_setting(name: str) -> None:
    """A server does not start with one that nobody reads."""
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    ours = {variable for variable in environment(name) if variable.startswith(PREFIX)}
    assert ours <= known
    assert set(settings_text(name)) <= known
    assert not ours & set(settings_text(name)), "set twice"


@every
def test_settings_can_be_used(name: str) -> None:
    """Each has a value that the server takes."""
    settings = settings_of(name)
    assert (settings.keys, settings.metrics_without_key) == ("required", True)
    assert settings.host == "0.0.0.0"  # noqa: S104 - what a container listens on


@every
def test_secrets_come_from_the_secret(name: str) -> None:
    """They stand in no ConfigMap; the example has each key that is asked for."""
    secrets = {PREFIX + field.upper() for field in _SECRETS}
    assert not secrets & set(settings_text(name))
    (example,) = parse_manifests((KUBERNETES / "secret.example.yaml").read_text("utf-8"))
    for variable, source in environment(name).items():
        if variable in secrets:
            reference = source["secretKeyRef"]
            assert reference["name"] == example["metadata"]["name"]
            assert reference["key"] in example["stringData"]


@every
def test_the_cluster_adds_no_variables(name: str) -> None:
    """A Service named weightbank would set WEIGHTBANK_PORT to tcp://..., and others beside it."""
    assert pod(name)["spec"]["enableServiceLinks"] is False


@every
def test_it_uses_the_processors_it_was_given(name: str) -> None:
    """Not as many threads as the node has cores."""
    assert environment(name)[PREFIX + "THREADS"] == {
        "resourceFieldRef": {"containerName": "weightbank", "resource": "requests.cpu"}
    }
    assert int(container(name)["resources"]["requests"]["cpu"]) >= 1


@every
def test_its_port_is_the_one_that_the_server_listens_on(name: str) -> None:
    """And everything else names it."""
    (port,) = container(name)["ports"]
    assert port == {"name": "http", "containerPort": settings_of(name).port}
    for probe in PROBES:
        assert container(name)[probe]["httpGet"]["port"] == port["name"]


@every
def test_probes_ask_for_routes_that_need_no_key(name: str) -> None:
    """Readiness alone asks whether requests should come: a database that is down kills nobody."""
    open_paths = {
        route.path_format
        for router in _ROUTERS
        for route in router.routes
        if "GET" in route.methods and scope_of(route.endpoint) is OPEN
    }
    for probe, path in PROBES.items():
        assert container(name)[probe]["httpGet"]["path"] == path
        assert path in open_paths


@every
def test_a_replica_may_finish_its_streams(name: str) -> None:
    """The grace period holds the sleep, the server's own time, and a margin."""
    sleep_seconds = container(name)["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed_seconds = sleep_seconds + settings_of(name).shutdown_timeout_seconds
    grace_seconds = pod(name)["spec"]["terminationGracePeriodSeconds"]
    assert grace_seconds >= needed_seconds + LEAST_MARGIN_SECONDS


@every
def test_balancers_hear_of_the_end_before_it_begins(name: str) -> None:
    """The sleep is longer than a readiness probe takes to fail, and 5 s at least."""
    probe = container(name)["readinessProbe"]
    sleep_seconds = container(name)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert sleep_seconds >= max(5, probe["periodSeconds"] * probe["failureThreshold"])


@every
def test_a_busy_event_loop_is_not_killed_at_once(name: str) -> None:
    """A minute without an answer is no load, it is a fault."""
    probe = container(name)["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 60


@every
def test_it_runs_as_the_image_does(name: str) -> None:
    """Volumes belong to the same user."""
    context = pod(name)["spec"]["securityContext"]
    user, group = user_of_the_image()
    assert (context["runAsUser"], context["runAsGroup"]) == (user, group)
    assert context["fsGroup"] == group


@every
def test_it_keeps_to_the_restricted_standard(name: str) -> None:
    """Pod security "restricted", and a root file system that cannot be written."""
    spec, context = pod(name)["spec"], container(name)["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
    allowed = {"emptyDir", "persistentVolumeClaim"}
    assert all(set(volume) - {"name"} <= allowed for volume in spec["volumes"])


@every
def test_it_has_no_way_to_the_api_of_the_cluster(name: str) -> None:
    """It asks nothing there, so it has no token."""
    assert pod(name)["spec"]["automountServiceAccountToken"] is False


@every
def test_what_it_writes_to_is_mounted(name: str) -> None:
    """The data directory and /tmp, and each has one kind of volume behind it."""
    mounts = {one["mountPath"]: one["name"] for one in container(name)["volumeMounts"]}
    assert set(mounts) == {str(settings_of(name).data_dir), "/tmp"}  # noqa: S108 - the container's
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert set(re.findall(r"^VOLUME (\S+)$", dockerfile, re.MULTILINE)) <= set(mounts)
    volumes = {one["name"]: set(one) - {"name"} for one in pod(name)["spec"]["volumes"]}
    assert set(volumes) == set(mounts.values())
    assert all(len(sources) == 1 for sources in volumes.values())


@every
def test_memory_is_bounded(name: str) -> None:
    """What is asked for is what there is: a replica is not killed for a neighbour's sake."""
    resources = container(name)["resources"]
    assert quantity(resources["requests"]["memory"]) == quantity(resources["limits"]["memory"])


@every
def test_the_image_has_a_version_and_no_registry_of_anybody(name: str) -> None:
    """What is not set pulls nothing, rather than a stranger's image."""
    image = container(name)["image"]
    assert re.fullmatch(r"registry\.example/weightbank:\d+\.\d+\.\d+(-gpu)?", image)
