"""huggingface_hub's client downloads from the small Hub as from the real one."""

import hashlib

import pytest
from huggingface_hub.errors import EntryNotFoundError

from tests.hub.faults import Cut, IgnoreRange
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.hub_server.conftest import LONG_TEXT, SMALL_TEXT, WEIGHTS, HubClient

NAME = "timm/resnet50.a1_in1k"
USER = "hf_user"
# The client keeps what came in steps of ten.
MEBIBYTE = 2**20
LARGE = bytes(range(256)) * (12 * MEBIBYTE // 256)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("path", "content"),
    [("config.json", SMALL_TEXT), ("docs/long.txt", LONG_TEXT), ("model.safetensors", WEIGHTS)],
)
def test_a_file_comes_as_it_is(client: HubClient, path: str, content: bytes) -> None:
    """Small, compressed and large files have the bytes they were added with."""
    assert client.download(NAME, path) == content


@pytest.mark.usefixtures("repository")
def test_a_small_file_comes_through_the_resolve_cache(client: HubClient, hub: HubServer) -> None:
    """The redirect of today's Hub leads the client to the same bytes."""
    hub.options.resolve_cache = True
    assert client.download(NAME, "config.json") == SMALL_TEXT
    assert hub.count(path_contains="/api/resolve-cache/models/timm/", status=200) > 0


@pytest.mark.usefixtures("repository")
def test_a_large_file_comes_from_the_storage_without_the_token(
    client: HubClient, hub: HubServer
) -> None:
    """The client sends its token to the Hub alone."""
    hub.add_user(USER)
    client.download(NAME, "model.safetensors", token=USER)
    assert hub.count(method="GET", host="storage", status=200) == 1
    assert hub.count(host="hub", token=USER) > 0
    assert not hub.storage_saw_authorization


def test_a_snapshot_has_all_files_of_the_commit(
    client: HubClient, repository: FakeRepository
) -> None:
    """snapshot_download reads the listing and each file of it."""
    before = repository.head
    repository.commit({"config.json": b"other", "docs/long.txt": None})
    assert client.snapshot(NAME) == {"config.json": b"other", "model.safetensors": WEIGHTS}
    assert client.snapshot(NAME, revision=before)["docs/long.txt"] == LONG_TEXT


@pytest.mark.parametrize("revision", ["v1.0", "wip", "refs/pr/1"])
def test_a_revision_may_be_a_tag_a_branch_or_a_pull_request(
    client: HubClient, repository: FakeRepository, revision: str
) -> None:
    """Each name leads to its own commit."""
    repository.tag("v1.0", repository.commit({"config.json": b"v1.0"}))
    repository.branch("wip")
    repository.commit({"config.json": b"wip"}, branch="wip")
    repository.commit({"config.json": b"main"})
    repository.pull_request(1, {"config.json": b"refs/pr/1"})
    assert client.download(NAME, "config.json", revision=revision) == revision.encode()


def test_metadata_of_a_large_file_are_those_of_the_redirect(
    client: HubClient, repository: FakeRepository, hub: HubServer
) -> None:
    """Its ETag is the SHA-256, and its location is the storage."""
    metadata = client.metadata(NAME, "model.safetensors")
    assert metadata.etag == hashlib.sha256(WEIGHTS).hexdigest()
    assert metadata.size == len(WEIGHTS)
    assert metadata.commit_hash == repository.head
    assert metadata.location.startswith(hub.storage_url)
    assert metadata.xet_file_data is None


@pytest.mark.parametrize("resolve_cache", [False, True])
def test_metadata_of_a_small_file_are_gits(
    client: HubClient, repository: FakeRepository, hub: HubServer, *, resolve_cache: bool
) -> None:
    """Its ETag is the SHA-1 of git's blob, directly and through the resolve cache."""
    hub.options.resolve_cache = resolve_cache
    metadata = client.metadata(NAME, "config.json")
    blob = b"blob %d\0%s" % (len(SMALL_TEXT), SMALL_TEXT)
    assert metadata.etag == hashlib.sha1(blob, usedforsecurity=False).hexdigest()
    assert (metadata.size, metadata.commit_hash) == (len(SMALL_TEXT), repository.head)


def test_metadata_tell_of_xet_when_the_hub_does(
    client: HubClient, repository: FakeRepository, hub: HubServer
) -> None:
    """The client reads hash and route from the headers of the redirect."""
    hub.options.xet = True
    found = client.metadata(NAME, "model.safetensors").xet_file_data
    assert found is not None
    assert found.file_hash == repository.file("model.safetensors").xet_hash
    assert found.refresh_route.endswith(f"/api/models/{NAME}/xet-read-token/{repository.head}")


def test_a_cut_transfer_is_continued_by_the_client(client: HubClient, hub: HubServer) -> None:
    """The client asks for the rest with a range, and gets it."""
    hub.add_repository("timm/large", {"model.safetensors": LARGE})
    hub.inject(Cut(11 * MEBIBYTE), "model.safetensors", host="storage", times=1)
    assert client.download("timm/large", "model.safetensors") == LARGE
    assert hub.count(host="storage", range=f"bytes={10 * MEBIBYTE}-", status=206) == 1


def test_a_range_that_is_ignored_makes_the_client_begin_anew(
    client: HubClient, hub: HubServer
) -> None:
    """An answer of 200 to a range is the whole file."""
    hub.add_repository("timm/large", {"model.safetensors": LARGE})
    hub.inject(Cut(11 * MEBIBYTE), "model.safetensors", host="storage", times=1)
    hub.inject(IgnoreRange(), "model.safetensors", host="storage")
    assert client.download("timm/large", "model.safetensors") == LARGE
    assert hub.count(host="storage", range=f"bytes={10 * MEBIBYTE}-", status=200) == 1


@pytest.mark.usefixtures("repository")
def test_a_file_that_is_not_there_is_said_to_be_missing(client: HubClient) -> None:
    """file_exists and hf_hub_download agree."""
    assert client.api.file_exists(NAME, "config.json")
    assert not client.api.file_exists(NAME, "nothing.json")
    with pytest.raises(EntryNotFoundError):
        client.download(NAME, "nothing.json")
