"""Specs that name a checkpoint: pinned in their resolved form, asked for in each caller's name."""

import hashlib
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
import safetensors.numpy

from tests.api.checkpoints.conftest import REPOSITORY
from tests.api.conftest import LiveServer
from tests.hub.checkpoints import MadeCheckpoint, timm_resnet
from tests.hub.server import HubServer

TOKEN = {"X-HF-Token": "hf_reader"}


def mixed(tiny: MadeCheckpoint, **arguments: Any) -> dict[str, Any]:
    """A spec of a pretrained convolution and batch norm, and a head that is drawn."""
    out_channels, in_channels, kernel, _ = tiny.tensor("conv1.weight").shape
    return {
        "seed": 42,
        "layers": [
            {
                "name": "conv1",
                "type": "Conv2d",
                "in_channels": in_channels,
                "out_channels": out_channels,
                "kernel_size": kernel,
                "bias": False,
            },
            {"name": "bn1", "type": "BatchNorm2d", "num_features": out_channels},
            {"name": "fc", "type": "Linear", "in_features": 8, "out_features": 5},
        ],
        "rules": [
            [r"fc\..*", {"type": "normal", "std": 0.01}],
            [".*", {"type": "pretrained", "repo": REPOSITORY, **arguments}],
        ],
    }


@pytest.fixture
def private(hub: HubServer, tiny: MadeCheckpoint) -> HubServer:
    """A Hub that shows the small checkpoint to one token only."""
    hub.add_repository(REPOSITORY, tiny.files, private=True)
    hub.add_user("hf_reader")
    hub.grant("hf_reader", REPOSITORY)
    hub.add_user("hf_other")
    return hub


def test_a_pretrained_backbone_and_a_seeded_head_are_one_file(
    client: httpx.Client, content: bytes, tiny: MadeCheckpoint
) -> None:
    """Running statistics come along; what is drawn depends on the seed alone."""
    assert content
    posted = client.post("/v1/specs", json=mixed(tiny))
    assert posted.status_code == 201, posted.text
    spec_id = posted.json()["id"]
    first = client.get(f"/v1/weights/{spec_id}?seed=1")
    tensors = safetensors.numpy.load(first.content)
    for name in ("conv1.weight", "bn1.weight", "bn1.running_mean", "bn1.num_batches_tracked"):
        np.testing.assert_array_equal(tensors[name], tiny.tensor(name))
    other = safetensors.numpy.load(client.get(f"/v1/weights/{spec_id}?seed=2").content)
    changed = {name for name in tensors if not np.array_equal(tensors[name], other[name])}
    assert changed == {"fc.weight", "fc.bias"}
    part = client.get(f"/v1/weights/{spec_id}?seed=1", headers={"Range": "bytes=300-9999"})
    assert part.content == first.content[300:10000]
    again = client.post("/v1/weights?seed=1", json=mixed(tiny))
    assert again.content == first.content


