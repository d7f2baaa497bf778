"""A server to be attacked, which has to serve and to log as ever after each attack."""

import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from app.application import create_app
from app.connection import BoundedProtocol
from app.logs import make_logger
from app.settings import Settings
from tests.api.conftest import LiveServer, settings_in
from tests.attacks.wire import TIMEOUT_SECONDS, check_serves
from tests.hub.server import HubServer


class RawLog(io.StringIO):
    """A log as it is written, byte for byte, and a way to wait for a line of it."""

    def __init__(self) -> None:
        super().__init__()
        self._written = threading.Condition()
        self._lines: list[str] = []

    def write(self, text: str) -> int:
        """Keep what is written."""
        with self._written:
            self._lines.append(text)
            self._written.notify_all()
        return len(text)

    def texts(self) -> list[str]:
        """Return all that was written, in the pieces in which it was."""
        with self._written:
            return list(self._lines)

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines, each of which is an object of JSON and nothing else."""
        found = []
        for text in self.texts():
            assert text.endswith("\n"), text
            assert text.isascii(), text
            assert text[:-1].isprintable(), text
            found.append(json.loads(text))
        return found

    def wait_for(self, **fields: Any) -> dict[str, Any]:
        """Return the first line with these fields, once there is one."""

        def found() -> dict[str, Any] | None:
            lines = (json.loads(line) for line in self._lines)
            return next((line for line in lines if fields.items() <= line.items()), None)

        with self._written:
            line = self._written.wait_for(found, TIMEOUT_SECONDS)
        assert line is not None, f"nobody logged {fields}"
        return line


class HastyProtocol(BoundedProtocol):
    """Waits for a head no longer than a moment."""

    head_timeout_seconds = 0.3


@pytest.fixture(scope="session")
def asked_hub() -> Iterator[HubServer]:
    """A Hub with one repository, which has no weights."""
    with HubServer() as hub:
        hub.add_repository("a/b", {"config.json": b"{}"})
        yield hub


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory, asked_hub: HubServer) -> Iterator[LiveServer]:
    """The server that all attacks share; it is in no hurry."""
    settings = settings_in(
        tmp_path_factory.mktemp("victim"),
        limit_body_bytes=2**20,
        hub_endpoint=asked_hub.url,
        hub_redirect_hosts=asked_hub.storage_url,
    )
    yield from _running(settings, BoundedProtocol)


@pytest.fixture(scope="session")
def started_hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One that loses its patience after a moment."""
    settings = settings_in(tmp_path_factory.mktemp("hasty"), body_timeout_seconds=0.3)
    yield from _running(settings, HastyProtocol)


def _running(settings: Settings, protocol: type[BoundedProtocol]) -> Iterator[LiveServer]:
    log: Any = RawLog()
    app = create_app(settings, logger=make_logger("info", stream=log))
    live = LiveServer(app, log, protocol)
    live.start()
    yield live
    live.stop()


def _watched(live: LiveServer) -> Iterator[LiveServer]:
    log: Any = live.log
    before = len(log.texts())
    yield live
    check_serves(live)
    for line in log.lines()[before:]:
        assert line["level"] == "info", json.dumps(line)
        assert line.get("code") not in {"internal", "generation_failed"}, json.dumps(line)


@pytest.fixture
def victim(started: LiveServer) -> Iterator[LiveServer]:
    """A server that serves after the attack, and has noticed no mistake of its own."""
    yield from _watched(started)


@pytest.fixture
def hasty(started_hasty: LiveServer) -> Iterator[LiveServer]:
    """As ``victim``, and impatient."""
    yield from _watched(started_hasty)


@pytest.fixture(scope="session")
def weights_path(started: LiveServer) -> str:
    """Path of a file of 12 MB on the server."""
    layer = {"name": "emb", "type": "Embedding", "num_embeddings": 3000, "embedding_dim": 1000}
    with started.client() as client:
        posted = client.post("/v1/specs", json={"layers": [layer]})
    return f"/v1/weights/{posted.json()['id']}?seed=1"
