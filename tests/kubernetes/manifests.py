"""What kustomize makes of docker/kubernetes, without a cluster."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

Manifest = dict[str, Any]

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "docker" / "kubernetes"
KUBECTL = Path(sys.executable).with_name("kubectl")
RENDERED = ("base", "overlays/gpu", "overlays/monitoring", "overlays/minimal")
# Kinds of the Prometheus operator, of which no schema is at hand.
WITHOUT_SCHEMA = {"ServiceMonitor", "PrometheusRule"}

_TIMEOUT_SECONDS = 60
_UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def parse_manifests(text: str) -> tuple[Manifest, ...]:
    """The objects of a stream of YAML."""
    return tuple(one for one in YAML(typ="safe", pure=True).load_all(text) if one)


@functools.cache
def render(name: str) -> tuple[Manifest, ...]:
    """The objects that ``kubectl apply -k`` would send."""
    return render_directory(KUBERNETES / name)


def render_directory(directory: Path) -> tuple[Manifest, ...]:
    """The objects of a kustomization anywhere."""
    done = subprocess.run(  # noqa: S603 - the pinned kubectl of the test environment
        [str(KUBECTL), "kustomize", str(directory)],
        capture_output=True,
        text=True,
        # No cluster is asked, whatever is configured where the tests run.
        env={"PATH": os.environ.get("PATH", ""), "KUBECONFIG": os.devnull},
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return parse_manifests(done.stdout)


def kinds(name: str) -> set[str]:
    """Which kinds there are."""
    return {one["kind"] for one in render(name)}


def only(name: str, kind: str) -> Manifest:
    """The one object of a kind."""
    (found,) = (one for one in render(name) if one["kind"] == kind)
    return found


def policy(name: str, *, called: str = "weightbank") -> Manifest:
    """A network policy."""
    (found,) = (
        one
        for one in render(name)
        if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == called
    )
    return found


def pod(name: str) -> Manifest:
    """What the replicas are made by."""
    template: Manifest = only(name, "Deployment")["spec"]["template"]
    return template


def container(name: str) -> Manifest:
    """The only container of a replica."""
    (found,) = pod(name)["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def environment(name: str) -> dict[str, Any]:
    """The container's own variables: their values, or where those come from."""
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container(name)["env"]}


def settings_text(name: str) -> dict[str, str]:
    """Settings as the replicas get them."""
    data: dict[str, str] = only(name, "ConfigMap")["data"]
    return data


def quantity(text: str) -> int:
    """A quantity in bytes or pieces."""
    match = re.fullmatch(r"(\d+)([KMGT]i|)", text)
    assert match is not None, text
    return int(match[1]) * _UNITS[match[2]]
