"""Answers whose bytes are taken from what a key may have, against a server made by hand."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse

from app.metered_response import MeteredResponse, is_metered
from app.record import RequestRecord, attach_record, record_of
from app.request_body import DisconnectedError
from services.keys.errors import QuotaSpentError
from services.keys.quotas import Quotas, Reservation
from tests.keys import Clock, FakeUsageStore


class Bench:
    """A quota, and a server that takes some messages."""

    def __init__(self, *, quota: int, breaks_after: int = 10**9) -> None:
        self.clock = Clock()
        self.store = FakeUsageStore()
        self.quotas = Quotas(self.store, now=self.clock.now, clock=self.clock, block_bytes=1)
        self.quota = quota
        self.messages: list[Any] = []
        self.aborted = False
        self.scope: dict[str, Any] = {"type": "http", "method": "GET"}
        self.scope["extensions"] = {"weightbank.abort": self._abort}
        self._breaks_after = breaks_after
        attach_record(self.scope, RequestRecord("id"))

    async def reserve(self, size_bytes: int) -> Reservation:
        """Take bytes."""
        return await self.quotas.reserve("key", size_bytes=size_bytes, bytes_per_day=self.quota)

    async def send(self, message: Any) -> None:
        """Take a message as the middleware does, until the connection breaks."""
        if len(self.messages) >= self._breaks_after:
            raise ConnectionResetError
        record_of(self.scope).sent(len(message.get("body", b"")))
        self.messages.append(message)

    async def answer(self, response: Response) -> int:
        """Send an answer; return what it has cost in the end."""
        try:
            await MeteredResponse(response, self.reserve)(self.scope, self._receive, self.send)
        finally:
            await self.quotas.close()
        return self.cost

    @property
    def cost(self) -> int:
        """Bytes that the store counts."""
        return sum(self.store.bytes.values())

    async def _receive(self) -> Any:
        await asyncio.Event().wait()

    def _abort(self) -> None:
        self.aborted = True


def run(bench: Bench, response: Response) -> int:
    """Answer."""
    return asyncio.run(asyncio.wait_for(bench.answer(response), 60))


def test_an_answer_costs_its_body() -> None:
    """Not its headers."""
    bench = Bench(quota=10)
    assert run(bench, Response(b"x" * 10)) == 10
    assert [message["type"] for message in bench.messages] == [
        "http.response.start",
        "http.response.body",
    ]


def test_what_does_not_fit_is_refused_before_anything_is_sent() -> None:
    """So that a problem can be answered in its place."""
    bench = Bench(quota=9)
    with pytest.raises(QuotaSpentError):
        run(bench, Response(b"x" * 10))
    assert bench.messages == []
    assert bench.cost == 0


def test_an_empty_answer_asks_nobody() -> None:
    """There is nothing to take."""
    bench = Bench(quota=1)
    assert run(bench, Response(status_code=202)) == 0
    assert bench.store.calls == 0


def test_what_breaks_off_costs_what_was_sent() -> None:
    """The rest is given back."""
    bench = Bench(quota=100, breaks_after=3)

    async def body() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"1234567890"

    response = StreamingResponse(body(), headers={"Content-Length": "100"})
    with pytest.raises(ConnectionResetError):
        run(bench, response)
    assert bench.cost == 20


def test_an_answer_of_unknown_length_is_cut_off_where_it_does_not_fit() -> None:
    """Its client sees that it has no end, and it costs what was sent."""
    bench = Bench(quota=25)

    async def body() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"1234567890"

    with pytest.raises(DisconnectedError):
        run(bench, StreamingResponse(body()))
    assert bench.aborted
    assert record_of(bench.scope).code == "quota_spent"
    assert bench.cost == 20


def test_an_answer_of_unknown_length_is_cut_off_where_nobody_can_count() -> None:
    """It has begun, so that no problem can be answered in its place."""
    bench = Bench(quota=100)

    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"1234567890"
            bench.store.is_down = True

    with pytest.raises(DisconnectedError):
        run(bench, StreamingResponse(body()))
    assert bench.aborted
    assert record_of(bench.scope).code == "store_unavailable"


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (200, "GET", True),
        (206, "GET", True),
        (201, "POST", True),
        (200, "HEAD", False),
        (304, "GET", False),
        (404, "GET", False),
        (503, "GET", False),
    ],
)
def test_what_has_no_body_of_ours_is_not_metered(
    status: int,
    method: str,
    expected: bool,  # noqa: FBT001
) -> None:
    """HEAD, 304 and problems cost nothing."""
    assert is_metered(Response(b"x", status_code=status), method=method) is expected
