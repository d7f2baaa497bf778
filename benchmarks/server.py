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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.children import child_process

READY_SECONDS = 180
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

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's series that have some labels, or 0 if there is none.

        Args:
            name: Of the series, its ending included: ``weightbank_retries_total``.
            labels: That they have; others are summed over.
        """
        _, text = self.fetch("GET", "/metrics")
        return sum(
            sample.value
            for family in text_string_to_metric_families(text.decode())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


@contextmanager
def running_server(
    settings: Mapping[str, str] | None = None, *, on_line: Callable[[str], None] | None = None
) -> Iterator[Server]:
    """Run a server until the block ends; it is ready when the block begins.

    Args:
        settings: ``WEIGHTBANK_*`` variables; those of this process hold beside them.
        on_line: Called with each line of its log, from a thread.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = {"WEIGHTBANK_HOST": "127.0.0.1", "WEIGHTBANK_PORT": "0"}
        environment = os.environ | own | {"WEIGHTBANK_DATA_DIR": folder} | dict(settings or {})
        command = [sys.executable, "-m", "app"]
        with child_process(command, environment=environment, stdout=subprocess.PIPE) as process:
            server = _listening(process, on_line or _ignore)
            _wait_until_ready(server)
            yield server


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


def _listening(process: "subprocess.Popen[str]", on_line: Callable[[str], None]) -> Server:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"//([^:]+):(\d+)", line)
    if found is None:
        raise SystemExit(f"the server did not say where it listens, but {line!r}")
    threading.Thread(target=_read_log, args=(process.stdout, on_line), daemon=True).start()
    return Server(found[1], int(found[2]), process.pid)


def _read_log(lines: IO[str], on_line: Callable[[str], None]) -> None:
    """Read to the end: what nobody reads would fill the pipe, and lines be dropped."""
    with lines:
        for line in lines:
            on_line(line)


def _ignore(_line: str) -> None:
    pass


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError, http.client.HTTPException):
            if server.fetch("GET", "/readyz")[0] == http.client.OK:
                return
        time.sleep(_POLL_SECONDS)
    raise SystemExit(f"the server was not ready within {READY_SECONDS} seconds")
