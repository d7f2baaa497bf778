"""A Hub whose transfers break, stand still, or do not begin, as clients see it."""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.conftest import LiveServer
from tests.faults.outcomes import outcome, rest_of
from tests.hub.faults import Cut, Slow, Status
from tests.hub.server import HubServer

AT_ONCE = {"hub_patience_timeout_seconds": 0.1}
"""Patience with a transfer that breaks: none."""

FITTED = f"{CHECKPOINT}?dtype=bfloat16"

MakeServer = Callable[..., LiveServer]


@pytest.fixture
def fitted(make_hub_server: MakeServer, served: bytes) -> bytes:
    """The bytes of the fitted checkpoint, made where nothing breaks."""
    with make_hub_server(checkpoint_dir=None).client() as client:
        content = client.get(FITTED).content
        assert client.delete(CHECKPOINT).json()["freed_bytes"] == len(served)
    return content


def test_a_cut_transfer_is_resumed_and_no_client_sees_it(
    make_hub_server: MakeServer, hub: HubServer, served: bytes
) -> None:
    """The rest alone is asked for."""
    hub.inject(Cut(after_bytes=1_000_000), host="storage", times=1)
    with make_hub_server().client() as client:
        answer = outcome(client, CHECKPOINT)
    assert answer.is_whole
    assert answer.content == served
    first, second = hub.requests.matching(host="storage")
    assert first.range is None
    assert second.range == "bytes=1000000-"


def test_a_cut_under_a_fitted_answer_is_not_seen_either(
    make_hub_server: MakeServer, hub: HubServer, served: bytes, fitted: bytes
) -> None:
    """It is cut once within the header, and once in the middle."""
    hub.requests.clear()
    hub.inject(Cut(after_bytes=20), host="storage", times=1)
    hub.inject(Cut(after_bytes=len(served) // 2), host="storage", skip=1, times=1)
    with make_hub_server().client() as client:
        answer = outcome(client, FITTED)
    assert answer.is_whole
    assert answer.content == fitted
    assert hub.count(host="storage") == 3


def test_a_storage_that_is_busy_for_a_moment_is_asked_again(
    make_hub_server: MakeServer, hub: HubServer, served: bytes
) -> None:
    """As is one whose signature ran out."""
    hub.inject(Status(503), host="storage", times=1)
    hub.inject(Status(403), host="storage", skip=1, times=1)
    with make_hub_server().client() as client:
        assert outcome(client, CHECKPOINT).content == served


def test_a_slow_transfer_is_handed_on_as_it_comes(
    make_hub_server: MakeServer, hub: HubServer, served: bytes
) -> None:
    """A client has what there is, and waits for no more."""
    slow = Slow(2**18)
    hub.inject(slow, host="storage")
    with make_hub_server().client() as client, ThreadPoolExecutor(1) as pool:
        begun = pool.submit(client.send, client.build_request("GET", CHECKPOINT), stream=True)
        slow.allow()
        with contextlib.closing(begun.result(30)) as answer:
            pieces = answer.iter_bytes()
            content = next(pieces)
            while len(content) < 2**18:
                content += next(pieces)
            assert hub.sent_bytes(host="storage") <= 2**19, "the second piece is not allowed yet"
            slow.release()
            assert content + b"".join(pieces) == served


def test_a_transfer_that_stands_still_is_begun_anew(
    make_hub_server: MakeServer, hub: HubServer, served: bytes
) -> None:
    """From where it stands."""
    gate = hub.gate(after_bytes=2**20, times=1)
    with make_hub_server(hub_timeout_seconds=0.5).client() as client:
        assert outcome(client, CHECKPOINT).content == served
    gate.release()
    assert hub.requests.matching(host="storage")[1].range == f"bytes={2**20}-"


@pytest.mark.parametrize("path", [CHECKPOINT, FITTED, f"{CHECKPOINT}:describe"])
def test_a_hub_that_is_down_is_a_504(
    make_hub_server: MakeServer, hub: HubServer, served: bytes, path: str
) -> None:
    """With when to ask again; a Hub that is back is asked at once."""
    with make_hub_server().client() as client:
        hub.stop()
        down = outcome(client, path)
        assert (down.status, down.code) == (504, "upstream_unavailable")
        assert int(down.headers["Retry-After"]) > 0
        hub.start()
        back = outcome(client, path)
    assert back.status == 200
    assert path != CHECKPOINT or back.content == served


@pytest.mark.parametrize("path", [CHECKPOINT, FITTED])
def test_a_hub_that_goes_down_breaks_what_has_begun(
    make_hub_server: MakeServer, hub: HubServer, served: bytes, path: str
) -> None:
    """Who has bytes sees a broken connection; the next one gets all, from the rest."""
    gate = hub.gate(after_bytes=len(served) - 2**18)
    with make_hub_server(**AT_ONCE).client() as client:
        with client.stream("GET", path) as answer:
            gate.wait_for_arrival()
            assert answer.status_code == 200
            hub.stop()
            broken = rest_of(answer)
        assert not broken.is_complete
        assert 0 < len(broken.content) < int(broken.headers["Content-Length"])
        assert not outcome(client, path).is_whole
        hub.start()
        hub.mend(gate)
        healed = outcome(client, path)
    assert healed.is_whole
    assert hub.requests.matching(host="storage")[-1].range == f"bytes={len(served) - 2**18}-"
    assert path != CHECKPOINT or healed.content == served


@pytest.mark.parametrize(
    ("path", "headers"),
    [(CHECKPOINT, {}), (FITTED, {}), (FITTED, {"Range": "bytes=0-99"})],
    ids=["whole", "fitted", "part of a fitted one"],
)
def test_who_has_no_byte_yet_gets_a_504(
    make_hub_server: MakeServer,
    hub: HubServer,
    served: bytes,
    path: str,
    headers: dict[str, str],
) -> None:
    """The status waits for the first byte, or for all where a part is asked for."""
    gate = hub.gate(after_bytes=len(served) // 2 if headers else 4)
    with make_hub_server(**AT_ONCE).client() as client, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(outcome, client, path, headers=headers)
        gate.wait_for_arrival()
        hub.stop()
        answer = asked.result(30)
        assert (answer.status, answer.code) == (504, "upstream_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        hub.start()
        hub.mend(gate)
        assert outcome(client, path, headers=headers).is_whole


def test_what_is_kept_is_served_while_the_hub_is_down(
    make_hub_server: MakeServer, hub: HubServer, served: bytes
) -> None:
    """By branch and by commit, as it is and fitted; what is not kept is no 404."""
    repository = hub.add_repository("timm/other", {"model.safetensors": served[:-1] + b"x"})
    always = {"hub_revision_seconds": 0, "hub_rights_seconds": 0}
    with make_hub_server(**always).client() as client:
        commit = client.get(CHECKPOINT).headers["X-Repo-Commit"]
        hub.stop()
        for path in (CHECKPOINT, f"{CHECKPOINT}?revision={commit}"):
            assert outcome(client, path).content == served
        assert outcome(client, FITTED).is_whole
        assert client.get("/v1/checkpoints").json()["files"]
        for path in (
            "/v1/checkpoints/timm/other",
            f"/v1/checkpoints/timm/other?revision={repository.head}",
            f"{CHECKPOINT}?revision=v1.0",
            "/v1/checkpoints/timm/none",
        ):
            answer = outcome(client, path)
            assert (answer.status, answer.code) == (504, "upstream_unavailable"), path
        assert REPOSITORY in client.get("/v1/checkpoints").text
