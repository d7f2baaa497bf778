"""A Hub that lies about length or content: no client ever takes that for an answer."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import safetensors.numpy

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.conftest import LiveServer
from tests.faults.conftest import make_weights
from tests.faults.outcomes import outcome
from tests.hub.checkpoints import shard
from tests.hub.falsehoods import false_length
from tests.hub.faults import CorruptByte, Cut, Fault, OtherContent
from tests.hub.listings import describe_model
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.servers import wait_until

AT_ONCE = {"hub_patience_timeout_seconds": 0.1}
FITTED = f"{CHECKPOINT}?dtype=bfloat16"
MERGED = "/v1/checkpoints/timm/sharded"
SMALL = "/v1/checkpoints/timm/small"
FIRST = {"Range": "bytes=0-99"}

ASKED: list[tuple[str, dict[str, str]]] = [
    (CHECKPOINT, {}),
    (CHECKPOINT, FIRST),
    (CHECKPOINT, {"Range": "bytes=700000-800000"}),
    (CHECKPOINT, {"Range": "bytes=-1"}),
    (CHECKPOINT, {"Range": "bytes=0-9,1000000-1000009"}),
    (FITTED, {}),
    (FITTED, FIRST),
    (FITTED, {"Range": "bytes=0-9,1000000-1000009"}),
    (f"{CHECKPOINT}?include=layers.0.weight&dtype=float16", {}),
    (MERGED, {}),
    (MERGED, FIRST),
    (SMALL, {}),
    (SMALL, FIRST),
    (f"{SMALL}?dtype=float16", {}),
]
"""All ways to have bytes that come of the file."""

MakeServer = Callable[..., LiveServer]


def other(size_bytes: int) -> Fault:
    """Another file altogether, cut or filled to a size."""
    content = make_weights(3 * 2**20, seed=1)
    return OtherContent((content + bytes(size_bytes))[:size_bytes])


LIES: Mapping[str, Callable[[bytes], Fault]] = {
    "a wrong byte in the header": lambda _: CorruptByte(100),
    "a wrong byte in the middle": lambda content: CorruptByte(len(content) // 2),
    "a wrong last byte": lambda content: CorruptByte(len(content) - 1),
    "another file of this size": lambda content: other(len(content)),
    "a shorter file": lambda content: OtherContent(content[:-1]),
    "a longer file": lambda content: OtherContent(content + b"\0"),
}
"""What is sent in place of a file's content."""


@pytest.fixture
def both(hub: HubServer, served: bytes) -> Mapping[str, bytes]:
    """The same tensors in one file and, elsewhere, in two, and few; all files by their paths."""
    tensors = safetensors.numpy.load(served)
    files = shard(tensors, 2)
    small = safetensors.numpy.save({"bias": tensors["layers.0.weight"][:8]})
    hub.add_repository("timm/sharded", files)
    hub.add_repository("timm/small", {"model.safetensors": small})
    shards = {path: content for path, content in files.items() if path.endswith(".safetensors")}
    return {"timm/tiny/": served, "timm/small/": small, **shards}


def keeps_nothing(client: httpx.Client, directory: Path) -> bool:
    """Whether nothing of any tensor is kept, complete or not."""
    listed = client.get("/v1/checkpoints").json()["files"]
    kept = [path for path in directory.rglob("sha256-*") if path.is_file()]
    return not kept and not [file for file in listed if file["hash"].startswith("sha256")]


@pytest.mark.parametrize("lie", LIES)
def test_false_bytes_are_no_answer_and_are_not_kept(
    make_hub_server: MakeServer, hub: HubServer, both: Mapping[str, bytes], tmp_path: Path, lie: str
) -> None:
    """Neither all of them nor any part; with the truth, all is as it would have been."""
    faults = [LIES[lie](content) for content in both.values()]
    for path, fault in zip(both, faults, strict=True):
        hub.inject(fault, path, host="storage")
    with make_hub_server(**AT_ONCE).client() as client:
        for path, headers in ASKED:
            answer = outcome(client, path, headers=headers)
            assert not answer.is_whole, (path, headers)
            if answer.is_complete:
                assert answer.code in {"corrupt_file", "invalid_checkpoint"}
                assert answer.status == 502
            wait_until(lambda: keeps_nothing(client, tmp_path / "checkpoints"))
        for fault in faults:
            hub.mend(fault)
        with make_hub_server().client() as clean:
            for path, headers in ASKED:
                answer = outcome(client, path, headers=headers)
                assert answer.is_whole, (path, headers, answer)
                assert answer.content == clean.get(path, headers=headers).content
        assert client.get(CHECKPOINT).content == both["timm/tiny/"]


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_false_length_of_an_answer_does_not_matter(
    make_hub_server: MakeServer, hub: HubServer, served: bytes, difference: int
) -> None:
    """Its bytes are right, whatever it says of their number."""
    hub.inject(false_length(len(served) + difference), host="storage", times=1)
    with make_hub_server().client() as client:
        assert outcome(client, CHECKPOINT).content == served


