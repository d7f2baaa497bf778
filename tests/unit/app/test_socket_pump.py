"""Files to sockets, from a few threads."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.socket_pump import Shipment, SocketPump, _described
from tests.arriving_file import open_descriptors
from tests.engines import eventually

CONTENT = os.urandom(2**20) * 8
_RECEIVED_BYTES = 2**16
SECONDS = 60


@dataclass
class Line:
    """A shipment, and the other end of its socket."""

    shipment: Shipment
    reader: socket.socket
    closed: list[str] = field(default_factory=list)

    async def read(self, size_bytes: int) -> bytes:
        """Return so many bytes."""
        received = bytearray()
        loop = asyncio.get_running_loop()
        while len(received) < size_bytes:
            piece = await loop.sock_recv(self.reader, size_bytes - len(received))
            assert piece, "the socket has ended"
            received += piece
        return bytes(received)


class Pumps:
    """A pump, and lines from a file."""

    def __init__(self, path: Path, *, threads: int) -> None:
        self.pump = SocketPump(threads=threads)
        self._path = path

    @contextlib.contextmanager
    def line(self) -> Iterator[Line]:
        """A line, closed in the end."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            reader = socket.socket()
            # Of this size from the beginning, or the system lets it grow beyond the content.
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVED_BYTES)
            reader.connect(listener.getsockname())
            writer, _ = listener.accept()
        file = os.open(self._path, os.O_RDONLY)
        closed = []

        def on_close() -> None:
            os.close(file)
            closed.append("closed")

        writer.settimeout(0)
        reader.settimeout(0)
        shipment = self.pump.open(writer.detach(), file, on_close=on_close)
        with reader:
            try:
                yield Line(shipment, reader, closed)
            finally:
                shipment.close()


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Callable[[Pumps], Awaitable[None]]], None]:
    """Runs a test, and sees that no descriptor is left open."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)

    def run(work: Callable[[Pumps], Awaitable[None]], *, threads: int = 2) -> None:
        async def timed() -> None:
            pumps = Pumps(path, threads=threads)
            try:
                await asyncio.wait_for(work(pumps), SECONDS)
            finally:
                pumps.pump.close()

        before = open_descriptors()
        asyncio.run(timed())
        assert open_descriptors() == before

    return run


def test_bytes_of_a_file_arrive(run: Callable[..., None]) -> None:
    """From where to where they were asked for, one call after the other."""

    async def work(pumps: Pumps) -> None:
        with pumps.line() as line:
            for start, stop in ((0, len(CONTENT)), (3, 4), (17, 5_000_000)):
                sending = asyncio.ensure_future(line.shipment.send(start, stop))
                assert await line.read(stop - start) == CONTENT[start:stop]
                await sending
            assert line.shipment.sent_bytes == len(CONTENT) + 1 + 5_000_000 - 17

    run(work)


def test_those_who_do_not_read_take_no_thread(run: Callable[..., None]) -> None:
    """One thread serves whoever reads, beside many who do not."""

    async def work(pumps: Pumps) -> None:
        with contextlib.ExitStack() as stack:
            idle = [stack.enter_context(pumps.line()) for _ in range(30)]
            waiting = [asyncio.ensure_future(line.shipment.send(0, len(CONTENT))) for line in idle]
            await eventually(lambda: all(line.shipment.sent_bytes for line in idle))
            line = stack.enter_context(pumps.line())
            sending = asyncio.ensure_future(line.shipment.send(0, len(CONTENT)))
            assert await line.read(len(CONTENT)) == CONTENT
            await sending
            assert not any(sending.done() for sending in waiting)
            for sending in waiting:
                sending.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    run(work, threads=1)


def test_a_peer_that_has_gone_is_an_error_of_the_connection(run: Callable[..., None]) -> None:
    """Whatever the system calls it."""

    async def work(pumps: Pumps) -> None:
        with pumps.line() as line:
            sending = asyncio.ensure_future(line.shipment.send(0, len(CONTENT)))
            await line.read(10)
            line.reader.close()
            with pytest.raises(ConnectionError):
                await sending

    run(work)


def test_a_file_that_is_too_short_is_no_error_of_the_connection(run: Callable[..., None]) -> None:
    """What is there has been sent by then."""

    async def work(pumps: Pumps) -> None:
        with pumps.line() as line:
            with pytest.raises(OSError, match="shorter") as raised:
                await line.shipment.send(len(CONTENT) - 10, len(CONTENT) + 1)
            assert not isinstance(raised.value, ConnectionError)
            assert line.shipment.sent_bytes == 10

    run(work)


def test_acknowledged_bytes_grow_before_the_socket_takes_more(run: Callable[..., None]) -> None:
    """A client that reads slowly is seen to read."""

    async def work(pumps: Pumps) -> None:
        with pumps.line() as line:
            sending = asyncio.ensure_future(line.shipment.send(0, len(CONTENT)))
            shipment = line.shipment
            # The rest waits in the socket, as nobody reads.
            await eventually(lambda: 0 < shipment.acknowledged_bytes < shipment.sent_bytes)
            await line.read(len(CONTENT) // 4)
            await eventually(lambda: shipment.acknowledged_bytes >= len(CONTENT) // 4)
            assert shipment.acknowledged_bytes <= shipment.sent_bytes
            sending.cancel()

    run(work)


def test_what_is_closed_while_it_sends_is_let_go_of_at_once(run: Callable[..., None]) -> None:
    """The peer sees the end."""

    async def work(pumps: Pumps) -> None:
        with pumps.line() as line:
            sending = asyncio.ensure_future(line.shipment.send(0, len(CONTENT)))
            await eventually(lambda: line.shipment.sent_bytes > 0)
            line.shipment.close()
            await eventually(lambda: line.closed == ["closed"])
            with pytest.raises(AssertionError, match="ended"):
                await line.read(len(CONTENT))
            sending.cancel()

    run(work)


def test_what_a_thread_uses_is_not_closed(run: Callable[..., None]) -> None:
    """The thread does that, after its turn."""

    async def work(pumps: Pumps) -> None:
        with pumps.line() as line:
            assert line.shipment._hold.take()
            line.shipment.close()
            assert line.closed == []
            line.shipment._hold.give_back()
            assert line.closed == ["closed"]

    run(work)


class LateLock:
    """A turn during whose last moment bytes are asked for."""

    def __init__(self, shipment: Shipment, done: "asyncio.Future[None]") -> None:
        self._shipment = shipment
        self._done = done
        self._is_first = True

    def acquire(self, *, blocking: bool) -> bool:
        """Give the turn."""
        return not blocking

    def release(self) -> None:
        """Take it back. The event for what was asked for has met the turn taken."""
        if self._is_first:
            self._is_first = False
            self._shipment._position, self._shipment._stop = 0, 1000
            self._shipment._done = self._done


def test_an_event_that_meets_a_turn_taken_is_not_lost(run: Callable[..., None]) -> None:
    """Whoever has the turn arms the socket for it."""

    async def work(pumps: Pumps) -> None:
        with pumps.line() as line:
            done = asyncio.get_running_loop().create_future()
            line.shipment._turn = LateLock(line.shipment, done)
            line.shipment.take_turn()
            assert await line.read(1000) == CONTENT[:1000]
            await done

    run(work)


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ETIMEDOUT, errno.EHOSTUNREACH])
def test_errors_of_the_network_are_errors_of_the_connection(number: int) -> None:
    """Not all of them are to Python."""
    assert isinstance(_described(OSError(number, "gone")), ConnectionError)


@pytest.mark.parametrize("number", [errno.EIO, errno.EBADF])
def test_errors_of_the_file_are_not(number: int) -> None:
    """They are ours, and stay what they are."""
    error = OSError(number, "broken")
    assert _described(error) is error


def test_a_turn_that_nobody_asked_for_does_nothing(run: Callable[..., None]) -> None:
    """Neither before the first call, nor after the last, nor at the end."""

    async def work(pumps: Pumps) -> None:
        with pumps.line() as line:
            line.shipment.take_turn()
            await line.shipment.send(0, 10)
            line.shipment.take_turn()
            assert line.shipment.sent_bytes == 10
            line.shipment.close()
            line.shipment.take_turn()
            # The thread that had the last turn may still be about to give it back.
            await eventually(lambda: line.closed == ["closed"])

    run(work)
