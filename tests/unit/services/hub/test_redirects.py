"""Where transfers may be led, and what is told there."""

import pytest

from services.blobs.blob import TransferBrokenError
from services.hub.errors import (
    RedirectRefusedError,
    UpstreamError,
)
from tests.hub.faults import Redirect, Status
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.services.hub.conftest import (
    FILES,
    MEMBER,
    NAME,
    WEIGHTS,
    WEIGHTS_PATH,
    Services,
    fetch,
    located_in,
)

CONFIG = FILES["config.json"]


def test_a_link_that_ran_out_is_replaced_by_the_next_attempt(
    services: Services, public: FakeRepository
) -> None:
    """The Hub signs another."""
    upstream = services.upstream()
    services.server.inject(Status(403), host="storage", times=1)
    with pytest.raises(TransferBrokenError):
        fetch(upstream, located_in(public))
    assert fetch(upstream, located_in(public)) == WEIGHTS


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.9:1/a?signature=s3cret",
        "http://127.0.0.1:1/a?signature=s3cret",
        "http://localhost:1/a?signature=s3cret",
        "https://evil.org/a?signature=s3cret",
        "//evil.org/a?signature=s3cret",
        "https://user:s3cret@127.0.0.2/a",
        "file:///etc/s3cret",
        "http://[",
    ],
)
@pytest.mark.parametrize("host", ["hub", "storage"])
def test_no_redirect_leads_elsewhere(
    services: Services, public: FakeRepository, location: str, host: str
) -> None:
    """Neither the Hub's nor that of the storage; and no signature is shown."""
    services.server.inject(Redirect(location), host=host)  # type: ignore[arg-type]
    with pytest.raises(RedirectRefusedError) as caught:
        fetch(services.upstream(), located_in(public))
    assert "s3cret" not in str(caught.value)


def test_the_storage_is_asked_only_if_it_is_listed(
    services: Services, public: FakeRepository
) -> None:
    """Its address is none of the Hub's."""
    with pytest.raises(RedirectRefusedError, match=r"127\.0\.0\.2"):
        fetch(services.upstream(hosts="huggingface.co"), located_in(public))
    assert services.server.count(host="storage") == 0


def test_redirects_end(services: Services, public: FakeRepository) -> None:
    """After a few."""
    services.server.inject(Redirect(f"/{NAME}/resolve/main/{WEIGHTS_PATH}"))
    with pytest.raises(UpstreamError, match="ever other places"):
        fetch(services.upstream(), located_in(public))
    assert services.asked() == 6


def test_the_hub_is_told_the_token_and_the_storage_is_not(
    services: Services, private: FakeRepository
) -> None:
    """However often it is asked."""
    upstream = services.upstream()
    assert fetch(upstream, located_in(private), token=MEMBER) == WEIGHTS
    assert upstream.read(located_in(private), 5, 9, MEMBER) == WEIGHTS[5:9]
    assert services.server.count(host="hub", token=MEMBER) == 2
    assert services.server.count(host="storage") == 2
    assert not services.server.storage_saw_authorization


def test_no_storage_can_send_a_token_to_a_place_it_chose(
    services: Services, hub: HubServer, private: FakeRepository
) -> None:
    """A redirect back to the Hub is followed as nobody."""
    hub.add_repository("owner/other", FILES, private=True)
    hub.inject(Redirect(f"{hub.url}/owner/other/resolve/main/{WEIGHTS_PATH}"), host="storage")
    with pytest.raises(TransferBrokenError):
        fetch(services.upstream(), located_in(private), token=MEMBER)
    assert hub.count(path_contains="owner/other", token=None) == 1
    assert hub.count(path_contains="owner/other", token=MEMBER) == 0


def test_xet_is_done_without(services: Services, public: FakeRepository) -> None:
    """Its headers do no harm: the same bytes come by the redirect."""
    services.server.options.xet = True
    upstream = services.upstream()
    located = upstream.locate(NAME, "main", WEIGHTS_PATH, None)
    assert located == located_in(public)
    assert fetch(upstream, located, 9) == WEIGHTS[9:]
    assert services.server.count(path_contains="xet") == 0
