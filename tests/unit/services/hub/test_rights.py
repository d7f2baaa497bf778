"""Who may read what, however much of it is remembered."""

import pytest

from services.hub.errors import (
    GatedRepositoryError,
    InvalidHubTokenError,
    UnknownRepositoryError,
)
from tests.hub.faults import Status
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.services.hub.conftest import (
    FILES,
    GATED,
    MEMBER,
    NAME,
    PRIVATE,
    STRANGER,
    WEIGHTS,
    WEIGHTS_PATH,
    Services,
)
from weightbank.errors import WeightbankError

NEVER_SEEN = "hf_never_seen"


@pytest.mark.parametrize(
    ("token", "error"),
    [
        (None, UnknownRepositoryError),
        (STRANGER, UnknownRepositoryError),
        (NEVER_SEEN, InvalidHubTokenError),
    ],
)
def test_what_one_caller_may_read_is_refused_to_another(
    services: Services, private: FakeRepository, *, token: str | None, error: type[WeightbankError]
) -> None:
    """Also while everything is remembered."""
    hub = services.hub()
    hub.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    for client in (hub, services.hub()):
        for revision in ("main", private.head):
            with pytest.raises(error):
                client.snapshot(PRIVATE, revision, token=token)
            with pytest.raises(error):
                client.locate(PRIVATE, revision, WEIGHTS_PATH, token=token)
        with pytest.raises(error):
            client.authorize(PRIVATE, private.head, token=token)


def test_a_refusal_tells_nothing_that_is_remembered(
    services: Services, private: FakeRepository
) -> None:
    """Neither which files there are nor which licence."""
    private.licence = "a-secret-licence"
    services.hub().snapshot(PRIVATE, token=MEMBER)
    hub = services.hub(licences="mit")
    for path in (WEIGHTS_PATH, "none.bin"):
        with pytest.raises(UnknownRepositoryError, match="does not exist, or is private"):
            hub.locate(PRIVATE, private.head, path, token=STRANGER)


def test_a_gated_repository_is_read_by_those_let_in_alone(
    services: Services, gated: FakeRepository
) -> None:
    """Its listing too, though the Hub shows it to all."""
    hub = services.hub()
    for token in (None, STRANGER):
        for revision in ("main", gated.head):
            with pytest.raises(GatedRepositoryError, match="asked for access"):
                hub.snapshot(GATED, revision, token=token)
    assert hub.locate(GATED, "main", WEIGHTS_PATH, token=MEMBER).size_bytes == len(WEIGHTS)
    with pytest.raises(GatedRepositoryError):
        hub.snapshot(GATED, token=STRANGER)


def test_rights_are_tried_on_the_file_that_is_wanted(
    services: Services, gated: FakeRepository
) -> None:
    """Or on the largest, if it is none."""
    hub = services.hub()
    hub.locate(GATED, "main", "config.json", token=MEMBER)
    services.clock.advance(61)
    hub.authorize(GATED, gated.head, token=MEMBER)
    tried = [request.path for request in services.server.requests.matching(method="HEAD")]
    assert [path.rpartition("/")[2] for path in tried] == ["config.json", WEIGHTS_PATH]


def test_rights_are_remembered_for_a_while(services: Services, private: FakeRepository) -> None:
    """By other processes too."""
    hub = services.hub()
    hub.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    before = services.asked()
    services.clock.advance(59)
    for client in (hub, services.hub()):
        client.locate(PRIVATE, private.head, WEIGHTS_PATH, token=MEMBER)
    assert services.asked() == before
    services.clock.advance(2)
    hub.locate(PRIVATE, private.head, WEIGHTS_PATH, token=MEMBER)
    assert services.asked() == before + 1


@pytest.mark.parametrize("name", [PRIVATE, GATED])
def test_a_right_that_was_taken_away_is_gone_after_a_while(
    services: Services, hub: HubServer, name: str
) -> None:
    """And not before: it is remembered."""
    repository = hub.add_repository(name, FILES, private=name == PRIVATE, gated=name == GATED)
    hub.grant(MEMBER, repository)
    client = services.hub()
    client.locate(name, "main", WEIGHTS_PATH, token=MEMBER)
    hub.revoke(MEMBER, repository)
    services.clock.advance(59)
    client.locate(name, repository.head, WEIGHTS_PATH, token=MEMBER)
    services.clock.advance(2)
    for _ in range(2):
        with pytest.raises((UnknownRepositoryError, GatedRepositoryError)):
            client.locate(name, repository.head, WEIGHTS_PATH, token=MEMBER)


