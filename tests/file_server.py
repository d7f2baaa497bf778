"""A server of files that arrive as a test says, over real connections."""

import contextlib
import functools
import random
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop
from fastapi import FastAPI, Request
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response

from app.bodies import content_range, multipart_body, single_body
from app.file_response import FileResponse
from app.file_sender import FileSender
from app.handlers import install_handlers
from app.logs import make_logger
from app.metrics import Metrics
from app.middleware import RequestMiddleware
from app.origins import Origins
from app.ranges import parse_ranges
from app.tracing import NoTracing
from tests.api.conftest import LiveServer, Log
from tests.arriving_file import ArrivingFile, open_descriptors

SIZE = 12_000_001
"""More than sockets hold, so that a client that does not read is noticed."""

SECONDS = 60


class MessageCounter:
    """Counts the bytes of bodies that come as messages."""

    def __init__(self, app: Any, *, counts: list[int]) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as the app does."""

        async def send_counted(message: Any) -> None:
            self._counts.append(len(message.get("body", b"")))
            await send(message)

        await self._app(scope, receive, send_counted)


class FileApp:
    """A server of files that arrive as a test says."""

    def __init__(self, directory: Path, *, limit: int, stall_timeout_seconds: float) -> None:
        self.files: dict[str, ArrivingFile] = {}
        self.scopes: dict[str, Any] = {}
        self.message_bytes: list[int] = []
        self.metrics = Metrics()
        self.sender = FileSender(limit=limit, threads=2)
        self._directory = directory
        self._stall_timeout_seconds = stall_timeout_seconds
        self.log = Log()
        logger = make_logger("info", stream=self.log)
        self.app = FastAPI(
            openapi_url=None,
            middleware=[
                Middleware(
                    RequestMiddleware,
                    metrics=self.metrics,
                    logger=logger,
                    tracing=NoTracing(),
                    origins=Origins.parse(""),
                ),
                Middleware(MessageCounter, counts=self.message_bytes),
            ],
        )
        install_handlers(self.app, [])
        self.app.add_api_route("/healthz", self._answer_healthz, methods=["GET"])
        self.app.add_api_route("/files/{name}", self._answer_file, methods=["GET", "HEAD"])
        self.server = LiveServer(self.app, self.log)
        self.url = self.server.url

    def add(self, name: str, content: bytes, *, is_there: bool = True) -> ArrivingFile:
        """Have a file, and return it."""
        file = ArrivingFile(self._directory / name, content)
        self.files[name] = file
        if is_there:
            file.verify()
        return file

    def check_idle(self) -> None:
        """See that every file is closed, and every place free."""
        for file in self.files.values():
            eventually(lambda file=file: file.opened == 0 and not file.watched)
        eventually(lambda: self.sender.streams == 0)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Return a whole answer."""
        return httpx.get(self.url + path, headers=headers, timeout=SECONDS)

    def call(self, function: Callable[[], Any]) -> None:
        """Call a function on the server's loop, and wait for that."""
        done = threading.Event()
        self.scopes["call"] = lambda: (function(), done.set())
        self.get("/healthz", Call="yes")
        assert done.wait(SECONDS)

    @contextlib.contextmanager
    def connect(self, *requests: str, is_small: bool = False) -> Iterator[socket.socket]:
        """A connection on which some heads were sent."""
        connection = socket.socket()
        if is_small:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(SECONDS)
        with connection:
            connection.connect(self.server.address)
            heads = "".join(f"{request} HTTP/1.1\r\nHost: w\r\n\r\n" for request in requests)
            connection.sendall(heads.encode())
            yield connection

    async def _answer_healthz(self, request: Request) -> Response:
        if "call" in request.headers:
            self.scopes["call"]()
        return PlainTextResponse("fine")

    async def _answer_file(self, name: str, request: Request) -> Response:
        file = self.files[name]
        size = len(file.content)
        self.scopes[name] = request.scope
        spans = parse_ranges(request.headers.getlist("range"), size=size, limit=16)
        status, extra = 206, {}
        if spans is None:
            status, body = 200, single_body((0, size))
        elif len(spans) == 1:
            body, extra = (
                single_body(spans[0]),
                {"Content-Range": content_range(spans[0], size=size)},
            )
        else:
            body = multipart_body(spans, size=size, etag="tag")
        headers = {
            **extra,
            "Content-Type": body.media_type,
            "Content-Length": str(body.content_length),
        }
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers)
        return FileResponse(
            file.open(),
            body,
            sender=self.sender,
            status=status,
            headers=headers,
            stall_timeout_seconds=self._stall_timeout_seconds,
        )


class FileServers:
    """Builds such servers."""

    def __init__(self, directory: Path) -> None:
        self.made: list[FileApp] = []
        self._directory = directory

    def make(self, *, limit: int = 64, stall_timeout_seconds: float = SECONDS) -> FileApp:
        """Return a server that answers."""
        files = FileApp(self._directory, limit=limit, stall_timeout_seconds=stall_timeout_seconds)
        files.server.start()
        self.made.append(files)
        return files

    def stop(self) -> None:
        """See that nothing is left over once all clients have left."""
        for made in self.made:
            made.check_idle()
            made.server.stop()
            made.sender.close()


@contextlib.contextmanager
def serving_files(directory: Path) -> Iterator[FileServers]:
    """Servers that end with no file, no place and no descriptor left open."""
    uvloop.new_event_loop().close()  # the first one opens what stays open
    before = open_descriptors()
    servers = FileServers(directory)
    try:
        yield servers
    finally:
        servers.stop()
    eventually(lambda: open_descriptors() == before)


@functools.cache
def content_of(seed: int, size: int = SIZE) -> bytes:
    """Bytes that are nowhere the same as those of another seed."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - drawn again by every run


def eventually(holds: Callable[[], bool]) -> None:
    """Ask until the answer is yes."""
    pause = threading.Event()
    for _ in range(SECONDS * 100):
        if holds():
            return
        pause.wait(0.01)
    pytest.fail("it never came true")


def read_exactly(connection: socket.socket, size_bytes: int) -> bytes:
    """Read so many bytes."""
    received = bytearray()
    while len(received) < size_bytes:
        piece = connection.recv(min(2**20, size_bytes - len(received)))
        assert piece, f"the connection ended after {len(received)} bytes"
        received += piece
    return bytes(received)


def read_head(connection: socket.socket) -> bytes:
    """Read a head to its end, and not a byte more."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(connection, 1)
    return bytes(head)


def read_all(connection: socket.socket) -> bytes:
    """Read to the end of the connection."""
    received = bytearray()
    while piece := connection.recv(2**20):
        received += piece
    return bytes(received)


def has_more(connection: socket.socket) -> bool:
    """Return whether there is a byte to read, or the end."""
    return bool(select.select([connection], [], [], 0)[0])
