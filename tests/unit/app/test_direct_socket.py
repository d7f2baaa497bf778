"""A connection's socket beside its transport."""

import asyncio
import contextlib
import gc
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvloop
from uvicorn.protocols.http.flow_control import FlowControl

from app.direct_socket import DirectSocket
from tests.engines import eventually

SECONDS = 60


class Protocol(asyncio.Protocol):
    """Has what uvicorn's has: flow control that hears of the transport."""

    flow: FlowControl

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self.flow = FlowControl(transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """End; whoever waits is woken."""
        self.flow.resume_writing()

    def pause_writing(self) -> None:
        """Hear of a full buffer."""
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        """Hear of an emptier one."""
        self.flow.resume_writing()


class Cycle:
    """A request's answer, of a hundred bytes."""

    chunked_encoding = False
    expected_content_length = 100


@contextlib.asynccontextmanager
async def connection() -> AsyncIterator[tuple[Any, DirectSocket, Any, socket.socket]]:
    """A transport, the socket beside it, a request's cycle, and the other end."""
    here, there = socket.socketpair()
    there.settimeout(SECONDS)
    transport, protocol = await asyncio.get_running_loop().create_connection(Protocol, sock=here)
    cycle = Cycle()
    with there:
        try:
            yield transport, DirectSocket(transport, protocol.flow, cycle), cycle, there
        finally:
            transport.abort()
            await asyncio.sleep(0)
            await asyncio.sleep(0)


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Runs a test on the loop that the server has, and on Python's own."""

    def run(work: Callable[[], Awaitable[None]]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(work(), SECONDS))

    return run


def fill(transport: Any) -> int:
    """Write more than the socket takes; return how much that was."""
    size_bytes = 0
    # Less than what pauses the writer, so that only the flush can wait for it.
    while transport.get_write_buffer_size() == 0:
        transport.write(bytes(10_000))
        size_bytes += 10_000
    return size_bytes


def read(reader: socket.socket, size_bytes: int) -> None:
    """Read so many bytes."""
    while size_bytes:
        size_bytes -= len(reader.recv(size_bytes))


def test_a_flush_waits_until_all_is_written(run: Callable[..., None]) -> None:
    """And leaves the transport's limits as they were."""

    async def work() -> None:
        async with connection() as (transport, direct, _, there):
            limits = transport.get_write_buffer_limits()
            size_bytes = fill(transport)
            flushing = asyncio.ensure_future(direct.flush())
            await asyncio.sleep(0)
            assert not flushing.done()
            await asyncio.to_thread(read, there, size_bytes)
            await flushing
            assert transport.get_write_buffer_size() == 0
            assert transport.get_write_buffer_limits() == limits

    run(work)


def test_a_flush_that_is_given_up_leaves_the_limits_as_they_were(run: Callable[..., None]) -> None:
    """What is sent next is not held up."""

    async def work() -> None:
        async with connection() as (transport, direct, _, _there):
            limits = transport.get_write_buffer_limits()
            fill(transport)
            flushing = asyncio.ensure_future(direct.flush())
            await asyncio.sleep(0)
            flushing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await flushing
            assert transport.get_write_buffer_limits() == limits

    run(work)


def test_a_flush_ends_with_its_connection(run: Callable[..., None]) -> None:
    """Whether it ended before or meanwhile."""

    async def work() -> None:
        async with connection() as (transport, direct, _, _there):
            fill(transport)
            flushing = asyncio.ensure_future(direct.flush())
            await asyncio.sleep(0)
            transport.abort()
            for ending in (flushing, direct.flush()):
                with pytest.raises(ConnectionError):
                    await ending
            with pytest.raises(ConnectionError):
                direct.duplicate()

    run(work)


def test_a_duplicate_outlives_its_transport(run: Callable[..., None]) -> None:
    """It stays that of its own connection, and does not block."""

    async def work() -> None:
        async with connection() as (transport, direct, _, there):
            duplicate = direct.duplicate()
            try:
                transport.abort()
                await eventually(lambda: transport.get_extra_info("socket").fileno() == -1)
                os.write(duplicate, b"still here")
                assert there.recv(100) == b"still here"
                assert not os.get_blocking(duplicate)
            finally:
                os.close(duplicate)
            assert there.recv(100) == b""

    run(work)


def test_what_was_written_counts_towards_the_length(run: Callable[..., None]) -> None:
    """More than was announced is a mistake of ours."""

    async def work() -> None:
        async with connection() as (_, direct, cycle, _there):
            direct.wrote(60)
            direct.wrote(40)
            assert cycle.expected_content_length == 0
            with pytest.raises(AssertionError, match="more than was announced"):
                direct.wrote(1)

    run(work)


def test_a_request_is_gone_without_a_collection(run: Callable[..., None]) -> None:
    """Its cycle leads to its scope, and that to the socket: not back."""

    async def work() -> None:
        async with connection() as (transport, _direct, _cycle, _there):
            gone = asyncio.Event()

            class GoingCycle(Cycle):
                """Says when it goes."""

                def __del__(self) -> None:
                    gone.set()

            cycle: Any = GoingCycle()
            cycle.scope = {"socket": DirectSocket(transport, None, cycle)}
            gc.disable()
            try:
                del cycle
                assert gone.is_set()
            finally:
                gc.enable()

    run(work)
