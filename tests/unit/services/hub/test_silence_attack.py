"""Nobody keeps a right that was taken from them by having the Hub fail at something else."""

import pytest

from services.hub.errors import UnknownRepositoryError, UpstreamUnavailableError
from tests.hub.falsehoods import rate_limited
from tests.hub.faults import Fault, Status
from tests.hub.messages import Answer, Request
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.services.hub.conftest import MEMBER, NAME, PRIVATE, Clock, Services
from weightbank.errors import WeightbankError


class TakesTime(Fault):
    """An error after a long time."""

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Let time pass, and fail."""
        self._clock.advance(self._seconds)
        return Status(504).of_answer(answer, request)


def test_a_failure_of_another_question_prolongs_no_right(
    services: Services, hub: HubServer, private: FakeRepository
) -> None:
    """By branch and by commit, though it is remembered that the Hub failed."""
    client = services.hub()
    client.snapshot(PRIVATE, token=MEMBER)
    hub.revoke(MEMBER, private)
    services.clock.advance(61)
    hub.inject(Status(500), "evil")
    for revision in ("main", private.head):
        with pytest.raises(UpstreamUnavailableError):
            client.snapshot("owner/evil")
        with pytest.raises(UnknownRepositoryError):
            client.snapshot(PRIVATE, revision, token=MEMBER)


def test_a_limit_elsewhere_prolongs_no_right(
    services: Services, hub: HubServer, private: FakeRepository
) -> None:
    """A caller can use up what the Hub allows them."""
    client = services.hub()
    client.snapshot(PRIVATE, token=MEMBER)
    hub.revoke(MEMBER, private)
    services.clock.advance(61)
    hub.inject(rate_limited(3600), "evil")
    with pytest.raises(WeightbankError):
        client.snapshot("owner/evil", token=MEMBER)
    with pytest.raises(UnknownRepositoryError):
        client.snapshot(PRIVATE, private.head, token=MEMBER)


def test_a_right_is_not_asked_for_in_vain_at_once(
    services: Services, hub: HubServer, private: FakeRepository
) -> None:
    """Its own question that failed is remembered for a moment, too."""
    client = services.hub()
    client.snapshot(PRIVATE, token=MEMBER)
    services.clock.advance(61)
    hub.inject(Status(503))
    client.snapshot(PRIVATE, private.head, token=MEMBER)
    before = services.asked()
    client.snapshot(PRIVATE, private.head, token=MEMBER)
    assert services.asked() == before
    services.clock.advance(5.1)
    client.snapshot(PRIVATE, private.head, token=MEMBER)
    assert services.asked() == before + 1


@pytest.mark.usefixtures("public")
def test_a_hub_that_cannot_be_reached_is_so_for_all_rights(
    services: Services, hub: HubServer, private: FakeRepository
) -> None:
    """Nobody waits for a connection that another could not have."""
    client = services.hub()
    client.snapshot(NAME)
    client.snapshot(PRIVATE, token=MEMBER)
    services.clock.advance(61)
    hub.stop()
    client.snapshot(NAME)
    hub.start()
    before = services.asked()
    client.snapshot(PRIVATE, private.head, token=MEMBER)
    assert services.asked() == before


@pytest.mark.usefixtures("public")
def test_a_hub_that_hangs_is_seldom_waited_for(services: Services, hub: HubServer) -> None:
    """Three times as long as it took to fail."""
    client = services.hub()
    client.snapshot(NAME)
    services.clock.advance(11)
    hub.inject(TakesTime(services.clock, seconds=10))
    client.snapshot(NAME)
    before = services.asked()
    services.clock.advance(29)
    client.snapshot(NAME)
    assert services.asked() == before
    services.clock.advance(2)
    client.snapshot(NAME)
    assert services.asked() == before + 1