def test_a_resolved_spec_pins_what_it_is_made_from(
    make_hub_server: Callable[..., LiveServer], hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """A branch that moves changes nothing about an id, and makes another one."""
    repository = hub.add_repository(REPOSITORY, tiny.files)
    old = repository.head
    with make_hub_server(hub_revision_seconds=0).client() as client:
        spec_id = client.post("/v1/specs", json=mixed(tiny)).json()["id"]
        before = client.get(f"/v1/weights/{spec_id}?seed=1").content
        repository.commit({"model.safetensors": timm_resnet(seed=9).files["model.safetensors"]})
        assert client.get(f"/v1/weights/{spec_id}?seed=1").content == before
        newer = client.post("/v1/specs", json=mixed(tiny)).json()["id"]
        assert newer != spec_id
        assert client.get(f"/v1/weights/{newer}?seed=1").content != before
        by_commit = client.post("/v1/specs", json=mixed(tiny, revision=old)).json()["id"]
        assert by_commit == spec_id
        document = client.get(f"/v1/specs/{spec_id}").json()["document"]
    pinned = {item["name"]: item["initializer"] for item in document["tensors"]}["conv1.weight"]
    assert pinned["tensor"]["commit"] == old
    assert pinned["tensor"]["hash"] == f"sha256:{repository.file('model.safetensors', old).etag}"


def test_digests_are_those_of_the_bytes(
    client: httpx.Client, content: bytes, tiny: MadeCheckpoint
) -> None:
    """Also of what is read from a checkpoint."""
    assert content
    spec_id = client.post("/v1/specs", json=mixed(tiny)).json()["id"]
    whole = client.get(f"/v1/weights/{spec_id}?seed=1").content
    path = f"/v1/weights/{spec_id}/digests?seed=1"
    answer = client.get(path)
    while answer.status_code == 202:
        answer = client.get(path)
    assert answer.json()["sha256"] == hashlib.sha256(whole).hexdigest()


def test_an_id_gives_nobody_a_right(
    make_hub_server: Callable[..., LiveServer], private: HubServer, tiny: MadeCheckpoint
) -> None:
    """Weights of a private repository are asked for with each caller's own token."""
    assert private
    with make_hub_server().client() as client:
        refused = client.post("/v1/specs", json=mixed(tiny))
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_repository")
        spec_id = client.post("/v1/specs", json=mixed(tiny), headers=TOKEN).json()["id"]
        for path in (f"/v1/weights/{spec_id}?seed=1", f"/v1/weights/{spec_id}/digests?seed=1"):
            mine = client.get(path, headers=TOKEN)
            assert mine.status_code in {200, 202}
            for headers in ({}, {"X-HF-Token": "hf_other"}):
                for method in ("GET", "HEAD"):
                    other = client.request(method, path, headers=headers)
                    assert other.status_code == 404, (method, path)
        mine = client.get(f"/v1/weights/{spec_id}?seed=1", headers=TOKEN)
        assert "private" in mine.headers["Cache-Control"]
        assert mine.headers["Vary"] == "X-HF-Token"


def test_an_id_opens_no_document_of_a_private_repository(
    make_hub_server: Callable[..., LiveServer], private: HubServer, tiny: MadeCheckpoint
) -> None:
    """By the id, by a name, and beside another spec; a tag that is known opens none either."""
    assert private
    plain = {"layers": [{"name": "fc", "type": "Linear", "in_features": 3, "out_features": 2}]}
    with make_hub_server().client() as client:
        spec_id = client.post("/v1/specs", json=mixed(tiny), headers=TOKEN).json()["id"]
        other_id = client.post("/v1/specs", json=plain).json()["id"]
        assert client.put("/v1/names/a/b", json={"spec": spec_id}).status_code == 201
        etag = client.get(f"/v1/specs/{spec_id}", headers=TOKEN).headers["etag"]
        for path in (
            f"/v1/specs/{spec_id}",
            "/v1/specs/a/b@1",
            f"/v1/specs/{spec_id}/diff/{other_id}",
            f"/v1/specs/{other_id}/diff/{spec_id}",
            f"/v1/specs/{other_id}/diff/a/b@latest",
            f"/v1/specs/a/b@1/diff/{other_id}",
        ):
            mine = client.get(path, headers=TOKEN)
            assert mine.status_code == 200, path
            assert mine.headers["cache-control"] == "private, no-cache"
            assert mine.headers["vary"] == "X-HF-Token"
            for headers in ({}, {"X-HF-Token": "hf_other"}, {"If-None-Match": etag}):
                refused = client.get(path, headers=headers)
                assert (refused.status_code, refused.json()["code"]) == (404, "unknown_repository")
                assert "conv1" not in refused.text


def test_the_document_of_a_public_repository_asks_nobody(
    make_hub_server: Callable[..., LiveServer], hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """What was for everybody may be read also when it is gone from the Hub."""
    hub.add_repository(REPOSITORY, tiny.files)
    with make_hub_server(hub_rights_seconds=0).client() as client:
        spec_id = client.post("/v1/specs", json=mixed(tiny)).json()["id"]
        asked = len(hub.requests)
        assert client.get(f"/v1/specs/{spec_id}").status_code == 200
        assert len(hub.requests) == asked


def test_a_tensor_that_the_checkpoint_lacks(
    client: httpx.Client, content: bytes, tiny: MadeCheckpoint
) -> None:
    """It is named, with what is near; or it is drawn, if the spec says so."""
    assert content
    document = mixed(tiny)
    document["layers"].append({"name": "bn9", "type": "BatchNorm2d", "num_features": 4})
    refused = client.post("/v1/specs", json=document)
    assert (refused.status_code, refused.json()["code"]) == (422, "missing_tensor")
    assert "bn9.weight" in refused.json()["detail"]
    document["rules"][1][1]["missing"] = "init"
    accepted = client.post("/v1/specs", json=document)
    assert accepted.status_code == 201, accepted.text
