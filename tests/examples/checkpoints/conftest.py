"""A server in a process of its own, whose Hub has checkpoints of full size."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.examples.checkpoints.bank import Bank
from tests.examples.checkpoints.models import (
    RESNET50,
    TRANSFORMERS_RESNET50,
    TRANSFORMERS_VIT_BASE,
    VIT_BASE,
)
from tests.examples.conftest import running_server
from tests.hub.checkpoints import WEIGHTS, MadeCheckpoint
from tests.hub.full_size import FullSizeCheckpoints
from tests.hub.server import HubServer

_CACHE_BYTES = 2**30


@pytest.fixture(scope="session")
def made(full_size_checkpoints: FullSizeCheckpoints) -> Mapping[str, MadeCheckpoint]:
    """The checkpoints, by their repositories."""
    return {
        RESNET50.repository: full_size_checkpoints.timm_resnet50(),
        VIT_BASE.repository: full_size_checkpoints.timm_vit_base(),
        TRANSFORMERS_RESNET50.repository: full_size_checkpoints.transformers_resnet50(),
        TRANSFORMERS_VIT_BASE.repository: full_size_checkpoints.transformers_vit_base(),
    }


@pytest.fixture(scope="session")
def sources(made: Mapping[str, MadeCheckpoint]) -> dict[str, Path]:
    """The files of weights that the Hub has, by their repositories."""
    return {
        repository: Path(str(checkpoint.files[WEIGHTS])) for repository, checkpoint in made.items()
    }


@pytest.fixture(scope="session")
def full_size_hub(made: Mapping[str, MadeCheckpoint]) -> Iterator[HubServer]:
    """A Hub on loopback that has them all."""
    with HubServer() as hub:
        for repository, checkpoint in made.items():
            hub.add_repository(repository, checkpoint.files)
        yield hub


@pytest.fixture(scope="session")
def full_size_url(
    full_size_hub: HubServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where a server of that Hub's checkpoints listens."""
    folder = tmp_path_factory.mktemp("server")
    with running_server(
        folder,
        WEIGHTBANK_HUB_ENDPOINT=full_size_hub.url,
        WEIGHTBANK_HUB_REDIRECT_HOSTS=full_size_hub.storage_url,
        WEIGHTBANK_HUB_OFFLINE="false",
        WEIGHTBANK_CHECKPOINT_CACHE_BYTES=str(_CACHE_BYTES),
    ) as url:
        yield url
    shutil.rmtree(folder)  # pytest keeps what the last runs left, and this is a gigabyte


@pytest.fixture
def bank(full_size_url: str, tmp_path: Path) -> Iterator[Bank]:
    """A client of that server."""
    client = Bank(full_size_url, tmp_path)
    yield client
    client.close()
    for file in tmp_path.rglob("*.safetensors"):
        file.unlink()
