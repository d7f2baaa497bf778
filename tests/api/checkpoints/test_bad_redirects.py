"""A Hub that leads where this server must not ask: it does not."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.checkpoints.problems import check_problem
from tests.hub.faults import Redirect
from tests.hub.server import HubServer

TOKEN = {"X-HF-Token": "hf_reader"}


@pytest.fixture
def bystander() -> Iterator[socket.socket]:
    """A server on loopback that nobody has to do with."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)  # noqa: FBT003 - its only argument
        yield listening


def was_asked(bystander: socket.socket) -> bool:
    """Whether anybody connected."""
    try:
        connection, _ = bystander.accept()
    except BlockingIOError:
        return False
    connection.close()
    return True


LOCATIONS = [
    "http://127.0.0.1:{port}/file",
    "http://localhost:{port}/file",
    "//127.0.0.1:{port}/file",
    "http://user@127.0.0.1:{port}/file",
    "http://[::ffff:127.0.0.1]:{port}/file",
    "http://2130706433:{port}/file",
    "http://169.254.169.254/latest/meta-data",
    "https://files.example.org/file",
    "https://huggingface.co.example.org/file",
    "https://example.org#.huggingface.co/file",
    "https://example.org%2f.huggingface.co/file",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/file",
    "gopher://127.0.0.1:{port}/file",
    "http://[",
]
"""Places that nobody may be led to."""


def check_refused(client: httpx.Client, path: str) -> None:
    """See that an answer refuses a redirect, and shows nothing but where it leads."""
    problem = check_problem(client.get(path, headers=TOKEN), 502, "redirect_refused")
    assert not [each for each in ("hf_reader", "root:", "meta-data") if each in problem.detail]


@pytest.mark.parametrize("host", ["hub", "storage"])
def test_a_transfer_that_is_led_elsewhere(
    client: httpx.Client, hub: HubServer, content: bytes, bystander: socket.socket, host: str
) -> None:
    """By the Hub, or by the storage that the Hub leads to; with its true place, all is well."""
    hub.add_user("hf_reader")
    port = bystander.getsockname()[1]
    for location in LOCATIONS:
        redirect = Redirect(location.format(port=port))
        hub.inject(redirect, "model.safetensors", host="hub" if host == "hub" else "storage")
        for path in (CHECKPOINT, f"{CHECKPOINT}?dtype=float16", f"{CHECKPOINT}:describe"):
            check_refused(client, path)
        hub.mend(redirect)
    assert not was_asked(bystander)
    assert client.get(CHECKPOINT).content == content


def test_a_question_that_is_led_elsewhere(
    client: httpx.Client, hub: HubServer, content: bytes, bystander: socket.socket
) -> None:
    """As are those for repositories."""
    port = bystander.getsockname()[1]
    for location in LOCATIONS:
        redirect = Redirect(location.format(port=port), status=307)
        hub.inject(redirect, f"/api/models/{REPOSITORY}")
        check_refused(client, CHECKPOINT)
        hub.mend(redirect)
    assert not was_asked(bystander)
    assert client.get(CHECKPOINT).content == content


def test_redirects_in_a_circle(client: httpx.Client, hub: HubServer, content: bytes) -> None:
    """Are followed a few times."""
    for path in ("/api/models/", "/resolve/"):
        redirect = Redirect(f"{hub.url}/{REPOSITORY}/resolve/main/model.safetensors")
        hub.inject(redirect, path)
        check_problem(client.get(CHECKPOINT), 502, "upstream_error")
        hub.mend(redirect)
    assert client.get(CHECKPOINT).content == content
    assert hub.count() < 40
