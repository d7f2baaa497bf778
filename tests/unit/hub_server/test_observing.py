"""Tests see what the small Hub was asked, and hold what it sends."""

import threading
from pathlib import Path

import httpx
import pytest

from tests.hub.faults import Fault, Gate
from tests.hub.messages import Answer, Request
from tests.hub.server import HubServer
from tests.unit.hub_server.conftest import SMALL_TEXT, WEIGHTS

NAME = "timm/resnet50.a1_in1k"
PATH = "model.safetensors"

pytestmark = pytest.mark.usefixtures("repository")


def _link(hub: HubServer, http: httpx.Client) -> str:
    return http.head(f"{hub.url}/{NAME}/resolve/main/{PATH}").headers["Location"]


def test_the_log_has_each_request_in_order(hub: HubServer, http: httpx.Client) -> None:
    """Where, what, by whom, which part, and how it was answered."""
    hub.add_user("hf_ada")
    authorization = {"Authorization": "Bearer hf_ada"}
    link = http.head(f"{hub.url}/{NAME}/resolve/main/{PATH}", headers=authorization).headers[
        "Location"
    ]
    http.get(link, headers={"Range": "bytes=0-9"})
    head, get = hub.requests
    assert (head.method, head.host, head.status) == ("HEAD", "hub", 302)
    assert (head.token, head.path) == ("hf_ada", f"/{NAME}/resolve/main/{PATH}")
    assert (get.method, get.host, get.status) == ("GET", "storage", 206)
    assert (get.token, get.range, get.sent_bytes) == (None, "bytes=0-9", 10)


def test_a_token_that_reaches_the_storage_is_noticed(hub: HubServer, http: httpx.Client) -> None:
    """It is no matter whether it is valid."""
    link = _link(hub, http)
    http.get(link)
    assert not hub.storage_saw_authorization
    http.get(link, headers={"Authorization": "Bearer hf_lost"})
    assert hub.storage_saw_authorization


def test_a_test_waits_for_a_number_of_requests(hub: HubServer) -> None:
    """Without sleeping."""
    url = f"{hub.url}/{NAME}/resolve/main/config.json"
    thread = threading.Thread(target=lambda: [httpx.head(url) for _ in range(3)])
    thread.start()
    hub.wait_for_count(3, path_contains="config.json", method="HEAD")
    thread.join(30)
    assert hub.count(path_contains="config.json") == 3


def test_a_gate_lets_the_first_bytes_pass_and_no_more(hub: HubServer, http: httpx.Client) -> None:
    """They arrive while the rest does not exist for the client."""
    gate = hub.gate(PATH, after_bytes=1000)
    with http.stream("GET", _link(hub, http)) as answer:
        pieces = answer.iter_raw()
        received = bytearray()
        while len(received) < 1000:
            received += next(pieces)
        gate.wait_for_arrival()
        assert received == WEIGHTS[:1000]
        assert hub.sent_bytes(host="storage") == 1000
        gate.release()
        assert received + b"".join(pieces) == WEIGHTS


def test_a_gate_may_hold_the_whole_answer(hub: HubServer) -> None:
    """A Hub that takes a connection, and says nothing."""
    gate = Gate()
    hub.inject(gate, "config.json")
    url = f"{hub.url}/{NAME}/resolve/main/config.json"
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(url, timeout=0.05)
    gate.wait_for_arrival()
    gate.release()
    assert httpx.get(url).content == SMALL_TEXT


def test_a_server_that_stops_breaks_what_is_under_way(hub: HubServer, http: httpx.Client) -> None:
    """A held body too; its thread ends."""
    hub.gate(PATH, after_bytes=1000)
    with http.stream("GET", _link(hub, http)) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        hub.stop()
        with pytest.raises(httpx.TransportError):
            b"".join(pieces)


def test_a_server_comes_back_with_what_it_had(hub: HubServer, http: httpx.Client) -> None:
    """On the same ports, with the same repositories."""
    url = f"{hub.url}/{NAME}/resolve/main/config.json"
    assert http.get(url).status_code == 200
    hub.stop()
    with pytest.raises(httpx.TransportError):
        http.get(url)
    hub.start()
    assert http.get(url).content == SMALL_TEXT
    assert httpx.get(_link(hub, http)).content == WEIGHTS


class _Mistake(Fault):
    """Of ours."""

    def of_answer(self, answer: Answer, request: Request) -> Answer:
        """Raise."""
        raise LookupError(answer, request)


def test_a_mistake_of_the_server_fails_its_test() -> None:
    """It is raised where the server ends."""
    with pytest.raises(LookupError), HubServer() as hub:  # noqa: PT012 - all of it is meant
        hub.inject(_Mistake())
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(hub.url)


def test_a_file_on_disk_is_served_as_bytes_are(
    hub: HubServer, http: httpx.Client, tmp_path: Path
) -> None:
    """Whole, and in part."""
    path = tmp_path / "weights"
    path.write_bytes(WEIGHTS * 10)
    repository = hub.add_repository("owner/disk", {PATH: path})
    link = http.head(f"{hub.url}/owner/disk/resolve/main/{PATH}").headers["Location"]
    assert http.get(link).content == WEIGHTS * 10
    part = http.get(link, headers={"Range": "bytes=2559990-"}).content
    assert part == WEIGHTS[-10:]
    assert repository.file(PATH).content.size_bytes == 2_560_000
