"""Callers who may not read a checkpoint that is kept, or may no longer."""

from collections.abc import Callable

import httpx
import pytest

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.conftest import LiveServer
from tests.faults.outcomes import outcome
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer

ALWAYS = {"hub_revision_seconds": 0, "hub_rights_seconds": 0}
"""The Hub is asked each time."""

READER, OTHER, SERVICE = "hf_reader_secret", "hf_other_secret", "hf_service_secret"
FITTED = f"{CHECKPOINT}?dtype=bfloat16"

MakeServer = Callable[..., LiveServer]


def by(token: str | None) -> dict[str, str]:
    """Headers of a caller."""
    return {} if token is None else {"X-HF-Token": token}


def refusal(client: httpx.Client, path: str, token: str | None = None) -> tuple[int, str]:
    """Status and code of a problem."""
    answer = outcome(client, path, headers=by(token))
    return answer.status, answer.code


@pytest.fixture
def private(hub: HubServer, weights: bytes) -> FakeRepository:
    """A repository for one token alone; there is another token."""
    repository = hub.add_repository(REPOSITORY, {"model.safetensors": weights}, private=True)
    hub.grant(READER, REPOSITORY)
    hub.add_user(OTHER)
    return repository


def test_a_token_that_was_revoked_reads_no_more(
    make_hub_server: MakeServer, hub: HubServer, private: FakeRepository, weights: bytes
) -> None:
    """First its right to a repository, then itself."""
    with make_hub_server(**ALWAYS).client() as client:
        kept = client.get(CHECKPOINT, headers=by(READER))
        assert kept.content == weights
        hub.revoke(READER, private)
        for path in (CHECKPOINT, kept.headers["Content-Location"], FITTED):
            assert refusal(client, path, READER) == (404, "unknown_repository")
        hub.revoke(READER)
        for path in (CHECKPOINT, kept.headers["Content-Location"], FITTED):
            assert refusal(client, path, READER) == (401, "invalid_hub_token")
        hub.grant(READER, private)
        assert client.get(CHECKPOINT, headers=by(READER)).content == weights


@pytest.mark.parametrize("settings", [ALWAYS, {}], ids=["asked each time", "remembered"])
def test_what_is_kept_for_one_is_refused_to_others(
    make_hub_server: MakeServer,
    hub: HubServer,
    private: FakeRepository,
    weights: bytes,
    settings: dict[str, int],
) -> None:
    """As the Hub hides it: nobody is told that it exists."""
    with make_hub_server(**settings).client() as client:
        kept = client.get(CHECKPOINT, headers=by(READER))
        assert kept.content == weights
        assert kept.headers["Cache-Control"].startswith("private")
        assert client.get(FITTED, headers=by(READER)).status_code == 200
        paths = (CHECKPOINT, f"{CHECKPOINT}?revision={private.head}", FITTED)
        for token in (OTHER, None):
            for path in (*paths, f"{CHECKPOINT}:describe"):
                assert refusal(client, path, token) == (404, "unknown_repository")
            for path in paths:
                for more in ({"Range": "bytes=0-9"}, {"If-None-Match": kept.headers["ETag"]}):
                    assert client.get(path, headers={**by(token), **more}).status_code == 404
                assert client.head(path, headers=by(token)).status_code == 404
            fetched = client.post(f"{CHECKPOINT}:prefetch", headers=by(token))
            assert fetched.json()["code"] == "unknown_repository"
            removed = client.delete(CHECKPOINT, headers=by(token))
            assert removed.json()["code"] == "not_cached"
        assert REPOSITORY not in client.get("/v1/checkpoints").text
        assert client.get(CHECKPOINT, headers=by(READER)).content == weights
    assert hub.count(host="storage") == 1


def test_two_private_repositories_with_one_content(
    make_hub_server: MakeServer, hub: HubServer, private: FakeRepository, weights: bytes
) -> None:
    """Each is for its own readers, although the bytes are kept once."""
    hub.add_repository("timm/twin", {"model.safetensors": weights}, private=True)
    hub.grant(OTHER, "timm/twin")
    with make_hub_server().client() as client:
        assert client.get(CHECKPOINT, headers=by(READER)).content == weights
        assert client.get("/v1/checkpoints/timm/twin", headers=by(OTHER)).content == weights
        assert refusal(client, CHECKPOINT, OTHER) == (404, "unknown_repository")
        assert refusal(client, "/v1/checkpoints/timm/twin", READER) == (404, "unknown_repository")
    assert private.name == REPOSITORY
    assert hub.count(host="storage") == 1


def test_a_gated_repository_is_for_those_who_were_let_in(
    make_hub_server: MakeServer, hub: HubServer, weights: bytes
) -> None:
    """Others are told that it is gated, before and after it is here."""
    hub.add_repository(REPOSITORY, {"model.safetensors": weights}, gated="manual")
    hub.add_user(OTHER)
    hub.grant(READER, REPOSITORY)
    with make_hub_server(**ALWAYS).client() as client:
        for _ in range(2):
            for token in (OTHER, None):
                for path in (CHECKPOINT, FITTED):
                    assert refusal(client, path, token) == (403, "gated_repository")
            assert client.get(CHECKPOINT, headers=by(READER)).content == weights


def test_a_token_that_the_hub_does_not_know(
    make_hub_server: MakeServer, hub: HubServer, private: FakeRepository, weights: bytes
) -> None:
    """It is no good for what is private, and no hindrance to what is for everybody."""
    hub.add_repository("timm/open", {"model.safetensors": weights})
    assert private.private
    with make_hub_server().client() as client:
        assert client.get(CHECKPOINT, headers=by(READER)).content == weights
        for path in (CHECKPOINT, FITTED):
            assert refusal(client, path, "hf_unknown") == (401, "invalid_hub_token")
        opened = client.get("/v1/checkpoints/timm/open", headers=by("hf_unknown"))
        assert opened.content == weights


def test_the_tokens_of_callers_are_their_own(
    make_hub_server: MakeServer, hub: HubServer, private: FakeRepository, weights: bytes
) -> None:
    """What a caller's token may not read, the service's own does not read for them."""
    hub.grant(SERVICE, private)
    with make_hub_server(hub_token=SERVICE).client() as client:
        assert client.get(CHECKPOINT).content == weights
        assert refusal(client, CHECKPOINT, OTHER) == (404, "unknown_repository")
        assert client.get(CHECKPOINT, headers=by(READER)).content == weights
