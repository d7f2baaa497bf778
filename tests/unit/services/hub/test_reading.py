"""Parts of files, read without the rest."""

import pytest

from services.hub.errors import (
    UpstreamBusyError,
    UpstreamError,
    UpstreamUnavailableError,
)
from tests.hub.faults import Cut, OtherContent, Status
from tests.hub.repository import FakeRepository
from tests.unit.services.hub.conftest import (
    FILES,
    WEIGHTS,
    Services,
    located_in,
)

CONFIG = FILES["config.json"]


@pytest.mark.parametrize(("start", "stop"), [(0, 8), (5, 5), (100, 200_000), (0, len(WEIGHTS))])
def test_parts_are_read(services: Services, public: FakeRepository, start: int, stop: int) -> None:
    """Half-open, and nothing beyond."""
    assert services.upstream().read(located_in(public), start, stop, None) == WEIGHTS[start:stop]
    asked = services.server.requests.matching(host="storage")
    assert [request.range for request in asked] == [f"bytes={start}-{stop - 1}"] * (start < stop)


def test_a_part_that_is_cut_is_read_on(services: Services, public: FakeRepository) -> None:
    """From where it broke."""
    services.server.inject(Cut(after_bytes=70_000), host="storage", times=1)
    assert services.upstream().read(located_in(public), 10, 200_000, None) == WEIGHTS[10:200_000]


def test_a_part_that_breaks_time_and_again_cannot_be_had(
    services: Services, public: FakeRepository
) -> None:
    """Three attempts, and no more."""
    services.server.inject(Cut(), host="storage")
    with pytest.raises(UpstreamUnavailableError):
        services.upstream().read(located_in(public), 0, 100, None)
    assert services.server.count(host="storage") == 3


def test_a_part_that_ends_early_cannot_be_had(services: Services, public: FakeRepository) -> None:
    """An answer that is right in itself may be too short."""
    services.server.inject(OtherContent(b"short"), host="storage")
    with pytest.raises(UpstreamError):
        services.upstream().read(located_in(public), 0, 100, None)


def test_a_part_is_not_asked_for_again_before_it_may(
    services: Services, public: FakeRepository
) -> None:
    """A limit is a limit."""
    services.server.inject(Status(429, 60))
    with pytest.raises(UpstreamBusyError) as caught:
        services.upstream().read(located_in(public), 0, 100, None)
    assert (caught.value.retry_after_seconds, services.asked()) == (60, 1)