def test_a_token_that_was_taken_away_is_refused_after_a_while(
    services: Services, hub: HubServer, private: FakeRepository
) -> None:
    """Its bearer is told that it is the token."""
    client = services.hub()
    client.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    hub.revoke(MEMBER)
    services.clock.advance(61)
    with pytest.raises(InvalidHubTokenError):
        client.locate(PRIVATE, private.head, WEIGHTS_PATH, token=MEMBER)


def test_a_refusal_ends_a_right_at_once_and_everywhere(
    services: Services, hub: HubServer, private: FakeRepository
) -> None:
    """One process hears it, and no other has it count while the Hub is down."""
    client = services.hub()
    located = client.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    hub.revoke(MEMBER, private)
    with pytest.raises(UnknownRepositoryError):
        client.read(located, 0, 8, token=MEMBER)
    hub.stop()
    for process in (client, services.hub(is_offline=True)):
        with pytest.raises(WeightbankError) as caught:
            process.locate(PRIVATE, private.head, WEIGHTS_PATH, token=MEMBER)
        assert caught.value.code in {"upstream_unavailable", "offline"}


def test_a_refused_transfer_ends_a_right_at_once(
    services: Services, hub: HubServer, private: FakeRepository
) -> None:
    """It is as good as any other answer."""
    client = services.hub()
    located = client.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    hub.revoke(MEMBER, private)
    with (
        pytest.raises(UnknownRepositoryError),
        client.origin(located, token=MEMBER).open(0),
    ):
        pass
    with pytest.raises(UnknownRepositoryError):
        client.locate(PRIVATE, private.head, WEIGHTS_PATH, token=MEMBER)


@pytest.mark.parametrize("becomes", ["private", "gated", "deleted"])
def test_what_was_for_everybody_may_not_stay_so(
    services: Services, hub: HubServer, public: FakeRepository, becomes: str
) -> None:
    """It is noticed as soon as rights are."""
    client = services.hub()
    client.locate(NAME, "main", WEIGHTS_PATH)
    hub.grant(MEMBER, public)
    if becomes == "deleted":
        hub.delete(NAME)
    else:
        public.private, public.gated = becomes == "private", becomes == "gated" and "manual"
    services.clock.advance(61)
    with pytest.raises((UnknownRepositoryError, GatedRepositoryError)):
        client.locate(NAME, public.head, WEIGHTS_PATH)
    if becomes != "deleted":
        assert client.snapshot(NAME, public.head, token=MEMBER).is_restricted


def test_what_becomes_public_is_for_everybody(services: Services, private: FakeRepository) -> None:
    """As soon as anybody hears it."""
    hub = services.hub()
    hub.snapshot(PRIVATE, token=MEMBER)
    private.private = False
    services.clock.advance(11)
    assert not hub.snapshot(PRIVATE, token=MEMBER).is_restricted
    before = services.asked()
    assert not hub.snapshot(PRIVATE, private.head).is_restricted
    assert services.asked() == before


@pytest.mark.usefixtures("private")
def test_callers_without_a_token_have_the_services_rights(services: Services) -> None:
    """And those with one have their own."""
    hub = services.hub(token=MEMBER)
    assert hub.locate(PRIVATE, "main", WEIGHTS_PATH).size_bytes == len(WEIGHTS)
    with pytest.raises(UnknownRepositoryError):
        hub.locate(PRIVATE, "main", WEIGHTS_PATH, token=STRANGER)
    with pytest.raises(UnknownRepositoryError):
        services.hub().locate(PRIVATE, "main", WEIGHTS_PATH)


