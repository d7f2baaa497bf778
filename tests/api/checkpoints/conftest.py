"""Servers whose Hub is on loopback, and checkpoints that it has."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api, LiveServer
from tests.hub.checkpoints import MadeCheckpoint, timm_resnet
from tests.hub.server import HubServer

REPOSITORY = "timm/tiny"
CHECKPOINT = f"/v1/checkpoints/{REPOSITORY}"


@pytest.fixture(scope="session")
def tiny() -> MadeCheckpoint:
    """A small ResNet in timm's layout."""
    return timm_resnet()


@pytest.fixture
def content(hub: HubServer, tiny: MadeCheckpoint) -> bytes:
    """The bytes of the small checkpoint, which the Hub has."""
    hub.add_repository(REPOSITORY, tiny.files)
    found = tiny.files["model.safetensors"]
    return found if isinstance(found, bytes) else found.read_bytes()


def hub_settings(hub: HubServer) -> dict[str, Any]:
    """Settings of a server with this Hub."""
    return {"hub_endpoint": hub.url, "hub_redirect_hosts": hub.storage_url}


@pytest.fixture
def make_hub_api(make_api: Callable[..., Api], hub: HubServer) -> Callable[..., Api]:
    """Builds apps with settings of their own."""
    return lambda **overrides: make_api(**{**hub_settings(hub), **overrides})


@pytest.fixture
def make_hub_server(
    make_server: Callable[..., LiveServer], hub: HubServer
) -> Callable[..., LiveServer]:
    """Builds servers with settings of their own."""
    return lambda **overrides: make_server(**{**hub_settings(hub), **overrides})


@pytest.fixture
def client(make_hub_server: Callable[..., LiveServer]) -> Iterator[httpx.Client]:
    """A client of a server with this Hub."""
    with make_hub_server().client() as found:
        yield found
