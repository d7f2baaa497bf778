"""Settings of all tests: one fixed hypothesis profile, strict float errors."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "fixed",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def _strict_float_errors() -> Any:
    """An overflow or an invalid operation in our arithmetic is a bug."""
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        yield


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    """The known answers of docs/numbers.md."""
    path = Path(__file__).parent / "vectors" / "vectors.json"
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


@pytest.fixture(scope="session")
def torchvision_operators() -> Any:
    """What timm and torchvision need to import beside a CPU build of torch."""
    from tests.torchvision_operators import define_missing_operators

    return define_missing_operators()


@pytest.fixture
def hub() -> Any:
    """A small Hugging Face Hub on loopback, without repositories."""
    from tests.hub.server import HubServer

    with HubServer() as server:
        yield server


@pytest.fixture(scope="session")
def full_size_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """ResNet-50 and ViT-B/16 in files, made when a test asks for them first."""
    from tests.hub.full_size import FullSizeCheckpoints

    return FullSizeCheckpoints(tmp_path_factory.mktemp("checkpoints"))
