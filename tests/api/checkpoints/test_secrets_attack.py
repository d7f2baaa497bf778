"""Repositories that others may not hear of, though they have the very same file."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tests.api.conftest import LiveServer
from tests.hub.faults import Cut, Gate, Status
from tests.hub.server import HubServer
from tests.hub.tensors import to_safetensors
from tests.servers import wait_until

PRIVATE = "/v1/checkpoints/corp/hidden"
COPY = "/v1/checkpoints/open/copy"
READER = {"X-HF-Token": "hf_reader"}


def _same_files(hub: HubServer) -> tuple[Gate, bytes]:
    """Have one file in two repositories, and the transfer for the reader of one break."""
    content = to_safetensors({"w": np.arange(2**18, dtype=np.float32)})
    files = {"model.safetensors": content}
    hub.add_repository("corp/hidden", files, private=True)
    hub.add_repository("open/copy", files)
    hub.grant("hf_reader", "corp/hidden")
    gate = hub.gate("hidden", after_bytes=1000, times=1)
    hub.inject(Cut(after_bytes=2000), "hidden", host="storage", times=1)
    return gate, content


def test_why_a_fetch_ahead_failed_is_told_only_of_what_was_asked_for(
    make_hub_server: Callable[..., LiveServer], hub: HubServer
) -> None:
    """It names a repository."""
    gate, _ = _same_files(hub)

    def ask(path: str) -> dict[str, Any]:
        found: dict[str, Any] = client.post(f"{path}:prefetch", headers=headers[path]).json()
        assert path == PRIVATE or "hidden" not in str(found)
        return found

    headers = {PRIVATE: READER, COPY: {}}
    with make_hub_server().client() as client:
        ask(PRIVATE)
        gate.wait_for_arrival()
        hub.revoke("hf_reader", "corp/hidden")
        gate.release()
        wait_until(lambda: ask(COPY)["status"] == "complete")


def test_a_shared_transfer_fails_for_nobody_who_may_have_the_rest(
    make_hub_server: Callable[..., LiveServer], hub: HubServer
) -> None:
    """Others go on from their own repository, in the same answer."""
    gate, content = _same_files(hub)
    with make_hub_server().client() as client:
        client.post(f"{PRIVATE}:prefetch", headers=READER)
        gate.wait_for_arrival()
        with client.stream("GET", COPY) as answer:
            pieces = answer.iter_raw()
            arrived = [next(pieces)]
            hub.revoke("hf_reader", "corp/hidden")
            gate.release()
            arrived.extend(pieces)
        assert b"".join(arrived) == content
    assert hub.count(method="GET", host="storage", path_contains="copy") == 1


def test_a_glance_that_failed_for_one_is_tried_by_the_others(
    make_hub_server: Callable[..., LiveServer], hub: HubServer
) -> None:
    """Whoever asked first was refused; that is not told to those who waited for it."""
    files = {"model.safetensors": to_safetensors({"w": np.arange(100, dtype=np.float32)})}
    hub.add_repository("corp/hidden", files, private=True)
    hub.add_repository("open/copy", files)
    hub.grant("hf_reader", "corp/hidden")
    gate = Gate()
    for fault in (Status(403), gate):
        hub.inject(fault, "hidden/resolve", method="GET", host="hub")
    server = make_hub_server()
    with server.client() as client, server.client() as other, ThreadPoolExecutor(2) as threads:
        first = threads.submit(client.get, f"{PRIVATE}:describe", headers=READER)
        gate.wait_for_arrival()
        second = threads.submit(other.get, f"{COPY}:describe")
        hub.wait_for_count(1, path_contains="api/models/open/copy")
        gate.release()
        assert first.result().status_code == 403
        assert second.result().status_code == 200, second.result().text