def test_a_rest_of_other_content_does_not_spoil_what_came_before(
    make_hub_server: MakeServer, hub: HubServer, served: bytes, tmp_path: Path
) -> None:
    """The whole is wrong, and is begun anew by the next client."""
    hub.inject(Cut(after_bytes=len(served) // 2), host="storage", times=1)
    hub.inject(other(len(served)), host="storage", skip=1, times=1)
    with make_hub_server().client() as client:
        assert not outcome(client, CHECKPOINT).is_whole
        assert keeps_nothing(client, tmp_path / "checkpoints")
        assert outcome(client, CHECKPOINT).content == served


@pytest.mark.parametrize("change", ["longer", "shorter", "other hash"])
def test_a_false_listing_is_not_believed_for_good(
    make_hub_server: MakeServer, hub: HubServer, weights: bytes, tmp_path: Path, change: str
) -> None:
    """A Hub, or a mirror, says another size or hash, and is mended; by branch and commit."""
    repository = hub.add_repository(REPOSITORY, {"model.safetensors": weights})
    lie = false_listing(repository, change)
    hub.inject(lie, "/api/models/")
    paths = [CHECKPOINT, f"{CHECKPOINT}?revision={repository.head}", FITTED]
    with make_hub_server(**AT_ONCE).client() as client:
        for path in paths:
            for headers in ({}, FIRST):
                assert not outcome(client, path, headers=headers).is_whole, (path, headers)
                wait_until(lambda: keeps_nothing(client, tmp_path / "checkpoints"))
        hub.mend(lie)
        for path in paths:
            assert outcome(client, path).is_whole, path
        assert client.get(CHECKPOINT).content == weights


def false_listing(repository: FakeRepository, change: str) -> Fault:
    """The Hub's description of a repository, with another size or hash of its file."""
    commit = repository.find("main")
    assert commit is not None
    said: dict[str, Any] = describe_model(repository, commit, with_blobs=True)
    (sibling,) = said["siblings"]
    if change == "other hash":
        sibling["lfs"]["sha256"] = "0" * 64
    else:
        size_bytes = sibling["size"] + (1000 if change == "longer" else -1000)
        sibling["size"] = sibling["lfs"]["size"] = size_bytes
    return OtherContent(json.dumps(said).encode())


def test_a_false_header_is_not_remembered(
    make_hub_server: MakeServer, hub: HubServer, served: bytes
) -> None:
    """Shapes that were told in a lie are those of no later answer."""
    lie = served.replace(b'"shape":[256,512]', b'"shape":[512,256]')
    assert len(lie) == len(served) != lie.count(b"[256,512]")
    fault = OtherContent(lie)
    hub.inject(fault, host="storage")
    with make_hub_server(**AT_ONCE).client() as client:
        client.get(f"{CHECKPOINT}:describe")
        client.head(FITTED)
        for _ in range(2):
            assert not outcome(client, FITTED).is_whole
        hub.mend(fault)
        answer = client.get(f"{CHECKPOINT}?dtype=float32&add_prefix=m")
        assert client.get(FITTED).status_code == 200
        found = safetensors.numpy.load(client.get(f"{CHECKPOINT}?dtype=float16").content)
        fitted = client.get(FITTED)
        described = client.get(f"{CHECKPOINT}:describe").json()
    assert {tensor.shape for tensor in found.values()} == {(256, 512)}
    assert {tuple(tensor["shape"]) for tensor in described["tensors"]} == {(256, 512)}
    assert b"[512,256]" not in fitted.content[:2000]
    assert {tensor.shape for tensor in safetensors.numpy.load(answer.content).values()} == {
        (256, 512)
    }
