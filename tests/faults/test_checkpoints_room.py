"""Too little place for a file, by the quota or on the disk: said clearly, and nothing is lost."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.conftest import LiveServer
from tests.faults.conftest import make_weights
from tests.faults.outcomes import outcome, rest_of
from tests.hub.server import HubServer
from tests.servers import wait_until

MEBIBYTE = 2**20
DISK_BYTES = 80 * MEBIBYTE
"""Of which the store leaves 64 MiB free."""

MakeServer = Callable[..., LiveServer]


def path_of(name: str) -> str:
    """Where a server has a checkpoint."""
    return f"/v1/checkpoints/test/{name}"


def kept(client: httpx.Client) -> set[str]:
    """Names of the repositories of which something is kept whole."""
    files = client.get("/v1/checkpoints").json()["files"]
    places = [place for file in files if file["complete"] for place in file["places"]]
    return {str(place["repository"]).removeprefix("test/") for place in places}


@pytest.fixture(scope="session")
def contents() -> dict[str, bytes]:
    """Files of a mebibyte each, and a large one."""
    small = {name: make_weights(MEBIBYTE, seed=seed) for seed, name in enumerate("abcd")}
    return {**small, "large": make_weights(12 * MEBIBYTE)}


@pytest.fixture
def stocked(hub: HubServer, contents: dict[str, bytes]) -> dict[str, bytes]:
    """The same, which the Hub has, by the names of their repositories."""
    for name, content in contents.items():
        hub.add_repository(f"test/{name}", {"model.safetensors": content})
    return contents


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that is full soon."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place))
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    # If a server has it still, it goes when that has ended.
    run("umount", "--lazy", str(place)).check_returncode()


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the system."""
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words


def check_refusal(answer: Any, size_bytes: int, *named: str) -> None:
    """See that a refusal names how large the file is, and what is too small for it."""
    assert (answer.status, answer.code) == (507, "insufficient_storage")
    text = answer.content.decode()
    for words in (str(size_bytes), *named):
        assert words in text


@pytest.mark.parametrize("wishes", ["", "?dtype=bfloat16"])
def test_a_file_beyond_the_quota_is_refused_and_others_stay(
    make_hub_server: MakeServer, hub: HubServer, stocked: dict[str, bytes], wishes: str
) -> None:
    """With its size and the quota; smaller ones go on being fetched and served."""
    quota = 3 * MEBIBYTE
    with make_hub_server(checkpoint_cache_bytes=quota).client() as client:
        assert client.get(path_of("a")).content == stocked["a"]
        refused = outcome(client, path_of("large") + wishes)
        check_refusal(refused, len(stocked["large"]), f"the quota is {quota:,} bytes")
        assert kept(client) == {"a"}
        assert client.get(path_of("a")).content == stocked["a"]
        assert client.get(path_of("b")).content == stocked["b"]
    assert hub.count(host="storage", path_contains="test/large") == 0


def test_what_was_used_longest_ago_makes_room(
    make_hub_server: MakeServer, stocked: dict[str, bytes]
) -> None:
    """And comes back when it is asked for."""
    with make_hub_server(checkpoint_cache_bytes=int(2.5 * MEBIBYTE)).client() as client:
        for name in "abc":
            assert client.get(path_of(name)).content == stocked[name]
        wait_until(lambda: kept(client) == {"b", "c"})
        assert client.get(path_of("a")).content == stocked["a"]
        wait_until(lambda: kept(client) == {"a", "c"})


def test_what_is_pinned_does_not_make_room(
    make_hub_server: MakeServer, stocked: dict[str, bytes]
) -> None:
    """Where all is pinned, others find none."""
    with make_hub_server(checkpoint_cache_bytes=int(2.5 * MEBIBYTE)).client() as client:
        for name in "ab":
            client.post(f"{path_of(name)}:prefetch", params={"pin": "true"})
        wait_until(lambda: kept(client) == {"a", "b"})
        refused = outcome(client, path_of("c"))
        check_refusal(refused, len(stocked["c"]), "are pinned")
        client.post(f"{path_of('b')}:prefetch", params={"pin": "false"})
        assert client.get(path_of("c")).content == stocked["c"]
        wait_until(lambda: kept(client) == {"a", "c"})


