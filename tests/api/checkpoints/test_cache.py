"""What is kept: fetched ahead, listed, pinned, removed, evicted."""

from collections.abc import Callable

import httpx
import safetensors.numpy

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.conftest import LiveServer
from tests.hub.checkpoints import MadeCheckpoint, timm_resnet
from tests.hub.server import HubServer
from tests.servers import wait_until

KEPT = "/v1/checkpoints"


def fetched(client: httpx.Client, path: str = CHECKPOINT, **params: str) -> httpx.Response:
    """Have a checkpoint fetched ahead, and wait for it."""
    answer = client.post(f"{path}:prefetch", params=params)
    while answer.status_code == 202:
        answer = client.post(f"{path}:prefetch", params=params)
    return answer


def test_prefetch_tells_its_progress(
    client: httpx.Client, hub: HubServer, content: bytes, tiny: MadeCheckpoint
) -> None:
    """202 with what has arrived, then 200; a GET has nothing left to ask for."""
    hub.add_repository("timm/sharded", tiny.sharded(3).files)
    gate = hub.gate("00002", after_bytes=100)
    path = "/v1/checkpoints/timm/sharded"
    first = client.post(f"{path}:prefetch")
    assert (first.status_code, first.json()["status"]) == (202, "fetching")
    assert "Retry-After" in first.headers
    gate.wait_for_arrival()
    states = {file["path"]: file for file in client.post(f"{path}:prefetch").json()["files"]}
    assert states["model-00002-of-00003.safetensors"]["state"] == "fetching"
    assert states["model-00002-of-00003.safetensors"]["arrived_bytes"] <= 100
    gate.release()
    done = fetched(client, path).json()
    assert done["arrived_bytes"] == done["bytes"]
    asked = hub.count(method="GET", host="storage")
    assert client.get(path).status_code == 200
    assert hub.count(method="GET", host="storage") == asked == 3
    assert content


def test_what_is_kept_is_listed(client: httpx.Client, content: bytes) -> None:
    """With sizes, last use and where it is from."""
    assert client.get(KEPT).json()["files"] == []
    client.get(CHECKPOINT)
    fetched(client)  # an answer ends when the hash is right, a moment before it is kept for good
    kept = client.get(KEPT).json()
    files = {place["path"]: file for file in kept["files"] for place in file["places"]}
    assert sorted(files) == ["config.json", "model.safetensors"]
    file = files["model.safetensors"]
    assert file["bytes"] == file["arrived_bytes"] == len(content)
    assert kept["used_bytes"] == len(content) + files["config.json"]["bytes"]
    assert file["complete"]
    assert not file["pinned"]
    assert [place["repository"] for place in file["places"]] == [REPOSITORY]


