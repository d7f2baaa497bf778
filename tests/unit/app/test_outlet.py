"""Where an answer's bytes go, and whether the client takes them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.file_sender import FileSender
from app.hold import Hold
from app.outlet import MESSAGE_BYTES, Outlet
from tests.arriving_file import ArrivingFile, open_descriptors
from tests.engines import eventually

CONTENT = bytes(range(251)) * 60_000
SIZE = len(CONTENT)
SECONDS = 60


@dataclass
class Line:
    """A connection as a server lends it, and its other end."""

    writer: socket.socket
    reader: socket.socket
    flushed: int = 0
    wrote_bytes: int = 0

    def duplicate(self) -> int:
        """See ``DirectSocket``."""
        return self.writer.dup().detach()

    async def flush(self) -> None:
        """See ``DirectSocket``."""
        self.flushed += 1

    def wrote(self, size_bytes: int) -> None:
        """See ``DirectSocket``."""
        self.wrote_bytes += size_bytes

    def read(self, size_bytes: int) -> bytes:
        """Read so many bytes at the other end."""
        received = bytearray()
        while len(received) < size_bytes:
            received += self.reader.recv(size_bytes - len(received))
        return bytes(received)


@dataclass
class Taker:
    """What an outlet sends."""

    messages: list[Any] = field(default_factory=list)
    counted_bytes: int = 0

    async def send(self, message: Any) -> None:
        """Take a message."""
        self.messages.append(message)

    def count(self, size_bytes: int) -> None:
        """Count bytes that went past ``send``."""
        self.counted_bytes += size_bytes

    @property
    def body(self) -> bytes:
        """Of the messages."""
        return b"".join(message.get("body", b"") for message in self.messages)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[tuple[Outlet, Line, Taker]]:
    """An outlet from a file that is there to a connection."""
    file = ArrivingFile(path, CONTENT)
    file.verify()
    blob = file.open()
    hold = Hold(blob.close)
    sender = FileSender(limit=1, threads=1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reader = socket.create_connection(listener.getsockname())
        writer, _ = listener.accept()
    writer.settimeout(0)
    reader.settimeout(SECONDS)
    with writer, reader:
        line, taker = Line(writer, reader), Taker()
        outlet = Outlet(
            blob,
            hold=hold,
            sender=sender,
            send=taker.send,
            start={"type": "http.response.start"},
            direct=line,
            on_sent=taker.count,
        )
        try:
            yield outlet, line, taker
        finally:
            outlet.close()
            hold.end()
            await asyncio.to_thread(sender.close)
    assert file.opened == 0


@pytest.fixture
def run() -> Callable[[Callable[[], Coroutine[Any, Any, None]]], None]:
    """Runs a test, and sees that no descriptor is left open."""

    def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        before = open_descriptors()
        asyncio.run(asyncio.wait_for(work(), SECONDS))
        assert open_descriptors() == before

    return run


def test_the_first_bytes_come_with_the_status_and_the_rest_to_the_socket(
    run: Callable[..., None], tmp_path: Path
) -> None:
    """All are counted once, by whoever sends them."""

    async def work() -> None:
        async with opened(tmp_path / "file") as (outlet, line, taker):
            sending = asyncio.ensure_future(outlet.send_file(0, SIZE))
            received = await asyncio.to_thread(line.read, SIZE - MESSAGE_BYTES)
            await sending
            assert taker.body + received == CONTENT
            assert len(taker.body) == MESSAGE_BYTES
            assert taker.counted_bytes == line.wrote_bytes == SIZE - MESSAGE_BYTES
            assert line.flushed == 1

    run(work)


def test_little_is_sent_as_messages(run: Callable[..., None], tmp_path: Path) -> None:
    """Later on, too."""

    async def work() -> None:
        async with opened(tmp_path / "file") as (outlet, line, taker):
            await outlet.send_file(0, 10)
            await outlet.send_bytes(b"between")
            await outlet.send_file(100, 100 + MESSAGE_BYTES)
            await outlet.send_file(5, 5)
            await outlet.finish()
            assert taker.body == CONTENT[:10] + b"between" + CONTENT[100 : 100 + MESSAGE_BYTES]
            assert line.flushed == 0

    run(work)


def test_a_file_that_cannot_be_read_sends_no_status(
    run: Callable[..., None], tmp_path: Path
) -> None:
    """Then there is still a proper answer."""

    async def work() -> None:
        async with opened(tmp_path / "file") as (outlet, _line, taker):
            with pytest.raises(OSError, match="not all there"):
                await outlet.send_file(SIZE, SIZE + 10)
            assert not outlet.has_begun
            assert taker.messages == []

    run(work)


def test_progress_is_what_the_client_takes(run: Callable[..., None], tmp_path: Path) -> None:
    """None while nothing waits for it."""

    async def work() -> None:
        async with opened(tmp_path / "file") as (outlet, line, _taker):
            assert outlet.progress() is None
            sending = asyncio.ensure_future(outlet.send_file(0, SIZE))
            await eventually(lambda: outlet.progress() is not None)
            await asyncio.to_thread(line.read, 1_000_000)
            await eventually(lambda: (outlet.progress() or 0) >= 1_000_000)
            await asyncio.to_thread(line.read, SIZE - MESSAGE_BYTES - 1_000_000)
            await sending
            assert outlet.progress() is None

    run(work)


def test_what_is_under_way_can_be_counted(run: Callable[..., None], tmp_path: Path) -> None:
    """For metrics of answers that take long."""

    async def work() -> None:
        async with opened(tmp_path / "file") as (outlet, line, taker):
            sending = asyncio.ensure_future(outlet.send_file(0, SIZE))
            await asyncio.to_thread(line.read, 1_000_000)
            outlet.count()
            assert 1_000_000 <= taker.counted_bytes < SIZE
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    run(work)
