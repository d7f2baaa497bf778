"""A file is free to be evicted or removed as soon as the answers made from it have ended."""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.api.checkpoints.conftest import CHECKPOINT
from tests.api.conftest import LiveServer
from tests.faults.outcomes import outcome, rest_of
from tests.hub.server import HubServer
from tests.servers import wait_until

FITTED = f"{CHECKPOINT}?dtype=bfloat16"

MakeServer = Callable[..., LiveServer]


@pytest.fixture(autouse=True)
def _no_garbage_collection() -> Iterator[None]:
    """Nobody may wait for one: it comes when it likes."""
    gc.disable()
    yield
    gc.enable()


def readers(client: httpx.Client) -> int:
    """How many answers have a file open."""
    files = client.get("/v1/checkpoints").json()["files"]
    return sum(int(file["readers"]) for file in files)


ASKED: list[tuple[dict[str, str], int]] = [
    ({}, 200),
    ({"Range": "bytes=0-9"}, 206),
    ({"Range": "bytes=0-9,1000000-1000009"}, 206),
    ({"Range": "bytes=9000000-"}, 416),
    ({"If-Match": '"other"'}, 412),
    ({"If-None-Match": "*"}, 304),
]
"""Headers of requests, and the status of the answer."""


@pytest.mark.parametrize("path", [CHECKPOINT, FITTED, f"{CHECKPOINT}?add_prefix=model"])
def test_nothing_is_held_by_an_answer_that_has_ended(
    make_hub_server: MakeServer, served: bytes, path: str
) -> None:
    """Whatever it was; nobody waits for a garbage collection."""
    with make_hub_server().client() as client:
        for headers, status in ASKED:
            assert client.get(path, headers=headers).status_code == status
            client.get(CHECKPOINT)
            wait_until(lambda: readers(client) == 0)
            assert client.delete(CHECKPOINT).json()["freed_bytes"] == len(served)


@pytest.mark.parametrize("path", [CHECKPOINT, FITTED])
def test_nothing_is_held_for_a_client_that_has_left(
    make_hub_server: MakeServer, hub: HubServer, served: bytes, path: str
) -> None:
    """In the middle of a transfer, which goes on."""
    gate = hub.gate(after_bytes=len(served) // 2)
    live = make_hub_server()
    with live.client() as client:
        with client.stream("GET", path) as answer:
            pieces = answer.iter_bytes()
            assert next(pieces)
            assert readers(client) == 1
        wait_until(lambda: readers(client) == 0)
        gate.release()
        live.log.wait_for(event="fetch ended", outcome="complete")
        assert outcome(client, CHECKPOINT).content == served
    assert hub.count(host="storage") == 1


@pytest.mark.parametrize("path", [CHECKPOINT, FITTED])
def test_nothing_is_held_by_an_answer_that_broke(
    make_hub_server: MakeServer, hub: HubServer, served: bytes, path: str
) -> None:
    """As errors do that are kept, with all that their frames know."""
    gate = hub.gate(after_bytes=len(served) - 2**18)
    with make_hub_server(hub_patience_timeout_seconds=0.1).client() as client:
        with client.stream("GET", path) as answer:
            gate.wait_for_arrival()
            hub.stop()
            assert not rest_of(answer).is_complete
        wait_until(lambda: readers(client) == 0)
        assert client.delete(CHECKPOINT).json()["freed_bytes"] == len(served) - 2**18
    hub.start()


@pytest.mark.parametrize("after_bytes", [4, 2**16])
@pytest.mark.parametrize("path", [CHECKPOINT, FITTED])
def test_nothing_is_held_by_an_answer_that_never_began(
    make_hub_server: MakeServer, hub: HubServer, served: bytes, path: str, after_bytes: int
) -> None:
    """It waited for the header, or for the first of its bytes."""
    gate = hub.gate(after_bytes=after_bytes)
    with (
        make_hub_server(hub_patience_timeout_seconds=0.1).client() as client,
        ThreadPoolExecutor(1) as pool,
    ):
        asked = pool.submit(outcome, client, path)
        gate.wait_for_arrival()
        wait_until(lambda: readers(client) == 1)
        hub.stop()
        assert not asked.result(30).is_whole
        wait_until(lambda: readers(client) == 0)
        assert client.delete(CHECKPOINT).json()["freed_bytes"] == after_bytes
    assert served
    hub.start()
