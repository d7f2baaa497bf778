"""What is answered while the Hub is not: from memory, for those who had the right."""

import pytest

from services.hub.errors import (
    LicenceNotAllowedError,
    OfflineError,
    RepositoryNotAllowedError,
    UpstreamBusyError,
    UpstreamUnavailableError,
)
from services.hub.rights import MemoryTimes
from tests.hub.falsehoods import rate_limited
from tests.hub.faults import Status
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.services.hub.conftest import (
    MEMBER,
    NAME,
    PRIVATE,
    STRANGER,
    WEIGHTS_PATH,
    Services,
)
from weightbank.errors import WeightbankError

WEEK_SECONDS = 7 * 86_400
ABSENT = (UpstreamUnavailableError, OfflineError)


@pytest.fixture(params=["down", "offline"])
def options(request: pytest.FixtureRequest) -> dict[str, bool]:
    """Of a hub whose upstream does not answer, or that asks nobody."""
    return {"is_offline": request.param == "offline"}


def test_what_is_public_is_answered_however_long_ago_it_was_asked_for(
    services: Services, public: FakeRepository, options: dict[str, bool]
) -> None:
    """Branches and commits, under the old name too, in a process that was started since."""
    services.server.rename(NAME, "timm/another")
    expected = services.hub().locate(NAME, "main", WEIGHTS_PATH)
    services.server.stop()
    services.clock.advance(100 * WEEK_SECONDS)
    hub = services.hub(**options)
    for token in (None, STRANGER):
        for name in (NAME, "timm/another"):
            assert hub.locate(name, public.head, WEIGHTS_PATH, token=token) == expected
        assert hub.locate(NAME, "main", WEIGHTS_PATH, token=token) == expected
    assert services.heard.silences


def test_what_is_private_is_answered_to_those_who_had_the_right(
    services: Services, private: FakeRepository, options: dict[str, bool]
) -> None:
    """Within the time of grace, which begins when they had it last."""
    first = services.hub()
    first.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    services.clock.advance(3600)
    first.locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    services.server.stop()
    services.clock.advance(WEEK_SECONDS - 1)
    hub = services.hub(**options)
    for revision in ("main", private.head):
        located = hub.locate(PRIVATE, revision, WEIGHTS_PATH, token=MEMBER)
        assert located.file.commit == private.head
    services.clock.advance(2)
    for client in (first, hub):
        for revision in ("main", private.head):
            with pytest.raises(ABSENT):
                client.locate(PRIVATE, revision, WEIGHTS_PATH, token=MEMBER)


@pytest.mark.parametrize("token", [None, STRANGER, "hf_never_seen"])
def test_what_is_private_is_answered_to_nobody_else(
    services: Services, private: FakeRepository, options: dict[str, bool], token: str | None
) -> None:
    """And nobody is told that it does not exist: that is not known."""
    services.hub().locate(PRIVATE, "main", WEIGHTS_PATH, token=MEMBER)
    services.server.stop()
    hub = services.hub(**options)
    for revision in ("main", private.head):
        with pytest.raises(ABSENT):
            hub.locate(PRIVATE, revision, WEIGHTS_PATH, token=token)


def test_what_was_never_asked_for_is_not_known(
    services: Services, public: FakeRepository, options: dict[str, bool]
) -> None:
    """Which is not the same as unknown."""
    services.hub().locate(NAME, "main", WEIGHTS_PATH)
    services.server.stop()
    hub = services.hub(**options)
    expected = OfflineError if options["is_offline"] else UpstreamUnavailableError
    for name, revision in (("owner/none", "main"), (NAME, "other"), (NAME, "0" * 40)):
        with pytest.raises(expected):
            hub.snapshot(name, revision)
    with pytest.raises(expected):
        hub.read(hub.locate(NAME, public.head, WEIGHTS_PATH), 0, 8)


@pytest.mark.usefixtures("public")
def test_an_offline_hub_asks_nobody(services: Services) -> None:
    """Though somebody would answer."""
    located = services.hub().locate(NAME, "main", WEIGHTS_PATH)
    before = services.asked()
    hub = services.hub(is_offline=True)
    assert hub.is_offline
    assert hub.locate(NAME, "main", WEIGHTS_PATH) == located
    with pytest.raises(OfflineError):
        hub.snapshot(NAME, "other")
    with pytest.raises(OfflineError):
        hub.read(located, 0, 8)
    with pytest.raises(OfflineError), hub.origin(located).open(0):
        pass
    assert services.asked() == before


