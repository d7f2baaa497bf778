"""One server, as ``docker compose up`` starts it."""

import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.compose.conftest import SPEC, YAML
from tests.compose.reader import reading
from tests.compose.stack import Stack
from tests.servers import SECONDS, wait_until

MEBIBYTE = 2**20


@pytest.fixture(scope="module", autouse=True)
def _up(stack: Stack) -> None:
    stack.up()


def test_the_file_is_one_that_compose_takes(stack: Stack) -> None:
    """With every profile."""
    assert stack.compose("--profile", "*", "config", "--quiet") == ""


def test_it_is_healthy_and_alone(stack: Stack) -> None:
    """Nothing but the server starts, and its port is open on 127.0.0.1 alone."""
    assert stack.compose("ps", "--services").split() == ["server"]
    with stack.client() as client:
        assert client.get("/readyz").status_code == httpx.codes.OK
    (container,) = stack.containers("server")
    known: Any = stack.inspected(container)
    published = known["NetworkSettings"]["Ports"]["8000/tcp"]
    assert {binding["HostIp"] for binding in published} == {"127.0.0.1"}


def test_the_bytes_are_those_of_a_server_outside(stack: Stack, weights: bytes) -> None:
    """Whatever the kernels were compiled for."""
    with stack.client() as client:
        answer = client.post("/v1/weights?seed=42", content=SPEC, headers=YAML)
    assert answer.content == weights


def test_it_is_confined(stack: Stack) -> None:
    """Not root, a file system that is only read, no capabilities, and bounds."""
    (container,) = stack.containers("server")
    known: Any = stack.inspected(container)
    host = known["HostConfig"]
    assert known["Config"]["User"] == "10001:10001"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert min(host["Memory"], host["NanoCpus"], host["PidsLimit"]) > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"]["max-size"]
    status = stack.compose("exec", "server", "cat", "/proc/1/status")
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


def test_specs_survive_down_and_up(stack: Stack, weights: bytes) -> None:
    """They are in a volume."""
    with stack.client() as client:
        stored = client.post("/v1/specs", content=SPEC, headers=YAML).json()["id"]
    stack.compose("down")
    stack.up()
    with stack.client() as client:
        assert client.get(f"/v1/weights/{stored}?seed=42").content == weights


def test_an_answer_under_way_is_finished(
    stack: Stack, large: bytes, stored: Callable[[httpx.Client], str]
) -> None:
    """``docker compose stop`` waits for who is reading, and lets in nobody else."""
    with stack.client() as client, reading(client, stored(client)) as reader:
        reader.read(MEBIBYTE)
        stopping = stack.begin("stop")
        wait_until(lambda: _drains(stack))
        reader.read_to_the_end()
        assert stopping.wait(SECONDS) == 0
    assert not reader.broke_off
    assert reader.got == large
    stack.up()


def test_an_answer_that_was_cut_off_is_resumed(
    stack: Stack, large: bytes, stored: Callable[[httpx.Client], str]
) -> None:
    """Who reads too slowly gets the rest, byte for byte, from the server that is started next."""
    stack.set(WEIGHTBANK_SHUTDOWN_TIMEOUT_SECONDS="2")
    stack.up()
    with stack.client() as client:
        path = stored(client)
        with reading(client, path) as reader:
            reader.read(MEBIBYTE)
            stack.compose("stop")
            reader.read_to_the_end()
    assert reader.broke_off
    assert MEBIBYTE <= len(reader.got) < len(large)
    stack.set()
    stack.up()
    with stack.client() as client:
        reader.resume(client, path)
    assert reader.got == large


def test_a_server_that_is_killed_is_started_again(stack: Stack) -> None:
    """Whatever ended it."""
    (container,) = stack.containers("server")
    stack.compose("exec", "server", "python", "-c", "import os; os.kill(1, 15)")
    wait_until(lambda: _started_again(stack, container))
    stack.up()


def _drains(stack: Stack) -> bool:
    """Whether a server says that nobody else should come."""
    try:
        answer = httpx.get(f"{stack.url()}/readyz", timeout=SECONDS)
    except httpx.TransportError:
        return True
    return answer.status_code == httpx.codes.SERVICE_UNAVAILABLE


def _started_again(stack: Stack, container: str) -> bool:
    known: Any = stack.inspected(container)
    count: int = known["RestartCount"]
    return count > 0


def test_logs_are_one_object_a_line(stack: Stack) -> None:
    """Also through the engine."""
    command = ["docker", "logs", "--tail", "1", stack.containers("server")[0]]
    said = subprocess.check_output(command, text=True)  # noqa: S603 - as above
    assert said.startswith("{")
