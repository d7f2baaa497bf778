"""A checkpoint as it is: fetched once, served from the disk from then on."""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import safetensors.numpy

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.conftest import LiveServer
from tests.hub.checkpoints import MadeCheckpoint, transformers_gpt2
from tests.hub.server import HubServer


def test_a_checkpoint_is_answered_with_as_it_is(
    client: httpx.Client, hub: HubServer, content: bytes
) -> None:
    """With its hash for a tag, its commit, and a path that never changes."""
    answer = client.get(CHECKPOINT)
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    commit = answer.headers["X-Repo-Commit"]
    assert answer.headers["Content-Location"] == (
        f"/v1/checkpoints/{REPOSITORY}?revision={commit}&file=model.safetensors"
    )
    again = client.get(answer.headers["Content-Location"])
    assert again.content == content
    assert "immutable" in again.headers["Cache-Control"]
    assert hub.count(method="GET", host="storage") == 1


def test_a_head_fetches_nothing(client: httpx.Client, hub: HubServer, content: bytes) -> None:
    """It has the size and the tag of what a GET would answer with."""
    answer = client.head(CHECKPOINT)
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert hub.count(host="storage") == 0


def test_what_is_here_is_asked_of_nobody(
    client: httpx.Client, hub: HubServer, content: bytes
) -> None:
    """Within the times that answers of the Hub are remembered for."""
    client.get(CHECKPOINT)
    asked = hub.count()
    for _ in range(3):
        assert client.get(CHECKPOINT).content == content
    assert hub.count() == asked


def test_eight_cold_clients_cost_one_transfer(
    make_hub_server: Callable[..., LiveServer], hub: HubServer, content: bytes
) -> None:
    """And all have their first byte before the file is complete."""
    gate = hub.gate("model.safetensors", after_bytes=len(content) // 2)
    live = make_hub_server()
    begun = threading.Barrier(9)

    def fetch(_: int) -> bytes:
        with live.client() as client, client.stream("GET", CHECKPOINT) as answer:
            pieces = answer.iter_raw()
            first = next(pieces)
            begun.wait(30)
            return first + b"".join(pieces)

    with ThreadPoolExecutor(8) as pool:
        fetches = [pool.submit(fetch, number) for number in range(8)]
        begun.wait(30)
        assert hub.count(method="GET", host="storage") == 1
        gate.release()
        assert all(fetch.result(30) == content for fetch in fetches)
    assert hub.count(method="GET", host="storage") == 1
    assert not hub.storage_saw_authorization


@pytest.mark.parametrize("revision", ["release", "v1", "refs/pr/1", "commit"])
def test_any_revision_can_be_named(
    client: httpx.Client, hub: HubServer, tiny: MadeCheckpoint, revision: str
) -> None:
    """A branch, a tag, a pull request and a commit."""
    repository = hub.add_repository(REPOSITORY, tiny.files)
    old = repository.head
    repository.branch("release", old)
    repository.tag("v1", old)
    repository.pull_request(1, {"extra.json": b"{}"})
    repository.commit({"model.safetensors": None})
    named = old if revision == "commit" else revision
    answer = client.get(CHECKPOINT, params={"revision": named})
    assert answer.content == tiny.files["model.safetensors"]
    gone = client.get(CHECKPOINT, params={"file": "model.safetensors"})
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_file")


def test_a_repository_without_an_owner(client: httpx.Client, hub: HubServer) -> None:
    """As the Hub's oldest have none."""
    made = transformers_gpt2()
    hub.add_repository("gpt2", made.files)
    answer = client.get("/v1/checkpoints/gpt2")
    assert answer.content == made.files["model.safetensors"]
    described = client.get("/v1/checkpoints/gpt2:describe").json()
    assert described["repository"] == "gpt2"


def test_ranges_concatenate_to_the_whole(client: httpx.Client, content: bytes) -> None:
    """Cold and warm; beyond the end is refused."""
    third = len(content) // 3
    spans = [(0, third), (third, 2 * third), (2 * third, len(content))]
    parts = []
    for start, stop in spans:
        answer = client.get(CHECKPOINT, headers={"Range": f"bytes={start}-{stop - 1}"})
        assert answer.status_code == 206
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(content)}"
        parts.append(answer.content)
    assert b"".join(parts) == content
    beyond = client.get(CHECKPOINT, headers={"Range": f"bytes={len(content)}-"})
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")


def test_a_known_tag_is_not_answered_with_bytes(client: httpx.Client, content: bytes) -> None:
    """304, by branch and by commit; another If-Match is refused."""
    etag = client.head(CHECKPOINT).headers["ETag"]
    same = client.get(CHECKPOINT, headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")
    other = client.get(CHECKPOINT, headers={"If-Match": '"other"'})
    assert other.status_code == 412
    assert content


def test_documents_are_answered_with(
    client: httpx.Client, hub: HubServer, content: bytes, tiny: MadeCheckpoint
) -> None:
    """A cluster without a way out needs config.json, too."""
    answer = client.get(CHECKPOINT, params={"file": "config.json"})
    assert answer.content == tiny.files["config.json"]
    assert content
    assert hub.count(host="storage") == 0


def test_a_sharded_checkpoint_is_one_file(
    client: httpx.Client, hub: HubServer, tiny: MadeCheckpoint, content: bytes
) -> None:
    """That is what the safetensors library would have written of all tensors."""
    hub.add_repository("timm/sharded", tiny.sharded(3).files)
    path = "/v1/checkpoints/timm/sharded"
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.content == safetensors.numpy.save(
        safetensors.numpy.load(content), metadata={"format": "pt"}
    )
    head = client.head(path)
    assert head.headers["ETag"] == answer.headers["ETag"]
    assert head.headers["Content-Length"] == str(len(answer.content))
    middle = client.get(path, headers={"Range": "bytes=1000-1999"})
    assert middle.content == answer.content[1000:2000]
    shard = "model-00002-of-00003.safetensors"
    assert client.get(path, params={"file": shard}).content == tiny.sharded(3).files[shard]


def test_a_checkpoint_is_described_without_being_fetched(
    client: httpx.Client, hub: HubServer, content: bytes, tiny: MadeCheckpoint
) -> None:
    """Commit, licence, files, tensors, and what config.json says of the model."""
    described = client.get(f"{CHECKPOINT}:describe").json()
    assert described["licence"] == "apache-2.0"
    assert described["model"]["classifier"] == "fc"
    assert described["files"] == [
        {
            "path": "model.safetensors",
            "bytes": len(content),
            "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
            "cached": False,
        }
    ]
    names = {tensor["name"]: tensor for tensor in described["tensors"]}
    assert set(names) == set(tiny.tensors())
    assert names["conv1.weight"]["shape"] == list(tiny.tensor("conv1.weight").shape)
    assert hub.sent_bytes(host="storage") < len(content)
    client.get(described["location"])
    assert client.get(f"{CHECKPOINT}:describe").json()["files"][0]["cached"]
