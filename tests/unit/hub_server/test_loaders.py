"""timm and transformers load what the small Hub has, with the values it was made of."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from tests.hub import checkpoints
from tests.hub.checkpoints import MadeCheckpoint
from tests.hub.server import HubServer

_ROOT = Path(__file__).parents[3]
_SECONDS = 120


def _load(library: str, hub: HubServer, folder: Path, *repositories: str) -> None:
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder / "home"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    program = f"tests.unit.hub_server.load_with_{library}"
    command = [sys.executable, "-m", program, str(folder), *repositories]
    done = subprocess.run(  # noqa: S603 - our own program
        command, cwd=_ROOT, env=environment, capture_output=True, timeout=_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def _check_equal(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, name)


def test_timm_loads_its_layouts(hub: HubServer, tmp_path: Path) -> None:
    """Every tensor, from safetensors and from a pickle."""
    made = {
        "timm/resnet": checkpoints.timm_resnet(),
        "timm/vit": checkpoints.timm_vit(),
        "timm/pickled": checkpoints.timm_resnet(seed=7).pickled_only(),
    }
    for name, checkpoint in made.items():
        hub.add_repository(name, checkpoint.files)
    _load("timm", hub, tmp_path, *made)
    for name, checkpoint in made.items():
        path = tmp_path / f"{name.replace('/', '--')}.safetensors"
        _check_equal(safetensors.numpy.load_file(path), checkpoint.tensors())


def test_transformers_loads_its_layouts(hub: HubServer, tmp_path: Path) -> None:
    """Every tensor, whole and sharded; what it saves again has the names of the files."""
    made = {
        "microsoft/resnet": checkpoints.transformers_resnet(),
        "google/vit": checkpoints.transformers_vit(),
        "google/sharded": checkpoints.transformers_vit(seed=7).sharded(),
        "gpt2": checkpoints.transformers_gpt2(),
    }
    for name, checkpoint in made.items():
        hub.add_repository(name, checkpoint.files)
    _load("transformers", hub, tmp_path, *made)
    for name, checkpoint in made.items():
        path = tmp_path / name.replace("/", "--") / "model.safetensors"
        _check_equal(_without_prefix(safetensors.numpy.load_file(path)), _kept(checkpoint))


def _without_prefix(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Return them with GPT-2's names as the Hub has them."""
    return {name.removeprefix("transformer."): values for name, values in tensors.items()}


def _kept(checkpoint: MadeCheckpoint) -> dict[str, Any]:
    """Return what transformers saves again: GPT-2's masks are not."""
    tensors = checkpoint.tensors()
    return {name: values for name, values in tensors.items() if not name.endswith(".attn.bias")}
