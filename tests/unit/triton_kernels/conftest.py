"""The kernels, interpreted."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch

from tests.interpreter import interpreted_kernels

_PROBES = "tests.triton_probes"


@pytest.fixture(scope="session")
def interpreted() -> Iterator[dict[str, ModuleType]]:
    """The modules that launch kernels and probe them; all of theirs are interpreted."""
    # Whoever collects tests imports the probes, compiled, like any other module.
    compiled = sys.modules.pop(_PROBES, None)
    with interpreted_kernels():
        modules = {
            "launch": importlib.import_module("weightbank.triton_kernels.launch"),
            "probes": importlib.import_module(_PROBES),
        }
    yield modules
    del sys.modules[_PROBES]
    if compiled is not None:
        sys.modules[_PROBES] = compiled


@pytest.fixture(scope="session")
def launcher(interpreted: dict[str, Any]) -> Any:
    """A launcher whose programs make many blocks each."""
    return interpreted["launch"].Launcher(torch.device("cpu"))


@pytest.fixture(scope="session")
def small_tiles(interpreted: dict[str, Any]) -> Any:
    """A launcher whose programs make four blocks each, so that there are many."""
    return interpreted["launch"].Launcher(torch.device("cpu"), tile_blocks=4)


@pytest.fixture(scope="session")
def probes(interpreted: dict[str, Any]) -> Any:
    """The kernels of ``tests/triton_probes.py``."""
    return interpreted["probes"]
