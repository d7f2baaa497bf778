"""What can go wrong does so where, and as often as, a test wants it."""

import httpx
import pytest

from tests.hub.falsehoods import (
    WeakEtags,
    false_etag,
    false_length,
    false_linked_size,
)
from tests.hub.faults import (
    CorruptByte,
    Cut,
    Fault,
    OtherContent,
    Redirect,
    Slow,
    Status,
)
from tests.hub.server import HubServer
from tests.unit.hub_server.conftest import WEIGHTS

NAME = "timm/resnet50.a1_in1k"
PATH = "model.safetensors"

pytestmark = pytest.mark.usefixtures("repository")


@pytest.fixture
def large(hub: HubServer) -> str:
    """The address of a large file."""
    return f"{hub.url}/{NAME}/resolve/main/{PATH}"


@pytest.fixture
def link(http: httpx.Client, large: str) -> str:
    """Where it is."""
    return http.head(large).headers["Location"]


def test_a_fault_happens_to_what_it_is_meant_for(
    hub: HubServer, http: httpx.Client, large: str, link: str
) -> None:
    """Path, method and host choose its requests."""
    hub.inject(Status(500), PATH, method="GET", host="storage")
    assert http.get(link).status_code == 500
    assert http.head(link).status_code == 200
    assert http.get(large).status_code == 302
    assert http.get(f"{hub.url}/{NAME}/resolve/main/config.json").status_code == 200


def test_a_fault_happens_so_often_and_no_more(
    hub: HubServer, http: httpx.Client, link: str
) -> None:
    """After ``skip`` requests, to ``times`` of them."""
    hub.inject(Status(502), PATH, skip=1, times=2)
    assert [http.get(link).status_code for _ in range(4)] == [200, 502, 502, 200]


def test_a_fault_that_is_mended_happens_no_more(
    hub: HubServer, http: httpx.Client, link: str
) -> None:
    """Until then it always does."""
    fault = Status(503, retry_after_seconds=7)
    hub.inject(fault, PATH)
    assert http.get(link).headers["Retry-After"] == "7"
    assert http.get(link).status_code == 503
    hub.mend(fault)
    assert http.get(link).status_code == 200


def test_a_connection_is_cut_after_so_many_bytes(
    hub: HubServer, http: httpx.Client, link: str
) -> None:
    """Those before it arrive."""
    hub.inject(Cut(1000), PATH)
    received: list[bytes] = []
    with http.stream("GET", link) as answer, pytest.raises(httpx.RemoteProtocolError):
        received.extend(answer.iter_raw())
    assert b"".join(received) == WEIGHTS[:1000]


def test_a_connection_may_be_cut_before_anything(
    hub: HubServer, http: httpx.Client, link: str
) -> None:
    """It is logged all the same, without a status."""
    hub.inject(Cut(), PATH, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        http.get(link)
    assert hub.count(host="storage", status=0) == 1


@pytest.mark.parametrize(("asked", "start"), [(None, 0), ("bytes=500-", 500)])
def test_a_corrupt_byte_is_at_its_place_in_the_file(
    hub: HubServer, http: httpx.Client, link: str, asked: str | None, start: int
) -> None:
    """Whatever range is asked for."""
    hub.inject(CorruptByte(1000), PATH, host="storage")
    content = http.get(link, headers={"Range": asked} if asked else {}).content
    differing = [at for at, byte in enumerate(content, start) if byte != WEIGHTS[at]]
    assert differing == [1000]


@pytest.mark.parametrize("content", [WEIGHTS[:-1], WEIGHTS + b"more", b""])
def test_other_content_is_an_answer_right_in_itself(
    hub: HubServer, http: httpx.Client, link: str, content: bytes
) -> None:
    """Shorter or longer than the Hub has said."""
    hub.inject(OtherContent(content), PATH, host="storage")
    assert http.get(link).content == content


def test_a_length_may_be_too_large(hub: HubServer, http: httpx.Client, link: str) -> None:
    """The connection ends before it."""
    hub.inject(false_length(len(WEIGHTS) + 1), PATH, host="storage")
    with pytest.raises(httpx.RemoteProtocolError):
        http.get(link)


def test_a_length_may_be_too_small(hub: HubServer, http: httpx.Client, link: str) -> None:
    """A client takes so many bytes, and the connection for broken."""
    hub.inject(false_length(100), PATH, host="storage", times=1)
    assert http.get(link).content == WEIGHTS[:100]
    assert http.get(link).content == WEIGHTS


@pytest.mark.parametrize(
    ("fault", "header", "value"),
    [
        (false_linked_size(7), "X-Linked-Size", "7"),
        (false_etag("0" * 64), "X-Linked-Etag", f'"{"0" * 64}"'),
        (Redirect("file:///etc/passwd"), "Location", "file:///etc/passwd"),
    ],
)
def test_a_header_may_be_false(
    hub: HubServer, large: str, fault: Fault, header: str, value: str
) -> None:
    """The others stay as they are."""
    hub.inject(fault, PATH, host="hub")
    answer = httpx.head(large)
    assert (answer.status_code, answer.headers[header]) == (302, value)
    assert "X-Repo-Commit" in answer.headers


def test_etags_may_be_weak(hub: HubServer, http: httpx.Client, large: str) -> None:
    """Both of them."""
    hub.inject(WeakEtags())
    assert http.head(large).headers["X-Linked-Etag"].startswith('W/"')
    small = f"{hub.url}/{NAME}/resolve/main/config.json"
    assert http.head(small).headers["ETag"].startswith('W/"')


def test_a_body_may_come_in_pieces_that_a_test_allows(
    hub: HubServer, http: httpx.Client, link: str
) -> None:
    """None comes before."""
    slow = Slow(piece_bytes=100)
    hub.inject(slow, PATH, host="storage")
    with http.stream("GET", link) as answer:
        pieces = answer.iter_raw(100)
        slow.allow()
        assert next(pieces) == WEIGHTS[:100]
        assert hub.sent_bytes(host="storage") == 100
        slow.allow(2)
        assert next(pieces) + next(pieces) == WEIGHTS[100:300]
        slow.release()
        assert b"".join(pieces) == WEIGHTS[300:]