@pytest.mark.usefixtures("public")
def test_policies_hold_without_the_hub_too(services: Services, options: dict[str, bool]) -> None:
    """They are the operator's, not the Hub's."""
    services.hub().snapshot(NAME)
    services.server.stop()
    with pytest.raises(RepositoryNotAllowedError):
        services.hub(allowed="owner/*", **options).snapshot(NAME)
    with pytest.raises(LicenceNotAllowedError):
        services.hub(licences="mit", **options).snapshot(NAME)


def test_no_grace_means_none(services: Services, private: FakeRepository) -> None:
    """The operator may have it so."""
    services.hub().snapshot(PRIVATE, token=MEMBER)
    services.server.stop()
    services.clock.advance(61)
    hub = services.hub(times=MemoryTimes(grace_seconds=0))
    with pytest.raises(UpstreamUnavailableError):
        hub.snapshot(PRIVATE, private.head, token=MEMBER)


@pytest.mark.usefixtures("public")
def test_a_hub_that_failed_is_not_asked_in_vain_at_once(services: Services) -> None:
    """Whoever can do without it does; a little later it is asked again."""
    hub = services.hub()
    hub.snapshot(NAME)
    services.clock.advance(11)
    services.server.inject(Status(503))
    hub.snapshot(NAME)
    before = services.asked()
    hub.snapshot(NAME)
    assert services.asked() == before
    with pytest.raises(UpstreamUnavailableError):
        hub.snapshot("owner/none")  # which cannot do without
    assert services.asked() == before + 1
    services.clock.advance(5.1)
    hub.snapshot(NAME)
    assert services.asked() == before + 2


def test_a_hub_that_answers_again_is_asked_again(
    services: Services, public: FakeRepository
) -> None:
    """By everybody, as soon as it answered anybody."""
    hub = services.hub()
    hub.snapshot(NAME)
    services.clock.advance(11)
    failing = Status(500)
    services.server.inject(failing)
    old = hub.snapshot(NAME)
    services.server.mend(failing)
    public.commit({"new": b"new"})
    assert hub.snapshot(NAME) == old
    with pytest.raises(WeightbankError):
        hub.snapshot("owner/none")
    assert hub.snapshot(NAME).commit == public.head


@pytest.mark.usefixtures("public")
def test_a_limit_is_waited_for(services: Services) -> None:
    """As long as the Hub says, by the caller it was said to."""
    hub = services.hub()
    services.server.add_user(STRANGER)
    hub.snapshot(NAME, token=MEMBER if services.server.add_user(MEMBER) else None)
    services.clock.advance(11)
    limit = rate_limited(120)
    services.server.inject(limit)
    hub.snapshot(NAME)
    services.server.mend(limit)
    before = services.asked()
    services.clock.advance(100)
    hub.snapshot(NAME)
    assert services.asked() == before
    hub.snapshot(NAME, token=STRANGER)
    assert services.asked() > before


@pytest.mark.usefixtures("public")
def test_a_limit_is_told_to_those_who_cannot_do_without(services: Services) -> None:
    """With the time to come back at."""
    services.server.inject(rate_limited(30))
    with pytest.raises(UpstreamBusyError) as caught:
        services.hub().snapshot(NAME)
    assert caught.value.retry_after_seconds == 30


def test_a_hub_that_is_back_has_the_last_word(
    services: Services, hub: HubServer, private: FakeRepository
) -> None:
    """Grace ends with its answer."""
    client = services.hub()
    client.snapshot(PRIVATE, token=MEMBER)
    hub.stop()
    hub.revoke(MEMBER, private)
    services.clock.advance(61)
    client.snapshot(PRIVATE, private.head, token=MEMBER)
    hub.start()
    services.clock.advance(6)
    with pytest.raises(WeightbankError) as caught:
        client.snapshot(PRIVATE, private.head, token=MEMBER)
    assert caught.value.code == "unknown_repository"


@pytest.mark.usefixtures("private")
def test_those_without_a_right_do_not_wait_twice(services: Services) -> None:
    """That the Hub does not answer is known after the first question."""
    hub = services.hub()
    hub.snapshot(PRIVATE, token=MEMBER)
    services.clock.advance(61)
    services.server.inject(Status(503))
    before = services.asked()
    with pytest.raises(UpstreamUnavailableError):
        hub.snapshot(PRIVATE, token=STRANGER)
    assert services.asked() == before + 1