def test_what_is_being_read_does_not_make_room(
    make_hub_server: MakeServer, stocked: dict[str, bytes]
) -> None:
    """Its reader gets all of it, however slow; from then on it may go."""
    large = stocked["large"]
    live = make_hub_server(checkpoint_cache_bytes=len(large) + MEBIBYTE // 2)
    with live.client() as client:
        assert client.get(path_of("large")).content == large
        with slow_reader(live, path_of("large")) as reader:
            begun = reader.recv(2**16)
            refused = outcome(client, path_of("a"))
            check_refusal(refused, len(stocked["a"]), "are being read")
            assert client.get(path_of("large")).content == large
            assert rest_of_socket(begun, reader) == large
        assert client.get(path_of("a")).content == stocked["a"]
        wait_until(lambda: kept(client) == {"a"})


def test_what_is_being_fetched_keeps_its_place(
    make_hub_server: MakeServer, hub: HubServer, stocked: dict[str, bytes]
) -> None:
    """Also what of it has not come yet."""
    gate = hub.gate("test/a", after_bytes=MEBIBYTE // 2)
    with make_hub_server(checkpoint_cache_bytes=int(1.5 * MEBIBYTE)).client() as client:
        with client.stream("GET", path_of("a")) as answer:
            gate.wait_for_arrival()
            check_refusal(outcome(client, path_of("b")), len(stocked["b"]), "fetched")
            gate.release()
            assert rest_of(answer).content == stocked["a"]
        assert client.get(path_of("b")).content == stocked["b"]


def test_a_file_beyond_the_disk_is_refused_and_others_stay(
    small_disk: Path, make_hub_server: MakeServer, hub: HubServer, stocked: dict[str, bytes]
) -> None:
    """The disk is not filled first to find that out."""
    huge = make_weights(20 * MEBIBYTE, seed=9)
    hub.add_repository("test/huge", {"model.safetensors": huge})
    with make_hub_server(checkpoint_dir=small_disk).client() as client:
        assert client.get(path_of("large")).content == stocked["large"]
        check_refusal(outcome(client, path_of("huge")), len(huge), "quota", "the disk has")
        assert kept(client) == {"large"}
        assert client.get(path_of("large")).content == stocked["large"]
    assert hub.count(host="storage", path_contains="test/huge") == 0


def test_a_disk_that_fills_up_in_mid_fetch(
    small_disk: Path, make_hub_server: MakeServer, hub: HubServer, stocked: dict[str, bytes]
) -> None:
    """A broken connection, then a 507; what is kept is served; with place, all is as before."""
    large = stocked["large"]
    gate = hub.gate("test/large", after_bytes=6 * MEBIBYTE)
    filler = small_disk / "filler"
    with make_hub_server(checkpoint_dir=small_disk).client() as client:
        client.post(f"{path_of('a')}:prefetch", params={"pin": "true"})
        wait_until(lambda: kept(client) == {"a"})
        with client.stream("GET", path_of("large")) as answer:
            gate.wait_for_arrival()
            fill(filler)
            gate.release()
            assert not rest_of(answer).is_complete
        assert kept(client) == {"a"}
        assert client.get(path_of("a")).content == stocked["a"]
        check_refusal(outcome(client, path_of("large")), len(large), "the disk has")
        filler.unlink()
        assert client.get(path_of("large")).content == large


def fill(path: Path) -> None:
    """Leave no place on a disk."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(2**16))


def slow_reader(live: LiveServer, path: str) -> socket.socket:
    """A client that has asked for a file and takes next to nothing of it."""
    address = urlsplit(live.url)
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(60)
    reader.connect((address.hostname, address.port))
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
    return reader


def rest_of_socket(begun: bytes, reader: socket.socket) -> bytes:
    """The body of an answer that began so."""
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MEBIBYTE)
    content = bytearray(begun)
    while piece := reader.recv(MEBIBYTE):
        content += piece
    return bytes(content.partition(b"\r\n\r\n")[2])
