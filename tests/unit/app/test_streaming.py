"""Streamed answers against a server made by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.bodies import multipart_body, single_body
from app.record import RequestRecord, attach_record, record_of
from app.streaming import WeightsResponse
from services.engine import Engine
from services.errors import ChunkFailedError, OverloadedError
from tests.engines import CHUNK_BYTES, Numbers, eventually
from tests.engines import run as run_engine

SIZE = 5 * CHUNK_BYTES + 17


class Server:
    """Takes an answer as a server does: it keeps the views it is given."""

    def __init__(self, *, reads: int = 10**9) -> None:
        self.messages: list[Any] = []
        self.held: list[memoryview | bytes] = []
        self.received = bytearray()
        self.reads = reads
        self.gone = asyncio.Event()

    async def receive(self) -> Any:
        """Say that the client has left, once it has."""
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Take a message; wait for ever when the client has read enough."""
        self.messages.append(message["type"])
        body = message.get("body", b"")
        if len(self.messages) > self.reads:
            self.held.append(body)
            await asyncio.Event().wait()
        # What came before the one before has left for the kernel.
        for view in self.held[:-1]:
            self.received += view
        self.held = [*self.held[-1:], body]

    def finish(self) -> bytes:
        """All bytes of the body."""
        for view in self.held:
            self.received += view
        self.held = []
        return bytes(self.received)


def run(work: Callable[[Engine, Server, dict[str, Any]], Awaitable[None]], **server: Any) -> None:
    """Run a test with an engine, and see that everything comes back."""

    async def with_engine(engine: Engine) -> None:
        scope: dict[str, Any] = {"type": "http", "method": "GET"}
        attach_record(scope, RequestRecord("id"))
        taker = Server(**server)
        await work(engine, taker, scope)
        taker.finish()
        await eventually(lambda: engine.streams == 0)
        assert engine.pool.free == engine.pool.buffers

    run_engine(with_engine, threads=2, streams=1)


def answer(
    engine: Engine, file: Numbers, body: Any, *, stall_timeout_seconds: float = 30
) -> WeightsResponse:
    """An answer with a body of a file."""
    return WeightsResponse(
        file,
        body,
        engine=engine,
        status=206,
        headers={"Content-Length": str(body.content_length)},
        stall_timeout_seconds=stall_timeout_seconds,
    )


@pytest.mark.parametrize("span", [(0, SIZE), (3, SIZE - 1), (CHUNK_BYTES, 2 * CHUNK_BYTES + 1)])
def test_the_body_is_the_span(span: tuple[int, int]) -> None:
    """With a server that keeps views as long as it may."""

    async def work(engine: Engine, server: Server, scope: dict[str, Any]) -> None:
        await answer(engine, Numbers(SIZE), single_body(span))(scope, server.receive, server.send)
        assert server.finish() == Numbers.content(*span)
        assert record_of(scope).outcome == "answered"

    run(work)


def test_parts_come_between_their_prefixes() -> None:
    """In the order asked for."""
    spans = [(SIZE - 300_000, SIZE), (5, 700_000)]
    body = multipart_body(spans, size=SIZE, etag='"x"')

    async def work(engine: Engine, server: Server, scope: dict[str, Any]) -> None:
        await answer(engine, Numbers(SIZE), body)(scope, server.receive, server.send)
        content = server.finish()
        assert len(content) == body.content_length
        assert content == b"".join(
            [
                body.prefixes[0],
                Numbers.content(*spans[0]),
                body.prefixes[1],
                Numbers.content(*spans[1]),
                body.suffix,
            ]
        )

    run(work)


def test_a_failure_before_the_first_byte_can_still_be_answered() -> None:
    """Nothing was sent."""

    async def work(engine: Engine, server: Server, scope: dict[str, Any]) -> None:
        response = answer(engine, Numbers(SIZE, fails_at=0), single_body((0, SIZE)))
        with pytest.raises(ChunkFailedError):
            await response(scope, server.receive, server.send)
        assert server.messages == []

    run(work)


def test_a_failure_on_the_way_ends_the_answer() -> None:
    """It does not complete, so that nobody takes it for the whole."""

    async def work(engine: Engine, server: Server, scope: dict[str, Any]) -> None:
        file = Numbers(SIZE, fails_at=3 * CHUNK_BYTES)
        await answer(engine, file, single_body((0, SIZE)))(scope, server.receive, server.send)
        assert len(server.finish()) < SIZE
        record = record_of(scope)
        assert (record.outcome, record.code) == ("failed", "generation_failed")

    run(work)


def test_a_client_that_leaves_ends_generation() -> None:
    """What was not begun is never made."""

    async def work(engine: Engine, server: Server, scope: dict[str, Any]) -> None:
        file = Numbers(SIZE)
        task = asyncio.ensure_future(
            answer(engine, file, single_body((0, SIZE)))(scope, server.receive, server.send)
        )
        await eventually(lambda: len(server.messages) >= 2)
        server.gone.set()
        await task
        assert record_of(scope).outcome == "disconnected"
        assert SIZE - 17 not in file.made

    run(work, reads=1)


def test_a_client_that_stops_reading_is_left() -> None:
    """After the time-out."""

    async def work(engine: Engine, server: Server, scope: dict[str, Any]) -> None:
        response = answer(engine, Numbers(SIZE), single_body((0, SIZE)), stall_timeout_seconds=0.01)
        await response(scope, server.receive, server.send)
        assert record_of(scope).outcome == "stalled"

    run(work, reads=3)


def test_a_client_that_keeps_every_buffer_is_left() -> None:
    """Memory is bounded whatever a server does with what it is given."""

    class Hoarder(Server):
        async def send(self, message: Any) -> None:
            self.held.append(message.get("body", b""))

    async def work(engine: Engine, _: Server, scope: dict[str, Any]) -> None:
        hoarder = Hoarder()
        response = answer(engine, Numbers(SIZE), single_body((0, SIZE)), stall_timeout_seconds=0.05)
        await response(scope, hoarder.receive, hoarder.send)
        assert record_of(scope).outcome == "stalled"
        assert engine.streams == 1
        hoarder.held.clear()

    run(work)


def test_a_place_is_taken_until_its_buffers_are_back() -> None:
    """Else memory would exceed what the settings say."""

    async def work(engine: Engine, server: Server, scope: dict[str, Any]) -> None:
        await answer(engine, Numbers(SIZE), single_body((0, SIZE)))(
            scope, server.receive, server.send
        )
        await eventually(lambda: engine.streams == 0)
        stream = engine.open(Numbers(SIZE), [(0, SIZE)])
        with pytest.raises(OverloadedError):
            await answer(engine, Numbers(SIZE), single_body((0, SIZE)))(
                scope, server.receive, server.send
            )
        for _ in range(3):
            chunk = await stream.next_chunk()
        assert chunk is not None
        assert len(chunk.view) == CHUNK_BYTES
        stream.close()
        stream.close()
        await asyncio.sleep(0.05)
        assert engine.streams == 1
        del chunk

    run(work)
