"""Repositories that are renamed, moved on or deleted while their checkpoints are kept."""

from collections.abc import Callable

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.conftest import LiveServer
from tests.faults.conftest import make_weights
from tests.faults.outcomes import outcome
from tests.hub.server import HubServer

ALWAYS = {"hub_revision_seconds": 0, "hub_rights_seconds": 0}
"""The Hub is asked each time."""

FITTED = f"{CHECKPOINT}?dtype=bfloat16"
RENAMED = "/v1/checkpoints/timm/renamed"

MakeServer = Callable[..., LiveServer]


def test_a_renamed_repository_goes_by_both_names(
    make_hub_server: MakeServer, hub: HubServer, served: bytes
) -> None:
    """By branch and by commit, and nothing is fetched again."""
    with make_hub_server(**ALWAYS).client() as client:
        before = client.get(CHECKPOINT)
        hub.rename(REPOSITORY, "timm/renamed")
        for path in (CHECKPOINT, RENAMED, before.headers["Content-Location"]):
            after = client.get(path)
            assert after.content == served
            assert after.headers["ETag"] == before.headers["ETag"]
            assert after.headers["X-Repo-Commit"] == before.headers["X-Repo-Commit"]
        assert client.get(RENAMED).headers["Content-Location"].startswith(RENAMED)
        fitted = [client.get(f"{path}?dtype=bfloat16").content for path in (CHECKPOINT, RENAMED)]
        assert fitted[0] == fitted[1]
    assert hub.count(host="storage") == 1


def test_a_branch_that_moved_leads_to_the_new_commit(
    make_hub_server: MakeServer, hub: HubServer, weights: bytes
) -> None:
    """Once its time in memory is over; the old commit is what it was."""
    repository = hub.add_repository(REPOSITORY, {"model.safetensors": weights})
    new = make_weights(2**20, seed=5)
    with make_hub_server(**ALWAYS).client() as client:
        old = client.get(CHECKPOINT).headers["X-Repo-Commit"]
        moved = repository.commit({"model.safetensors": new})
        answer = client.get(CHECKPOINT)
        assert answer.content == new
        assert answer.headers["X-Repo-Commit"] == moved
        assert client.get(CHECKPOINT, params={"revision": old}).content == weights


def test_a_branch_is_remembered_for_its_time(
    make_hub_server: MakeServer, hub: HubServer, weights: bytes
) -> None:
    """Whoever wants the new commit sooner names it."""
    repository = hub.add_repository(REPOSITORY, {"model.safetensors": weights})
    new = make_weights(2**20, seed=5)
    with make_hub_server(hub_revision_seconds=3600).client() as client:
        assert client.get(CHECKPOINT).content == weights
        moved = repository.commit({"model.safetensors": new})
        assert client.get(CHECKPOINT).content == weights
        assert client.get(CHECKPOINT, params={"revision": moved}).content == new


def test_a_deleted_repository_is_served_no_more(
    make_hub_server: MakeServer, hub: HubServer, served: bytes
) -> None:
    """Neither by branch nor by commit, nor fitted, though its bytes are here."""
    with make_hub_server(**ALWAYS).client() as client:
        kept = client.get(CHECKPOINT)
        assert kept.content == served
        assert client.get(FITTED).status_code == 200
        hub.delete(REPOSITORY)
        for path in (CHECKPOINT, kept.headers["Content-Location"], FITTED):
            gone = outcome(client, path)
            assert (gone.status, gone.code) == (404, "unknown_repository")
            known = outcome(client, path, headers={"If-None-Match": kept.headers["ETag"]})
            assert known.status == 404
