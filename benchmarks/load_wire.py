"""HTTP as a load's clients speak it: kept connections, answers read whole, or not at all."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.server import Server

_TIMEOUT_SECONDS = 120
_HEAD_END = b"\r\n\r\n"
_LIMIT_BYTES = 2**20
_BODILESS = (204, 304)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer.

    Attributes:
        status: Of it.
        headers: Names in lower case.
        body: Of it.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """A connection to a server, which is made when it is needed."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._piece_bytes = 2**20
        self._pause_seconds = 0.0

    async def ask(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Response:
        """Return the whole answer to a request."""
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            reader, status, found = await self._begin(method, path, body, headers or {})
            length = int(found.get("content-length", "0"))
            if method == "HEAD" or status in _BODILESS:
                length = 0
            content = await self._read(reader, length)
        if found.get("connection") == "close":
            self.close()
        return Response(status, found, content)

    async def leave(self, path: str, *, after_bytes: int) -> None:
        """Ask for a file, and break off the connection within the answer."""
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            reader, status, _ = await self._begin("GET", path, b"", {})
            if status == 200:  # noqa: PLR2004
                await self._read(reader, after_bytes)
        assert self._writer is not None
        self._writer.transport.abort()
        self._reader = self._writer = None

    @contextmanager
    def slow(self, piece_bytes: int, *, pause_seconds: float) -> Iterator[None]:
        """Read slowly until the block ends."""
        self._piece_bytes, self._pause_seconds = piece_bytes, pause_seconds
        yield
        self._piece_bytes, self._pause_seconds = 2**20, 0.0

    def close(self) -> None:
        """Close it; the next request makes another."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _begin(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[asyncio.StreamReader, int, dict[str, str]]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                self._server.host, self._server.port, limit=_LIMIT_BYTES
            )
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._server.host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}"] if body else []
        self._writer.write("\r\n".join(lines).encode() + _HEAD_END + body)
        head = (await self._reader.readuntil(_HEAD_END)).decode("latin-1")
        first, *rest = head.rstrip("\r\n").split("\r\n")
        pairs = (line.partition(":") for line in rest)
        found = {name.lower(): value.strip() for name, _, value in pairs}
        return self._reader, int(first.split(" ")[1]), found

    async def _read(self, reader: asyncio.StreamReader, length: int) -> bytes:
        received = bytearray()
        while len(received) < length:
            piece = await reader.read(min(self._piece_bytes, length - len(received)))
            if not piece:
                raise ConnectionError(f"the answer ended after {len(received)} of {length} bytes")
            received += piece
            if self._pause_seconds:
                await asyncio.sleep(self._pause_seconds)
        return bytes(received)


def parts_of(response: Response) -> list[bytes]:
    """Return the contents of the parts of a multipart/byteranges answer."""
    boundary = response.headers["content-type"].partition("boundary=")[2]
    found, position = [], 0
    head = re.compile(
        rb"(?:\r\n)?--" + boundary.encode() + rb"\r\n[^\0]*?bytes (\d+)-(\d+)/\d+\r\n\r\n"
    )
    while match := head.match(response.body, position):
        length = int(match[2]) - int(match[1]) + 1
        found.append(response.body[match.end() : match.end() + length])
        position = match.end() + length
    if response.body[position:] != b"\r\n--" + boundary.encode() + b"--\r\n":
        raise ValueError("the parts do not end as they should")
    return found
