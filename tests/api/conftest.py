"""An app without a network, and servers on loopback; both in this process."""

import asyncio
import io
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.application import _ROUTERS, create_app
from app.connection import BoundedProtocol
from app.errors import CODE_OF_FRAMEWORK_STATUS
from app.logs import make_logger
from app.problems import PROBLEM_JSON
from app.settings import Settings
from schemas.examples import MLP
from schemas.problems import Problem

# Chunks small enough that files of a few megabytes have several.
CHUNK_BYTES = 2**19
_START_SECONDS = 60


class Log(io.StringIO):
    """What an app logs, and a way to wait for a line of it."""

    def __init__(self) -> None:
        super().__init__()
        self._written = threading.Condition()
        self._lines: list[dict[str, Any]] = []

    def write(self, text: str) -> int:
        """Keep a line."""
        with self._written:
            self._lines.extend(json.loads(line) for line in text.splitlines() if line)
            self._written.notify_all()
        return len(text)

    def wait_for(self, **fields: Any) -> dict[str, Any]:
        """Return the first line with these fields, once there is one."""

        def found() -> dict[str, Any] | None:
            for line in self._lines:
                if fields.items() <= line.items():
                    return line
            return None

        with self._written:
            line = self._written.wait_for(found, _START_SECONDS)
        assert line is not None, f"nobody logged {fields}"
        return line


def check_described(app: FastAPI, response: httpx.Response) -> None:
    """See that a problem's code is listed in the description of its route."""
    request = response.request
    media_type = response.headers.get("content-type")
    if request.method in {"HEAD", "OPTIONS"} or media_type != PROBLEM_JSON:
        return
    response.read()
    problem = Problem.model_validate_json(response.content)
    if problem.code in CODE_OF_FRAMEWORK_STATUS.values():
        return
    routes = [route for router in _ROUTERS for route in router.routes]
    path = next(
        route.path_format
        for route in routes
        if isinstance(route, APIRoute) and route.path_regex.match(request.url.path)
    )
    if path not in app.openapi()["paths"]:
        return
    answers = app.openapi()["paths"][path][request.method.lower()]["responses"]
    answer = answers.get(str(problem.status), answers.get(problem.status, {}))
    listed = answer.get("content", {}).get(PROBLEM_JSON, {}).get("examples", {})
    assert problem.code in listed, f"{request.method} {path} does not list {problem.code}"


def _copying(app: FastAPI) -> Any:
    """Return an app that sends bytes: a server lets go of what it has sent, httpx does not."""

    async def copying(scope: Any, receive: Any, send: Any) -> None:
        async def send_copy(message: Any) -> None:
            if "body" in message:
                message = {**message, "body": bytes(message["body"])}
            await send(message)

        await app(scope, receive, send_copy)

    return copying


class Api:
    """An app with its lifespan begun, asked through httpx without a network."""

    def __init__(self, app: FastAPI, loop: asyncio.AbstractEventLoop, log: Log) -> None:
        self.app = app
        self.log = log
        self._loop = loop
        transport = httpx.ASGITransport(_copying(app))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://weightbank")

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Return what a coroutine returns on the app's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_START_SECONDS)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a request."""
        response: httpx.Response = self.run(self._client.request(method, path, **options))
        check_described(self.app, response)
        return response

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a GET."""
        return self.request("GET", path, **options)

    def head(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a HEAD."""
        return self.request("HEAD", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a POST."""
        return self.request("POST", path, **options)

    def close(self) -> None:
        """Close the client."""
        self.run(self._client.aclose())


class LiveServer:
    """uvicorn on a free port of loopback, in a thread."""

    def __init__(
        self, app: FastAPI, log: Log, protocol: type[BoundedProtocol] = BoundedProtocol
    ) -> None:
        self.app = app
        self.log = log
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.listener.getsockname()
        self.url = f"http://{self.address[0]}:{self.address[1]}"
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self.server.run, kwargs={"sockets": [self.listener]}, daemon=True
        )

    def start(self) -> None:
        """Wait until it answers."""
        self._thread.start()
        # The socket listens already: a connection waits in its backlog until then.
        httpx.get(f"{self.url}/healthz", timeout=_START_SECONDS).raise_for_status()

    def stop(self) -> None:
        """Shut down, and wait for it."""
        self.server.should_exit = True
        self._thread.join(_START_SECONDS)
        assert not self._thread.is_alive()
        self.listener.close()

    def client(self) -> httpx.Client:
        """Return a client that raises nothing."""

        def check(response: httpx.Response) -> None:
            check_described(self.app, response)

        return httpx.Client(
            base_url=self.url, timeout=_START_SECONDS, event_hooks={"response": [check]}
        )


@contextmanager
def running_api(settings: Settings) -> Iterator[Api]:
    """An app whose lifespan lasts as long as this context."""
    log = Log()
    app = create_app(settings, logger=make_logger("info", stream=log))
    loop = asyncio.new_event_loop()
    started: threading.Event = threading.Event()
    stop = asyncio.Event()

    async def live() -> None:
        async with app.router.lifespan_context(app):
            started.set()
            await stop.wait()

    def work() -> None:
        try:
            loop.run_until_complete(live())
        finally:
            started.set()
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert started.wait(_START_SECONDS)
    api = Api(app, loop, log)
    try:
        yield api
    finally:
        api.close()
        loop.call_soon_threadsafe(stop.set)
        thread.join(_START_SECONDS)


def settings_in(directory: Path, **overrides: Any) -> Settings:
    """Settings of a small server with a store of its own."""
    return Settings(
        **{"data_dir": directory, "chunk_bytes": CHUNK_BYTES, "threads": 2, **overrides}
    )


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The app that most tests share."""
    with running_api(settings_in(tmp_path_factory.mktemp("api"))) as running:
        yield running


@pytest.fixture
def make_api(tmp_path: Path) -> Iterator[Callable[..., Api]]:
    """Builds apps with settings of their own."""
    with ExitStack() as stack:
        yield lambda **overrides: stack.enter_context(
            running_api(settings_in(tmp_path, **overrides))
        )


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The server that most tests share."""
    log = Log()
    settings = settings_in(tmp_path_factory.mktemp("server"))
    live = LiveServer(create_app(settings, logger=make_logger("info", stream=log)), log)
    live.start()
    yield live
    live.stop()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Builds servers with settings of their own."""
    servers = []

    def make(protocol: type[BoundedProtocol] = BoundedProtocol, **overrides: Any) -> LiveServer:
        log = Log()
        settings = settings_in(tmp_path, **overrides)
        app = create_app(settings, logger=make_logger("info", stream=log))
        live = LiveServer(app, log, protocol)
        live.start()
        servers.append(live)
        return live

    yield make
    for live in servers:
        live.stop()


@pytest.fixture(scope="session")
def mlp_id(api: Api) -> str:
    """Id of the example spec, stored."""
    spec_id: str = api.post("/v1/specs", json=MLP).json()["id"]
    return spec_id


@pytest.fixture(scope="session")
def large_spec() -> dict[str, Any]:
    """A spec whose file has 12 MB: many chunks, of several kinds of values."""
    return {
        "seed": 3,
        "layers": [
            {"name": "emb", "type": "Embedding", "num_embeddings": 2000, "embedding_dim": 512},
            {"name": "fc", "type": "Linear", "in_features": 2001, "out_features": 999},
        ],
    }
