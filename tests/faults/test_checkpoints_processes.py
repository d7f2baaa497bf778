"""Servers in processes of their own that share a directory, and are killed in mid-fetch."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.api.checkpoints.conftest import CHECKPOINT
from tests.faults.outcomes import outcome, rest_of
from tests.hub.server import HubServer
from tests.servers import SECONDS, serving, wait_until

FITTED = f"{CHECKPOINT}?dtype=bfloat16"
HALF = 3 * 2**19
"""Bytes that come before the transfer stands still."""


@contextlib.contextmanager
def serving_from(tmp_path: Path, hub: HubServer) -> Iterator[tuple[httpx.Client, Any]]:
    """A client of a server in a process of its own, and the process."""
    own = {"devices": "cpu", "threads": "1"}
    settings = {"hub_endpoint": hub.url, "hub_redirect_hosts": hub.storage_url, **own}
    with (
        serving(tmp_path, **settings) as (url, process),
        httpx.Client(base_url=url, timeout=SECONDS) as client,
    ):
        yield client, process


def partial_bytes(tmp_path: Path) -> int:
    """How much of the file is on the disk."""
    files = (tmp_path / "data" / "checkpoints" / "partial").glob("sha256-*")
    return sum(file.stat().st_size for file in files)


def kill(process: Any) -> None:
    """End a process as the system does that has no memory left."""
    process.send_signal(signal.SIGKILL)
    process.wait(SECONDS)


def test_a_server_that_was_killed_goes_on_where_it_stood(
    tmp_path: Path, hub: HubServer, served: bytes
) -> None:
    """The rest alone is transferred, and the bytes are right, as they are and fitted."""
    gate = hub.gate(after_bytes=HALF, times=1)
    with (
        serving_from(tmp_path, hub) as (client, process),
        client.stream("GET", CHECKPOINT) as answer,
    ):
        gate.wait_for_arrival()
        wait_until(lambda: partial_bytes(tmp_path) == HALF)
        kill(process)
        assert not rest_of(answer).is_complete
    gate.release()
    with serving_from(tmp_path, hub) as (client, _):
        assert outcome(client, FITTED).is_whole
        assert outcome(client, CHECKPOINT).content == served
    assert [each.range for each in hub.requests.matching(host="storage")] == [
        None,
        f"bytes={HALF}-",
    ]


def test_two_servers_of_one_directory_cost_one_transfer(
    tmp_path: Path, hub: HubServer, served: bytes
) -> None:
    """Both clients have bytes while they arrive, and the right ones."""
    gate = hub.gate(after_bytes=HALF)
    with (
        serving_from(tmp_path, hub) as (first, _),
        serving_from(tmp_path, hub) as (second, _),
        first.stream("GET", CHECKPOINT) as fetched,
        second.stream("GET", CHECKPOINT) as followed,
    ):
        pieces = followed.iter_bytes()
        begun = next(pieces)
        assert 0 < len(begun) <= HALF
        gate.release()
        assert rest_of(fetched).content == served
        assert begun + b"".join(pieces) == served
        assert outcome(second, FITTED).is_whole
    assert hub.count(host="storage") == 1


def test_a_client_goes_on_when_another_server_dies_that_fetched(
    tmp_path: Path, hub: HubServer, served: bytes
) -> None:
    """Its own server takes the transfer over, from where it stood."""
    gate = hub.gate(after_bytes=HALF, times=1)
    with (
        serving_from(tmp_path, hub) as (first, process),
        serving_from(tmp_path, hub) as (second, _),
        first.stream("GET", CHECKPOINT) as fetched,
        second.stream("GET", CHECKPOINT) as followed,
    ):
        pieces = followed.iter_bytes()
        begun = next(pieces)
        wait_until(lambda: partial_bytes(tmp_path) == HALF)
        kill(process)
        assert not rest_of(fetched).is_complete
        assert begun + b"".join(pieces) == served
    gate.release()
    assert hub.requests.matching(host="storage")[1].range == f"bytes={HALF}-"
