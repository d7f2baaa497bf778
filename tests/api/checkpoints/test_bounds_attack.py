"""Repositories that were made to have the server do too much."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.api.conftest import LiveServer
from tests.hub.server import HubServer
from tests.hub.tensors import to_safetensors

TENSORS = 50


def _shard(number: int) -> bytes:
    return to_safetensors({f"{number}.{at}": np.ones(1, np.float32) for at in range(TENSORS)})


@pytest.mark.parametrize("fetches", [1, 8])
def test_many_files_of_many_tensors_are_bounded_together(
    make_hub_server: Callable[..., LiveServer], hub: HubServer, fetches: int
) -> None:
    """Each is within the limit, and an index names but one tensor of each."""
    paths = [f"model-{number}.safetensors" for number in range(12)]
    index = {"weight_map": {f"{number}.0": path for number, path in enumerate(paths)}}
    shards = {path: _shard(number) for number, path in enumerate(paths)}
    files = {**shards, "model.safetensors.index.json": json.dumps(index).encode()}
    hub.add_repository("o/many", files)
    path = "/v1/checkpoints/o/many"
    layer = {"name": "l", "type": "Parameter", "shape": [1]}
    rules: list[Any] = [
        ["never|l", {"type": "pretrained", "repo": "o/many", "file": file, "rename": {"l": "0.0"}}]
        for file in paths
    ]
    with make_hub_server(limit_tensors=2 * TENSORS, limit_fetches=fetches).client() as client:
        for asked in (
            client.get(f"{path}:describe"),
            client.get(path),
            client.get(f"{path}?clean=true"),
        ):
            assert (asked.status_code, asked.json()["code"]) == (422, "limit_exceeded"), asked.text
        assert client.head(path).status_code == 422
        posted = client.post("/v1/specs", json={"layers": [layer], "rules": rules})
        assert (posted.status_code, posted.json()["code"]) == (422, "limit_exceeded")
        assert client.get(f"{path}?file={paths[3]}").content == files[paths[3]]