@pytest.mark.usefixtures("public")
def test_a_bad_token_does_not_keep_its_bearer_from_what_is_public(services: Services) -> None:
    """Neither when it is asked for, nor when it is remembered, nor when it is fetched."""
    hub = services.hub()
    for seconds in (0, 11, 61):
        services.clock.advance(seconds)
        located = hub.locate(NAME, "main", WEIGHTS_PATH, token=NEVER_SEEN)
        assert hub.read(located, 0, 8, token=NEVER_SEEN) == WEIGHTS[:8]
        with hub.origin(located, token=NEVER_SEEN).open(0) as pieces:
            assert b"".join(pieces) == WEIGHTS


@pytest.mark.usefixtures("private", "gated")
@pytest.mark.parametrize("name", [PRIVATE, GATED, "owner/none"])
def test_a_bad_token_is_named_where_it_matters(services: Services, name: str) -> None:
    """Its bearer should not look for another mistake."""
    with pytest.raises(InvalidHubTokenError):
        services.hub().snapshot(name, token=NEVER_SEEN)


@pytest.mark.usefixtures("public")
def test_what_is_public_is_fetched_without_the_callers_token(services: Services) -> None:
    """The transfer may be for many, and must not depend on one of them."""
    services.server.add_user(MEMBER)
    hub = services.hub()
    located = hub.locate(NAME, "main", WEIGHTS_PATH, token=MEMBER)
    services.server.requests.clear()
    hub.read(located, 0, 8, token=MEMBER)
    assert {request.token for request in services.server.requests} == {None}


def test_what_became_private_is_fetched_with_the_callers_token(
    services: Services, hub: HubServer, public: FakeRepository
) -> None:
    """Even before that is noticed."""
    client = services.hub()
    hub.grant(MEMBER, public)
    located = client.locate(NAME, "main", WEIGHTS_PATH, token=MEMBER)
    public.private = True
    assert client.read(located, 0, 8, token=MEMBER) == WEIGHTS[:8]
    with client.origin(located, token=MEMBER).open(0) as pieces:
        assert b"".join(pieces) == WEIGHTS


def test_a_refusal_of_what_was_for_everybody_is_heard_at_once(
    services: Services, public: FakeRepository
) -> None:
    """By all callers: it is for everybody no more."""
    client = services.hub()
    located = client.locate(NAME, "main", WEIGHTS_PATH)
    public.private = True
    with pytest.raises(UnknownRepositoryError):
        client.read(located, 0, 8)
    for process in (client, services.hub()):
        with pytest.raises(UnknownRepositoryError):
            process.locate(NAME, public.head, WEIGHTS_PATH)


def test_rights_are_those_to_the_repository_that_a_name_leads_to(
    services: Services, hub: HubServer, private: FakeRepository
) -> None:
    """Under each of its names."""
    client = services.hub()
    hub.rename(PRIVATE, "owner/renamed")
    client.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    for name in (PRIVATE, "owner/renamed"):
        for revision in ("main", private.head):
            with pytest.raises(UnknownRepositoryError):
                client.locate(name, revision, WEIGHTS_PATH, token=STRANGER)


def test_a_token_is_asked_about_by_one_caller_only(
    services: Services, private: FakeRepository
) -> None:
    """Another token of the same user is another caller."""
    hub = services.hub()
    services.server.grant("hf_second", private)
    hub.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    services.server.requests.clear()
    hub.locate(PRIVATE, private.head, WEIGHTS_PATH, token="hf_second")  # noqa: S106 - of a fake
    assert [request.token for request in services.server.requests] == ["hf_second"]


def test_a_failure_is_no_refusal(services: Services, private: FakeRepository) -> None:
    """Rights outlast it."""
    hub = services.hub()
    hub.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    services.clock.advance(61)
    services.server.inject(Status(500))
    assert hub.locate(PRIVATE, private.head, WEIGHTS_PATH, token=MEMBER)


def test_an_empty_private_repository_is_no_more_for_everybody(
    services: Services, hub: HubServer
) -> None:
    """There is no file to try a token on."""
    empty = hub.add_repository(PRIVATE, {}, private=True)
    hub.grant(MEMBER, empty)
    client = services.hub()
    assert client.snapshot(PRIVATE, token=MEMBER).files == {}
    with pytest.raises(UnknownRepositoryError):
        client.snapshot(PRIVATE, empty.head)
