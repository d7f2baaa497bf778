"""huggingface_hub's client understands why the small Hub refuses."""

import httpx2
import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.hub.falsehoods import no_commit, no_etag, rate_limited
from tests.hub.faults import Fault, Status
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.hub_server.conftest import HubClient

NAME = "timm/resnet50.a1_in1k"
PRIVATE = "owner/private"
GATED = "owner/gated"
MEMBER = "hf_member"
NOBODY = "hf_nobody"


@pytest.fixture
def _private(hub: HubServer) -> None:
    hub.add_repository(PRIVATE, {"config.json": b"{}", "model.bin": b"weights"}, private=True)


@pytest.fixture
def _gated(hub: HubServer) -> None:
    hub.add_repository(GATED, {"config.json": b"{}", "model.bin": b"weights"}, gated="manual")


def _response(caught: pytest.ExceptionInfo[HfHubHTTPError]) -> tuple[int, str | None, str | None]:
    headers = caught.value.response.headers
    return (
        caught.value.response.status_code,
        headers.get("X-Error-Code"),
        headers.get("X-Error-Message"),
    )


@pytest.mark.parametrize("token", [None, "hf_other"])
def test_an_unknown_repository_is_not_found(
    hub: HubServer, client: HubClient, token: str | None
) -> None:
    """401 to those who are nobody, 404 to others; the code is the same."""
    hub.add_user("hf_other")
    with pytest.raises(RepositoryNotFoundError) as caught:
        client.metadata("owner/nothing", "config.json", token=token or False)
    status, code, _ = _response(caught)
    assert (status, code) == (404 if token else 401, "RepoNotFound")


@pytest.mark.usefixtures("_private")
@pytest.mark.parametrize("token", [None, "hf_other"])
def test_a_private_repository_is_not_found_by_those_without_rights(
    hub: HubServer, client: HubClient, token: str | None
) -> None:
    """Nobody can tell it from one that is not there."""
    hub.add_user("hf_other")
    with pytest.raises(RepositoryNotFoundError) as private:
        client.api.model_info(PRIVATE, token=token or False)
    with pytest.raises(RepositoryNotFoundError) as unknown:
        client.api.model_info("owner/nothing", token=token or False)
    assert _response(private) == _response(unknown)


@pytest.mark.usefixtures("_private")
def test_a_granted_token_reads_a_private_repository_until_it_is_revoked(
    hub: HubServer, client: HubClient
) -> None:
    """A right may be taken away, and the token with it."""
    hub.grant(MEMBER, PRIVATE)
    assert client.api.model_info(PRIVATE, token=MEMBER).private is True
    assert client.download(PRIVATE, "model.bin", token=MEMBER) == b"weights"
    hub.revoke(MEMBER, PRIVATE)
    with pytest.raises(RepositoryNotFoundError):
        client.api.model_info(PRIVATE, token=MEMBER)
    hub.revoke(MEMBER)
    with pytest.raises(HfHubHTTPError) as caught:
        client.api.whoami(token=MEMBER)
    assert _response(caught)[0] == 401


@pytest.mark.usefixtures("repository")
def test_an_invalid_token_is_refused_even_for_public_repositories(client: HubClient) -> None:
    """The Hub's sentence tells this from a repository that is not there."""
    with pytest.raises(HfHubHTTPError) as caught:
        client.metadata(NAME, "config.json", token=NOBODY)
    assert not isinstance(caught.value, RepositoryNotFoundError)
    assert _response(caught) == (401, None, "Invalid credentials in Authorization header")


@pytest.mark.usefixtures("_gated")
@pytest.mark.parametrize(("token", "status"), [(None, 401), ("hf_other", 403)])
@pytest.mark.parametrize("path", ["config.json", "model.bin"])
def test_a_gated_repository_shows_its_listing_and_keeps_its_files(
    hub: HubServer, client: HubClient, token: str | None, status: int, path: str
) -> None:
    """Everybody sees what it has; only those let in read it."""
    hub.add_user("hf_other")
    assert client.api.model_info(GATED, token=token or False).gated == "manual"
    with pytest.raises(GatedRepoError) as caught:
        client.metadata(GATED, path, token=token or False)
    assert _response(caught)[:2] == (status, "GatedRepo")
    with pytest.raises(GatedRepoError):
        client.api.auth_check(GATED, token=token or False)


