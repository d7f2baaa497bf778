"""A crowd that asks for one cold checkpoint at the same time: none of it is turned away."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.checkpoints.conftest import CHECKPOINT
from tests.api.conftest import LiveServer
from tests.faults.outcomes import outcome
from tests.hub.server import HubServer
from tests.servers import wait_until

CROWD = 40
"""More than may be resolved, asked or fetched at one time."""


@pytest.mark.parametrize("path", [CHECKPOINT, f"{CHECKPOINT}?dtype=bfloat16"])
def test_a_crowd_costs_one_transfer_and_is_served_alike(
    make_hub_server: Callable[..., LiveServer], hub: HubServer, served: bytes, path: str
) -> None:
    """All of it waits for the header, and is woken at once."""
    gate = hub.gate(after_bytes=4)
    live = make_hub_server(limit_resolving=4, limit_fetches=1, limit_streams=CROWD)
    with live.client() as client, ThreadPoolExecutor(CROWD) as pool:
        asked = [pool.submit(outcome, client, path) for _ in range(CROWD)]

        def readers() -> int:
            files = client.get("/v1/checkpoints").json()["files"]
            return sum(int(file["readers"]) for file in files)

        wait_until(lambda: readers() == CROWD)
        gate.release()
        answers = [each.result(60) for each in asked]
    assert {(answer.status, answer.code) for answer in answers} == {(200, "")}
    assert len({answer.content for answer in answers}) == 1
    assert path != CHECKPOINT or answers[0].content == served
    assert hub.count(host="storage") == 1
