"""Servers whose Hub breaks on demand, and a checkpoint that takes some time to send."""

import numpy as np
import pytest

from tests.api.checkpoints.conftest import REPOSITORY, make_hub_server
from tests.api.conftest import make_server
from tests.hub.server import HubServer
from tests.hub.tensors import make_tensors, to_safetensors

__all__ = ["make_hub_server", "make_server"]

_MEBIBYTE = 2**20


@pytest.fixture(scope="session")
def weights() -> bytes:
    """A safetensors file of three mebibytes: in bfloat16 it is still three chunks."""
    return make_weights(3 * _MEBIBYTE)


@pytest.fixture
def served(hub: HubServer, weights: bytes) -> bytes:
    """The bytes of that file, which the Hub has."""
    hub.add_repository(REPOSITORY, {"model.safetensors": weights})
    return weights


def make_weights(size_bytes: int, *, seed: int = 0) -> bytes:
    """Return a safetensors file of about this size, other with every seed."""
    rows = size_bytes // _MEBIBYTE * 2
    layout = {f"layers.{number}.weight": (256, 512) for number in range(rows)}
    made = make_tensors(layout, seed=seed)
    assert all(values.dtype == np.float32 for values in made.values())
    return to_safetensors(made)
