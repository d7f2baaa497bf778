"""Repositories that were made to have the server do too much."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from tests.api.checkpoints.conftest import CHECKPOINT
from tests.api.conftest import LiveServer
from tests.hub.faults import Gate
from tests.hub.server import HubServer
from tests.hub.tensors import to_safetensors

TENSORS = 50
ASKING_THREADS = 16


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
        one = client.get(f"{path}?file={paths[3]}")
        while one.status_code == 503:  # what was begun for the others may have the only place
            one = client.get(f"{path}?file={paths[3]}")
        assert one.content == files[paths[3]]


def test_what_is_kept_waits_for_no_question_of_others(
    make_hub_server: Callable[..., LiveServer], hub: HubServer, content: bytes
) -> None:
    """Though all threads that ask wait for a Hub that does not answer them."""
    for number in range(ASKING_THREADS):
        hub.add_repository(f"evil/slow{number}", {"a.json": b"{}"})
    with make_hub_server().client() as client, ThreadPoolExecutor(ASKING_THREADS) as threads:
        commit = client.get(CHECKPOINT).headers["X-Repo-Commit"]
        gate = Gate()
        hub.inject(gate, "evil")
        slow = [
            threads.submit(client.get, f"/v1/checkpoints/evil/slow{number}?file=a.json")
            for number in range(ASKING_THREADS)
        ]
        try:
            for _ in slow:
                gate.wait_for_arrival()
            for query in (f"revision={commit}", f"revision={commit}&clean=true"):
                assert client.get(f"{CHECKPOINT}?{query}", timeout=5).status_code == 200
            assert not any(asked.done() for asked in slow)
        finally:
            gate.release()
    assert content
