"""Stacks that are always taken down, and a server outside Docker to compare with."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compose.engine import (
    ROOT,
    build_network,
    docker,
    has_init,
    image_id,
    image_of,
    reason_to_skip,
)
from tests.compose.stack import Stack
from tests.servers import is_ready, serving, wait_until

IMAGE = "weightbank:test"
SPEC = (ROOT / "examples" / "resnet50.yaml").read_bytes()
YAML = {"Content-Type": "application/yaml"}

_BUILD_SECONDS = 1800

# Only `make test-compose` runs these: they build images and take minutes.
collect_ignore_glob = [] if os.environ.get("WB_TEST_COMPOSE") else ["test_*.py"]


def _interrupt(*_: object) -> None:
    """End as at Ctrl-C, so that stacks are taken down."""
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of this tree, really built."""
    reason = reason_to_skip()
    if reason is not None:
        pytest.skip(reason)
    signal.signal(signal.SIGTERM, _interrupt)
    override = tmp_path_factory.mktemp("build") / "network.yml"
    network = build_network()
    override.write_text(f"services: {{server: {{build: {{network: {network}}}}}}}\n", "utf-8")
    before = image_id(IMAGE)
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv("SERVER_IMAGE", IMAGE)
        compose = ("compose", f"--file={ROOT / 'docker-compose.yml'}", f"--file={override}")
        docker(*compose, "build", "server", timeout_seconds=_BUILD_SECONDS)
    if before not in {None, image_id(IMAGE)}:
        docker("image", "rm", str(before))
    return IMAGE


@pytest.fixture(scope="session")
def images(image: str) -> dict[str, str]:
    """Images by the variables of the compose file."""
    return {
        "SERVER_IMAGE": image,
        "NGINX_IMAGE": image_of("nginx", "nginx:1.28.0"),
        "POSTGRES_IMAGE": image_of("postgres", "postgres:17.6"),
        "PROMETHEUS_IMAGE": image_of("prometheus", "prom/prometheus:v3.5.0"),
    }


@pytest.fixture(scope="module")
def stack(
    images: dict[str, str], tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Stack]:
    """A project of compose; what its services said is shown if a test of it failed."""
    failed_before = request.session.testsfailed
    directory = tmp_path_factory.mktemp("compose")
    found = Stack(directory, images, has_init=has_init(images["SERVER_IMAGE"]))
    try:
        yield found
    finally:
        try:
            if request.session.testsfailed > failed_before:
                _show(request, found.said())
        finally:
            found.down()


def _show(request: pytest.FixtureRequest, text: str) -> None:
    """Print beside what pytest captures: it may be the last word before a long wait."""
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(text)  # noqa: T201 - for whoever looks for the cause


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server outside Docker, as `make serve` starts it."""
    with serving(tmp_path_factory.mktemp("outside")) as (url, _):
        wait_until(lambda: is_ready(url))
        with httpx.Client(base_url=url, timeout=120) as client:
            yield client


@pytest.fixture(scope="session")
def weights(outside: httpx.Client) -> bytes:
    """What a server outside Docker answers the README's spec with."""
    answer = outside.post("/v1/weights?seed=42", content=SPEC, headers=YAML)
    assert answer.status_code == httpx.codes.OK
    return answer.content


@pytest.fixture(scope="session")
def large(outside: httpx.Client) -> bytes:
    """A file that no buffer between two processes holds: 498 MB."""
    spec = (ROOT / "examples" / "gpt2.yaml").read_bytes()
    answer = outside.post("/v1/weights?seed=7", content=spec, headers=YAML)
    assert answer.status_code == httpx.codes.OK
    return answer.content


@pytest.fixture(scope="session")
def stored() -> Callable[[httpx.Client], str]:
    """Post the large spec to a server, and return where its weights are."""

    def store(client: httpx.Client) -> str:
        spec = (ROOT / "examples" / "gpt2.yaml").read_bytes()
        answer: Any = client.post("/v1/specs", content=spec, headers=YAML)
        assert answer.status_code in {httpx.codes.OK, httpx.codes.CREATED}, answer.text
        return f"/v1/weights/{answer.json()['id']}?seed=7"

    return store


@pytest.fixture(scope="session")
def root() -> Path:
    """Where the project is."""
    return ROOT
