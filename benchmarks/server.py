"""A server of Weightbank's own, on a free port, for as long as a benchmark takes."""

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

READY_SECONDS = 180
STOP_SECONDS = 60
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers.

    Attributes:
        host: It listens on.
        port: It listens on.
        pid: Its process, or None where somebody else started it.
    """

    host: str
    port: int
    pid: int | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.host}:{self.port}"

    def connect(self, *, timeout_seconds: float = 300) -> http.client.HTTPConnection:
        """Return a connection that is made with its first request."""
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout_seconds)

    def fetch(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Return the status and the body of one answer, over a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def register(self, spec: Mapping[str, Any]) -> str:
        """Store a spec and return the path of its weights, which wants a query."""
        headers = {"Content-Type": "application/json"}
        status, answer = self.fetch("POST", "/v1/specs", json.dumps(spec), **headers)
        if status not in {http.client.OK, http.client.CREATED}:
            raise SystemExit(f"the spec was answered with {status}: {answer.decode()}")
        return f"/v1/weights/{json.loads(answer)['id']}"

    def metric(self, name: str) -> float:
        """Return a metric that has no labels, or 0 if there is none of that name."""
        _, text = self.fetch("GET", "/metrics")
        found = re.search(rf"^{re.escape(name)} (\S+)$", text.decode(), re.MULTILINE)
        return float(found[1]) if found else 0.0


@contextmanager
def running_server(settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a server until the block ends; it is ready when the block begins.

    Args:
        settings: ``WEIGHTBANK_*`` variables; those of this process hold beside them.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = {"WEIGHTBANK_HOST": "127.0.0.1", "WEIGHTBANK_PORT": "0"}
        environment = os.environ | own | {"WEIGHTBANK_DATA_DIR": folder} | dict(settings or {})
        process = subprocess.Popen(
            [sys.executable, "-m", "app"], env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            server = _listening(process)
            _wait_until_ready(server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def server_at(url: str, *, pid: int | None = None) -> Server:
    """Return a server that runs already.

    Examples:
        >>> server_at("http://127.0.0.1:8000").port
        8000
    """
    parts = urlsplit(url)
    if parts.hostname is None:
        raise SystemExit(f"--url {url!r} names no host; http://HOST:PORT is accepted")
    return Server(parts.hostname, parts.port or 80, pid)


def _listening(process: "subprocess.Popen[str]") -> Server:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"//([^:]+):(\d+)", line)
    if found is None:
        raise SystemExit(f"the server did not say where it listens, but {line!r}")
    # What nobody reads would fill the pipe, and stop the server.
    threading.Thread(target=process.stdout.read, daemon=True).start()
    return Server(found[1], int(found[2]), process.pid)


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError, http.client.HTTPException):
            if server.fetch("GET", "/readyz")[0] == http.client.OK:
                return
        time.sleep(_POLL_SECONDS)
    raise SystemExit(f"the server was not ready within {READY_SECONDS} seconds")
