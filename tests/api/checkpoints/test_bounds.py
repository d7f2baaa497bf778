"""Too much at one time: refused at once, with when to come again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.api.checkpoints.conftest import CHECKPOINT
from tests.api.checkpoints.problems import check_problem
from tests.api.conftest import LiveServer
from tests.hub.checkpoints import MadeCheckpoint
from tests.hub.faults import Gate
from tests.hub.server import HubServer
from tests.servers import wait_until

MakeServer = Callable[..., LiveServer]
OTHER = "/v1/checkpoints/timm/other"


@pytest.fixture
def other(hub: HubServer, content: bytes) -> bytes:
    """Another file that the Hub has, beside the small checkpoint."""
    changed = content[:-1] + bytes([content[-1] ^ 1])
    hub.add_repository("timm/other", {"model.safetensors": changed})
    return changed


def check_overloaded(answer: httpx.Response) -> None:
    """See that an answer asks to come again."""
    check_problem(answer, 503, "overloaded")
    assert int(answer.headers["Retry-After"]) >= 1


def test_too_many_fetches(
    make_hub_server: MakeServer, hub: HubServer, content: bytes, other: bytes
) -> None:
    """Whoever joins one is let in; what is here is served."""
    gate = hub.gate("timm/tiny", after_bytes=len(content) // 2)
    with make_hub_server(limit_fetches=1).client() as client:
        with client.stream("GET", CHECKPOINT) as first:
            gate.wait_for_arrival()
            for query in ("", "?dtype=float16"):
                check_overloaded(client.get(OTHER + query))
            gate.release()
            assert first.read() == content
        # The first one has its place until it is on the disk.
        wait_until(lambda: client.get(OTHER).content == other)


def test_too_many_files_sent(make_hub_server: MakeServer, hub: HubServer, content: bytes) -> None:
    """Whatever is sent: one file, or two."""
    gate = hub.gate(after_bytes=len(content) - 1)
    with (
        make_hub_server(limit_checkpoint_streams=1).client() as client,
        client.stream("GET", CHECKPOINT) as first,
    ):
        gate.wait_for_arrival()
        check_overloaded(client.get(CHECKPOINT))
        check_overloaded(client.get(CHECKPOINT, headers={"Range": "bytes=0-9"}))
        assert client.head(CHECKPOINT).status_code == 200
        gate.release()
        assert first.read() == content


def test_too_many_questions_to_the_hub(
    make_hub_server: MakeServer, hub: HubServer, content: bytes, tiny: MadeCheckpoint
) -> None:
    """None waits without a bound."""
    gate = Gate()
    hub.inject(gate, "/api/models/", times=1)
    with (
        make_hub_server(limit_hub_calls=1).client() as client,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(client.get, CHECKPOINT)
        gate.wait_for_arrival()
        check_overloaded(client.get(CHECKPOINT))
        check_overloaded(client.get(f"{CHECKPOINT}:describe"))
        gate.release()
        assert first.result(30).content == content
    assert tiny