@pytest.mark.usefixtures("_gated")
def test_a_granted_token_reads_a_gated_repository(hub: HubServer, client: HubClient) -> None:
    """auth_check and downloads agree."""
    hub.grant(MEMBER, GATED)
    client.api.auth_check(GATED, token=MEMBER)
    assert client.download(GATED, "model.bin", token=MEMBER) == b"weights"
    assert not hub.storage_saw_authorization


def test_a_token_says_whose_it_is(hub: HubServer, client: HubClient) -> None:
    """The answer to whoami has the name."""
    hub.add_user(MEMBER, "ada")
    assert client.api.whoami(token=MEMBER)["name"] == "ada"


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("revision", ["nothing", "refs/pr/9", "0" * 40])
def test_an_unknown_revision_is_said_to_be_one(client: HubClient, revision: str) -> None:
    """On files and listings alike."""
    with pytest.raises(RevisionNotFoundError):
        client.metadata(NAME, "config.json", revision=revision)
    with pytest.raises(RevisionNotFoundError):
        client.api.model_info(NAME, revision=revision)


def test_an_unknown_file_is_said_to_be_one_for_good(
    client: HubClient, repository: FakeRepository
) -> None:
    """The commit is named, by which a client remembers that it has none."""
    with pytest.raises(RemoteEntryNotFoundError) as caught:
        client.metadata(NAME, "nothing.json")
    assert caught.value.response.headers["X-Repo-Commit"] == repository.head


def test_a_deleted_repository_is_not_found(
    hub: HubServer, client: HubClient, repository: FakeRepository
) -> None:
    """It may be made anew, with other commits."""
    hub.delete(NAME)
    with pytest.raises(RepositoryNotFoundError):
        client.api.model_info(NAME)
    again = hub.add_repository(NAME, {"config.json": b"again"})
    assert client.api.model_info(NAME).sha == again.head != repository.head


@pytest.mark.usefixtures("repository")
def test_a_server_error_is_no_verdict_on_the_file(hub: HubServer, client: HubClient) -> None:
    """The client has the status, and finds the file later."""
    hub.inject(Status(503, retry_after_seconds=1), "config.json", times=1)
    with pytest.raises(HfHubHTTPError) as caught:
        client.metadata(NAME, "config.json")
    assert _response(caught) == (503, None, None)
    assert client.metadata(NAME, "config.json").size


@pytest.mark.usefixtures("repository")
def test_a_limit_on_requests_says_when_to_come_back(hub: HubServer, client: HubClient) -> None:
    """The client reads it from the Hub's header."""
    hub.inject(rate_limited(55), "config.json")
    with pytest.raises(HfHubHTTPError, match="Retry after 55 seconds") as caught:
        client.metadata(NAME, "config.json")
    assert caught.value.response.headers["Retry-After"] == "55"


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("fault", [no_commit(), no_etag()])
def test_a_proxy_that_drops_headers_is_noticed_by_the_client(
    hub: HubServer, client: HubClient, fault: Fault
) -> None:
    """Without a commit or an ETag there is no download."""
    hub.inject(fault)
    with pytest.raises(LocalEntryNotFoundError):
        client.download(NAME, "config.json")


@pytest.mark.usefixtures("repository")
def test_a_hub_that_is_down_does_not_answer_and_comes_back(
    hub: HubServer, client: HubClient
) -> None:
    """On the same address."""
    hub.stop()
    with pytest.raises(httpx2.ConnectError):
        client.metadata(NAME, "config.json")
    hub.start()
    assert client.metadata(NAME, "config.json").size
