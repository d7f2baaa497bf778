"""Servers that may not ask the Hub, after a time when they did."""

from collections.abc import Callable

import httpx
import pytest

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.conftest import LiveServer
from tests.faults.outcomes import outcome
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer

READER, OTHER = "hf_reader", "hf_other"
FITTED = f"{CHECKPOINT}?dtype=bfloat16"
PRIVATE = "/v1/checkpoints/timm/private"

MakeServer = Callable[..., LiveServer]


@pytest.fixture
def warm(
    make_hub_server: MakeServer, hub: HubServer, served: bytes, weights: bytes
) -> FakeRepository:
    """A data directory that has a repository for everybody, and one that a token has read."""
    repository = hub.add_repository("timm/other", {"model.safetensors": weights[:-1] + b"x"})
    hub.add_repository("timm/private", {"model.safetensors": served}, private=True)
    hub.grant(READER, "timm/private")
    hub.add_user(OTHER)
    live = make_hub_server()
    with live.client() as client:
        assert client.get(CHECKPOINT).status_code == 200
        assert client.get(FITTED).status_code == 200
        assert client.get(PRIVATE, headers={"X-HF-Token": READER}).status_code == 200
    live.stop()
    hub.requests.clear()
    return repository


@pytest.fixture
def offline(make_hub_server: MakeServer, warm: FakeRepository) -> httpx.Client:
    """A client of another server of that directory, which is offline."""
    assert warm
    return make_hub_server(hub_offline=True).client()


def test_what_is_kept_is_served_offline(
    offline: httpx.Client, hub: HubServer, served: bytes
) -> None:
    """By branch and by commit, as it is, fitted, described and listed; nobody is asked."""
    with offline as client:
        answer = client.get(CHECKPOINT)
        assert answer.content == served
        assert client.get(answer.headers["Content-Location"]).content == served
        assert client.get(CHECKPOINT, headers={"Range": "bytes=-9"}).content == served[-9:]
        assert client.get(FITTED).status_code == 200
        assert client.get(f"{CHECKPOINT}?add_prefix=model").status_code == 200
        assert client.get(f"{CHECKPOINT}:describe").json()["files"][0]["cached"]
        assert client.post(f"{CHECKPOINT}:prefetch").status_code == 200
        assert REPOSITORY in client.get("/v1/checkpoints").text
    assert hub.count() == 0


def test_what_is_not_kept_is_no_404_offline(
    offline: httpx.Client, warm: FakeRepository, hub: HubServer
) -> None:
    """Clients would remember that; they are told that this server is offline."""
    paths = [
        "/v1/checkpoints/timm/other",
        f"/v1/checkpoints/timm/other?revision={warm.head}",
        f"{CHECKPOINT}?revision=v1.0",
        f"{CHECKPOINT}?revision={'0' * 40}",
        "/v1/checkpoints/timm/none",
        "/v1/checkpoints/timm/none?dtype=bfloat16",
        "/v1/checkpoints/timm/other:describe",
    ]
    with offline as client:
        for path in paths:
            answer = outcome(client, path)
            assert (answer.status, answer.code) == (504, "offline"), path
            assert client.head(path).status_code == 504
    assert hub.count() == 0


def test_a_file_that_a_known_commit_does_not_have_is_a_404_offline(offline: httpx.Client) -> None:
    """That can never change, and is known."""
    with offline as client:
        answer = outcome(client, f"{CHECKPOINT}?file=other.safetensors")
    assert (answer.status, answer.code) == (404, "unknown_file")


def test_what_is_private_is_for_those_who_could_read_it(
    offline: httpx.Client, served: bytes
) -> None:
    """Others are told no more than of what is not there."""
    with offline as client:
        assert client.get(PRIVATE, headers={"X-HF-Token": READER}).content == served
        for headers in ({"X-HF-Token": OTHER}, {"X-HF-Token": "hf_unknown"}, {}):
            for path in (PRIVATE, f"{PRIVATE}?dtype=float16", f"{PRIVATE}:describe"):
                answer = outcome(client, path, headers=headers)
                assert (answer.status, answer.code) == (504, "offline")


def test_rights_outlast_the_hub_for_their_grace_alone(
    make_hub_server: MakeServer, warm: FakeRepository, served: bytes
) -> None:
    """What is for everybody stays so."""
    assert warm
    settings = {"hub_offline": True, "hub_grace_seconds": 0, "hub_rights_seconds": 0}
    with make_hub_server(**settings).client() as client:
        answer = outcome(client, PRIVATE, headers={"X-HF-Token": READER})
        assert (answer.status, answer.code) == (504, "offline")
        assert client.get(CHECKPOINT).content == served


def test_a_private_checkpoint_while_the_hub_is_down(
    make_hub_server: MakeServer, warm: FakeRepository, hub: HubServer, served: bytes
) -> None:
    """As offline: for those who could read it, and a 504 for others."""
    assert warm
    with make_hub_server(hub_revision_seconds=0, hub_rights_seconds=0).client() as client:
        hub.stop()
        assert client.get(PRIVATE, headers={"X-HF-Token": READER}).content == served
        for headers in ({"X-HF-Token": OTHER}, {}):
            answer = outcome(client, PRIVATE, headers=headers)
            assert (answer.status, answer.code) == (504, "upstream_unavailable")
            assert int(answer.headers["Retry-After"]) > 0
        hub.start()


def test_a_transfer_that_offline_finds_half_done(
    make_hub_server: MakeServer, hub: HubServer, served: bytes
) -> None:
    """Nobody takes it for a file; online, the rest is fetched."""
    gate = hub.gate(after_bytes=len(served) // 2)
    live = make_hub_server()
    with live.client() as client, client.stream("GET", CHECKPOINT):
        gate.wait_for_arrival()
    hub.stop()
    live.stop()
    hub.start()
    hub.mend(gate)
    asked = hub.count()
    with make_hub_server(hub_offline=True).client() as client:
        for headers in ({}, {"Range": "bytes=0-9"}):
            answer = outcome(client, CHECKPOINT, headers=headers)
            assert not answer.is_whole
        assert outcome(client, FITTED).is_whole is False
    assert hub.count() == asked
    with make_hub_server().client() as client:
        assert client.get(CHECKPOINT).content == served
