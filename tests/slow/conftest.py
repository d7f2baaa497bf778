"""A server in a process of its own with all that tests from outside need behind it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.server import running_server
from schemas.examples import MLP, RESIDUAL_BLOCK
from tests.hub.checkpoints import SMALL_CHECKPOINTS, timm_resnet
from tests.hub.server import HubServer

collect_ignore = ["hooks.py"]
"""It imports what only ``make test-slow`` installs."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server that is asked from outside.

    Attributes:
        url: Where it is.
        key: That opens everything.
        specs: Ids of the specs that it has.
        lines: Of its log, as far as it was written.
    """

    url: str
    key: str
    specs: tuple[str, ...]
    lines: list[str] = field(default_factory=list)

    def logged(self) -> list[dict[str, Any]]:
        """Return the log so far."""
        return [json.loads(line) for line in list(self.lines) if line.startswith("{")]


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A server with specs, and a Hub on loopback behind it."""
    lines: list[str] = []
    with HubServer() as hub:
        add_repositories(hub)
        settings = settings_of(tmp_path_factory.mktemp("target"), hub)
        key = make_key(settings)
        with running_server(settings, on_line=lines.append) as server:
            yield Target(server.url, key, post_specs(server.url, key), lines)


def make_key(settings: dict[str, str]) -> str:
    """Have the server's own command make a key that opens everything."""
    command = [sys.executable, "-m", "app", "keys", "create", "--json"]
    wishes = ["--label", "slow tests", "--scope", "admin"]
    limits = ["--requests-per-second", "0", "--bytes-per-day", "0"]
    done = subprocess.run(  # noqa: S603 - our own words
        [*command, *wishes, *limits],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    key: str = json.loads(done.stdout)["key"]
    return key


def post_specs(url: str, key: str) -> tuple[str, ...]:
    """Store and name the specs that requests are about, and return their ids."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
        answers = [client.post("/v1/specs", json=spec) for spec in (MLP, RESIDUAL_BLOCK)]
        ids = tuple(answer.raise_for_status().json()["id"] for answer in answers)
        for name, spec_id in (("mlp", ids[0]), ("mlp", ids[1]), ("block", ids[1])):
            named = client.put(f"/v1/names/vision/{name}", json={"spec": spec_id})
            named.raise_for_status()
    return ids


def add_repositories(hub: HubServer) -> None:
    """Let a Hub have a checkpoint of every kind."""
    for name, make in SMALL_CHECKPOINTS.items():
        hub.add_repository(name, make().files)
    hub.add_repository("timm/sharded", timm_resnet().sharded().files)
    hub.add_repository("timm/pickled", timm_resnet().pickled_only().files)
    hub.add_repository("timm/gated", timm_resnet().files, gated=True)


def settings_of(directory: Path, hub: HubServer) -> dict[str, str]:
    """Return the settings: what a spec may ask for is small, since all of it is fetched."""
    return {
        "WEIGHTBANK_DATA_DIR": str(directory),
        "WEIGHTBANK_KEYS": "required",
        "WEIGHTBANK_HUB_ENDPOINT": hub.url,
        "WEIGHTBANK_HUB_REDIRECT_HOSTS": hub.storage_url,
        "WEIGHTBANK_LIMIT_FILE_BYTES": "16MiB",
        "WEIGHTBANK_LIMIT_WHOLE_TENSOR_BYTES": "4MiB",
    }