def test_private_repositories_are_not_named(
    make_hub_server: Callable[..., LiveServer], hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """To know their names is a right, too."""
    hub.add_repository(REPOSITORY, tiny.files, private=True)
    hub.add_user("hf_reader")
    hub.grant("hf_reader", REPOSITORY)
    with make_hub_server().client() as client:
        etag = client.get(CHECKPOINT, headers={"X-HF-Token": "hf_reader"}).headers["ETag"]
        (file,) = client.get(KEPT).json()["files"]
    assert file["places"] == []
    assert file["hash"] == f"sha256:{etag[1:13]}…"


def test_private_repositories_are_removed_by_who_may_read_them(
    make_hub_server: Callable[..., LiveServer], hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """For all others they are as if nothing of them were kept."""
    hub.add_repository(REPOSITORY, tiny.files, private=True)
    hub.grant("hf_reader", REPOSITORY)
    hub.add_user("hf_other")
    reader = {"X-HF-Token": "hf_reader"}
    with make_hub_server().client() as client:
        commit = client.get(CHECKPOINT, headers=reader).headers["X-Repo-Commit"]
        for token in ({}, {"X-HF-Token": "hf_other"}, {"X-HF-Token": "hf_unknown"}):
            for path in (CHECKPOINT, f"{CHECKPOINT}?revision={commit}"):
                refused = client.delete(path, headers=token)
                assert (refused.status_code, refused.json()["code"]) == (404, "not_cached")
        unknown = client.delete("/v1/checkpoints/timm/none").json()["detail"]
        refused = client.delete(CHECKPOINT)
        assert refused.json()["detail"] == unknown.replace("timm/none", REPOSITORY)
        # An answer lets go of its file a moment after its end.
        wait_until(lambda: len(client.delete(CHECKPOINT, headers=reader).json()["removed"]) == 1)


def test_what_is_removed_is_fetched_anew(
    client: httpx.Client, hub: HubServer, content: bytes
) -> None:
    """And what is not there cannot be removed."""
    client.get(CHECKPOINT)
    removal = client.delete(CHECKPOINT).json()
    assert removal["freed_bytes"] == len(content)
    assert client.get(KEPT).json()["files"] == []
    again = client.delete(CHECKPOINT)
    assert (again.status_code, again.json()["code"]) == (404, "not_cached")
    assert client.get(CHECKPOINT).content == content
    assert hub.count(method="GET", host="storage") == 2


def test_more_files_than_are_fetched_at_once(
    make_hub_server: Callable[..., LiveServer], hub: HubServer, tiny: MadeCheckpoint, content: bytes
) -> None:
    """A cold checkpoint of many shards is one answer, and fetched ahead by one question."""
    hub.add_repository("timm/sharded", tiny.sharded(9).files)
    path = "/v1/checkpoints/timm/sharded"
    expected = safetensors.numpy.save(safetensors.numpy.load(content), metadata={"format": "pt"})
    with make_hub_server(limit_fetches=2).client() as client:
        assert client.get(path).content == expected
        client.delete(path)
        assert client.post(f"{path}:prefetch").status_code == 202
        hub.wait_for_count(2, method="GET", host="storage", path_contains="00009-of")
        assert fetched(client, path).status_code == 200
    assert hub.count(method="GET", host="storage", path_contains="00009-of") <= 4


def test_what_is_pinned_stays(
    make_hub_server: Callable[..., LiveServer], hub: HubServer, content: bytes
) -> None:
    """Others make room for one another beside it; removing leaves it, too."""
    for number in range(3):
        hub.add_repository(f"timm/other{number}", timm_resnet(seed=20 + number).files)
    quota = int(2.5 * len(content))
    with make_hub_server(checkpoint_cache_bytes=quota).client() as client:
        assert fetched(client, pin="true").status_code == 200
        for number in range(3):
            assert client.get(f"/v1/checkpoints/timm/other{number}").status_code == 200
        kept = client.get(KEPT).json()
        assert kept["used_bytes"] <= quota
        pinned = [file for file in kept["files"] if file["pinned"]]
        assert [file["places"][0]["repository"] for file in pinned] == [REPOSITORY] * 2
        assert client.delete(CHECKPOINT).json()["removed"] == []
        assert fetched(client, pin="false").status_code == 200
        assert len(client.delete(CHECKPOINT).json()["removed"]) == 2


def test_where_there_is_no_place_nothing_is_lost(
    make_hub_server: Callable[..., LiveServer], hub: HubServer, content: bytes
) -> None:
    """507 says how much there is; what is kept goes on being served."""
    hub.add_repository("timm/large", {"model.safetensors": _larger(3 * len(content))})
    with make_hub_server(checkpoint_cache_bytes=2 * len(content)).client() as client:
        client.get(CHECKPOINT)
        refused = client.get("/v1/checkpoints/timm/large")
        assert (refused.status_code, refused.json()["code"]) == (507, "insufficient_storage")
        assert str(2 * len(content)) in refused.json()["detail"].replace(",", "")
        assert [file["complete"] for file in client.get(KEPT).json()["files"]] == [True]
        asked = hub.count(host="storage")
        assert client.get(CHECKPOINT).content == content
        assert hub.count(host="storage") == asked


def _larger(size_bytes: int) -> bytes:
    text = f'{{"w":{{"dtype":"U8","shape":[{size_bytes}],"data_offsets":[0,{size_bytes}]}}}}'
    return len(text).to_bytes(8, "little") + text.encode() + bytes(size_bytes)
