"""Two replicas behind nginx that share a database: the profile postgres."""

import hashlib
from collections.abc import Callable

import httpx
import pytest

from tests.compose.conftest import SPEC, YAML
from tests.compose.engine import docker
from tests.compose.reader import reading
from tests.compose.stack import Stack

ASK = """
import hashlib, sys, urllib.request
with urllib.request.urlopen("http://127.0.0.1:8000" + sys.argv[1]) as answer:
    print(hashlib.sha256(answer.read()).hexdigest())
"""
STREAMS = """
import urllib.request
with urllib.request.urlopen("http://127.0.0.1:8000/metrics") as answer:
    lines = answer.read().decode().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("weightbank_streams_in_progress")))
"""
MEBIBYTE = 2**20


@pytest.fixture(scope="module", autouse=True)
def _up(stack: Stack) -> None:
    stack.set(POSTGRES_PASSWORD="with $pecial /characters@:")  # noqa: S106 - of this test alone
    stack.up("balancer")


def test_nothing_else_is_started(stack: Stack) -> None:
    """Whoever asks for the balancer gets what it needs, and no single server beside it."""
    running = stack.compose("ps", "--format", "{{.Service}}").split()
    assert sorted(running) == ["balancer", "postgres", "replica", "replica"]


def test_nginx_finds_its_configuration_right(stack: Stack) -> None:
    """And says so of itself."""
    stack.compose("exec", "balancer", "nginx", "-t")


def test_both_give_the_same_bytes(stack: Stack, weights: bytes) -> None:
    """A spec that was posted through nginx is known to both; its bytes are those of any server."""
    with stack.client("BALANCER") as client:
        stored = client.post("/v1/specs", content=SPEC, headers=YAML).json()["id"]
        path = f"/v1/weights/{stored}?seed=42"
        assert client.get(path).content == weights
        part = client.get(path, headers={"Range": "bytes=1000-1999"})
        assert part.status_code == httpx.codes.PARTIAL_CONTENT
        assert part.content == weights[1000:2000]
        head = client.head(path)
        assert head.headers["Content-Length"] == str(len(weights))
    replicas = stack.containers("replica")
    said = [docker("exec", replica, "python", "-c", ASK, path).strip() for replica in replicas]
    assert said == [hashlib.sha256(weights).hexdigest()] * 2


def test_what_is_told_of_one_replica_is_not_told_outside(stack: Stack) -> None:
    """Metrics are those of one of them, and Prometheus asks each."""
    with stack.client("BALANCER") as client:
        assert client.get("/metrics").status_code == httpx.codes.NOT_FOUND


def test_requests_keep_their_id(stack: Stack) -> None:
    """From a caller, through nginx, to the answer; what is no id is replaced."""
    with stack.client("BALANCER") as client:
        answer = client.get("/healthz", headers={"X-Request-ID": "run-17.rank-3"})
        assert answer.headers["X-Request-ID"] == "run-17.rank-3"
        answer = client.get("/healthz", headers={"X-Request-ID": 'no "id"'})
        assert len(answer.headers["X-Request-ID"]) == 32


def test_a_body_that_is_too_large_is_refused_in_our_words(stack: Stack) -> None:
    """It passes nginx and reaches a replica, which says what it accepts."""
    with stack.client("BALANCER") as client:
        answer = client.post("/v1/specs", content=b" " * 17 * MEBIBYTE, headers=YAML)
    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_death_of_a_replica_is_survived(
    stack: Stack, large: bytes, stored: Callable[[httpx.Client], str]
) -> None:
    """A stream breaks off, and the client gets the rest at once from the other one."""
    with stack.client("BALANCER") as client:
        path = stored(client)
        with reading(client, path) as reader:
            reader.read(MEBIBYTE)
            docker("kill", _busy(stack))
            reader.read_to_the_end()
        assert reader.broke_off
        assert MEBIBYTE <= len(reader.got) < len(large)
        reader.resume(client, path)
        assert reader.got == large
        for _ in range(8):
            assert client.get("/readyz").status_code == httpx.codes.OK
    stack.up("balancer")


def _busy(stack: Stack) -> str:
    """Return the replica that makes a stream."""
    (busy,) = [
        replica
        for replica in stack.containers("replica")
        if float(docker("exec", replica, "python", "-c", STREAMS)) > 0
    ]
    return busy
