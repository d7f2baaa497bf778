"""Answers that are small on their way, and large once they are decoded."""

import gzip
from dataclasses import dataclass

import pytest

from services.hub.errors import UpstreamError
from tests.hub.faults import Fault
from tests.hub.messages import Answer, Request, answer_bytes
from tests.hub.repository import FakeRepository
from tests.hub.server import HubServer
from tests.unit.services.hub.conftest import NAME, WEIGHTS_PATH, Services


@dataclass(frozen=True)
class Compressed(Fault):
    """Something of a status, compressed whoever asks."""

    status: int

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Send that."""
        del answer, request
        body = gzip.compress(b'{"error": "' + bytes(2**24) + b'"}')
        headers = {"Content-Encoding": "gzip"}
        return answer_bytes(self.status, body, content_type="application/json", headers=headers)


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("status", [200, 404, 500])
def test_what_is_compressed_is_not_read(services: Services, hub: HubServer, status: int) -> None:
    """Its length on the way bounds nothing."""
    hub.inject(Compressed(status), "/api/")
    with pytest.raises(UpstreamError, match="compressed"):
        services.hub().snapshot(NAME)


def test_what_is_compressed_in_place_of_a_file_is_not_read(
    services: Services, hub: HubServer, public: FakeRepository
) -> None:
    """Nor what a refusal says."""
    client = services.hub()
    located = client.locate(NAME, public.head, WEIGHTS_PATH)
    hub.inject(Compressed(404), "/resolve/")
    with pytest.raises(UpstreamError, match="compressed"):
        client.read(located, 0, 10)


@pytest.mark.usefixtures("public")
def test_nothing_compressed_is_asked_for(services: Services, hub: HubServer) -> None:
    """A Hub that would compress does not."""
    hub.options.compresses = True
    services.hub().locate(NAME, "main", WEIGHTS_PATH)
    assert {request.headers["accept-encoding"] for request in hub.requests.matching()} == {
        "identity"
    }
