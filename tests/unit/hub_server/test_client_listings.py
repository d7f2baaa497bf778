"""huggingface_hub's client finds what the small Hub says of a repository."""

import hashlib
from typing import Any

import pytest
from huggingface_hub.hf_api import RepoFile, RepoFolder

from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.hub_server.conftest import WEIGHTS, HubClient

NAME = "timm/resnet50.a1_in1k"
PATHS = ["config.json", "docs/long.txt", "model.safetensors"]


def test_model_info_has_what_a_server_decides_by(
    client: HubClient, repository: FakeRepository
) -> None:
    """Name, commit, licence and rights are where the Hub has them."""
    info = client.api.model_info(NAME)
    assert (info.id, info.sha) == (NAME, repository.head)
    assert (info.private, info.gated, info.disabled) == (False, False, False)
    assert info.card_data.license == "apache-2.0"
    assert "license:apache-2.0" in info.tags
    assert [sibling.rfilename for sibling in info.siblings] == PATHS
    assert {sibling.size for sibling in info.siblings} == {None}
    assert info.last_modified is not None


def test_model_info_with_files_has_sizes_and_hashes(
    client: HubClient, repository: FakeRepository
) -> None:
    """``blobs=true`` adds what names each file."""
    config, _, weights = client.api.model_info(NAME, files_metadata=True).siblings
    assert config.lfs is None
    assert config.blob_id == repository.file("config.json").etag
    assert weights.size == weights.lfs.size == len(WEIGHTS)
    assert weights.lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert weights.blob_id != weights.lfs.sha256


def test_model_info_of_a_revision_is_that_of_its_commit(
    client: HubClient, repository: FakeRepository
) -> None:
    """A quoted slash belongs to the revision."""
    commit = repository.pull_request(1, {"new.txt": b"new"})
    info = client.api.model_info(NAME, revision="refs/pr/1")
    assert info.sha == commit
    assert "new.txt" in [sibling.rfilename for sibling in info.siblings]


def test_a_repository_without_a_licence_has_no_card(hub: HubServer, client: HubClient) -> None:
    """Neither the card nor the tags name one."""
    hub.add_repository("timm/none", {"config.json": b"{}"}, licence=None)
    info = client.api.model_info("timm/none")
    assert info.card_data is None
    assert not any(tag.startswith("license:") for tag in info.tags)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("page_entries", [1, 2, 1000])
def test_a_tree_is_whole_whatever_its_pages(
    hub: HubServer, client: HubClient, page_entries: int
) -> None:
    """The client follows the link to each next page."""
    hub.options.page_entries = page_entries
    assert client.api.list_repo_files(NAME) == PATHS
    entries = list(client.api.list_repo_tree(NAME, recursive=True))
    assert [entry.path for entry in entries] == ["config.json", "docs", *PATHS[1:]]
    assert hub.count(path_contains="/tree/main") >= 4 // page_entries


def test_a_tree_names_files_by_their_hashes(client: HubClient, repository: FakeRepository) -> None:
    """Each entry has the hash of git's blob, and large ones that of LFS beside."""
    entries: dict[str, Any] = {
        entry.path: entry for entry in client.api.list_repo_tree(NAME) if entry
    }
    assert isinstance(entries["docs"], RepoFolder)
    assert entries["config.json"].blob_id == repository.file("config.json").etag
    weights = entries["model.safetensors"]
    assert weights.lfs.sha256 == repository.file("model.safetensors").etag
    assert weights.blob_id == repository.file("model.safetensors").in_git.git_sha1
    assert weights.xet_hash is None


@pytest.mark.usefixtures("repository")
def test_a_folder_is_listed_alone(client: HubClient) -> None:
    """A path after the revision names it."""
    assert [entry.path for entry in client.api.list_repo_tree(NAME, "docs")] == ["docs/long.txt"]


@pytest.mark.usefixtures("repository")
def test_paths_info_has_the_paths_that_are_there(client: HubClient) -> None:
    """Files and folders, and nothing of what is not there."""
    found = client.api.get_paths_info(NAME, ["docs", "model.safetensors", "nothing"])
    assert [type(entry) for entry in found] == [RepoFolder, RepoFile]
    assert found[1].size == len(WEIGHTS)


def test_references_are_listed_by_kind(client: HubClient, repository: FakeRepository) -> None:
    """Branches and tags, and pull requests for who asks."""
    repository.tag("v1.0")
    commit = repository.pull_request(7, {"a": b"a"})
    references = client.api.list_repo_refs(NAME, include_pull_requests=True)
    assert [(ref.name, ref.target_commit) for ref in references.branches] == [
        ("main", repository.head)
    ]
    assert [(ref.name, ref.ref) for ref in references.tags] == [("v1.0", "refs/tags/v1.0")]
    assert [(ref.ref, ref.target_commit) for ref in references.pull_requests] == [
        ("refs/pr/7", commit)
    ]
    assert client.api.list_repo_refs(NAME).pull_requests is None


def test_a_name_without_an_owner_is_a_repository(hub: HubServer, client: HubClient) -> None:
    """Canonical models have a name alone, on every route."""
    hub.add_repository("gpt2", {"config.json": b"{}", "model.safetensors": WEIGHTS})
    assert client.api.model_info("gpt2").id == "gpt2"
    assert client.api.list_repo_files("gpt2") == ["config.json", "model.safetensors"]
    assert [ref.name for ref in client.api.list_repo_refs("gpt2").branches] == ["main"]
    assert len(client.snapshot("gpt2")) == 2


def test_a_renamed_repository_answers_to_its_old_name(
    hub: HubServer, client: HubClient, repository: FakeRepository
) -> None:
    """Listings and files are found where the redirects lead, after two renames too."""
    hub.rename(NAME, "timm/interim")
    hub.rename("timm/interim", "timm/resnet50.new")
    assert client.api.model_info(NAME).id == "timm/resnet50.new"
    assert client.api.get_paths_info(NAME, ["config.json"])[0].path == "config.json"
    assert client.download(NAME, "model.safetensors") == WEIGHTS
    assert repository.name == "timm/resnet50.new"
    assert hub.count(path_contains=NAME, status=307) > 0
