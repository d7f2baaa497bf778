"""Answers from files against a server made by hand, which has no socket to lend."""

import asyncio
import selectors
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.bodies import Body, multipart_body, single_body
from app.file_response import FileResponse
from app.file_sender import FileSender
from app.record import RequestRecord, attach_record, record_of
from services.errors import OverloadedError, ShuttingDownError
from services.hub.errors import CorruptFileError
from tests.arriving_file import ArrivingFile
from tests.engines import eventually

CONTENT = bytes(range(251)) * 12_000
SIZE = len(CONTENT)
FAILED = CorruptFileError("file", "weights", "has another hash than it should")


class Server:
    """Takes messages, and may stop to."""

    def __init__(self, *, takes: int = 10**9) -> None:
        self.messages: list[Any] = []
        self.gone = asyncio.Event()
        self.aborted = False
        self.scope: dict[str, Any] = {"type": "http", "method": "GET"}
        self.scope["extensions"] = {"weightbank.abort": self._abort}
        self._takes = takes
        attach_record(self.scope, RequestRecord("id"))

    async def receive(self) -> Any:
        """Say that the client has left, once it has."""
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Take a message; wait for ever when the client has read enough."""
        self.messages.append(message)
        if len(self.messages) > self._takes:
            await asyncio.Event().wait()

    @property
    def body(self) -> bytes:
        """What came."""
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def is_whole(self) -> bool:
        """Whether all came."""
        return self.messages[-1].get("more_body") is False

    @property
    def outcome(self) -> str:
        """What is recorded."""
        return record_of(self.scope).outcome

    def _abort(self) -> None:
        self.aborted = True
        self.gone.set()


class Files:
    """A file, and answers from it."""

    def __init__(self, file: ArrivingFile, sender: FileSender) -> None:
        self.file = file
        self.sender = sender

    def response(self, body: Body | None = None, **options: Any) -> FileResponse:
        """An answer from the file."""
        body = body or single_body((0, SIZE))
        headers = {"Content-Length": str(body.content_length)}
        options = {"stall_timeout_seconds": 30, "status": 200, **options}
        return FileResponse(self.file.open(), body, sender=self.sender, headers=headers, **options)

    async def answer(self, server: Server, body: Body | None = None, **options: Any) -> None:
        """Answer."""
        response = self.response(body, **options)
        await response(server.scope, server.receive, server.send)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., None]:
    """Runs a test with a file that is to arrive, and sees that all is closed."""

    def run(
        work: Callable[[Files], Awaitable[None]],
        *,
        limit: int = 2,
        loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> None:
        async def main() -> None:
            file = ArrivingFile(tmp_path / "file", CONTENT)
            files = Files(file, FileSender(limit=limit, threads=1))
            try:
                await work(files)
                assert file.opened == 0
                assert file.watched == []
                assert files.sender.streams == 0
            finally:
                await asyncio.to_thread(files.sender.close)

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(main())

    return run


def test_a_server_without_a_socket_gets_messages(run: Callable[..., None]) -> None:
    """The status first, then the bytes in pieces of a megabyte, then the end."""

    async def work(files: Files) -> None:
        files.file.verify()
        server = Server()
        await files.answer(server)
        assert server.body == CONTENT
        assert server.messages[0]["type"] == "http.response.start"
        assert max(len(message["body"]) for message in server.messages[1:]) == 2**20
        assert server.is_whole
        assert server.outcome == "answered"

    run(work)


def test_parts_come_with_what_stands_between_them(run: Callable[..., None]) -> None:
    """In the order they were asked for, which need not be the file's."""

    async def work(files: Files) -> None:
        files.file.verify()
        spans = ((1_000_000, 2_500_000), (0, 10))
        body = multipart_body(spans, size=SIZE, etag="tag")
        server = Server()
        await files.answer(server, body)
        first, second = (CONTENT[start:stop] for start, stop in spans)
        parts = [body.prefixes[0], first, body.prefixes[1], second, body.suffix]
        assert server.body == b"".join(parts)

    run(work)


def test_what_arrives_is_sent_as_it_comes(run: Callable[..., None]) -> None:
    """The last byte when the hash has been found right."""

    async def work(files: Files) -> None:
        server = Server()
        answering = asyncio.ensure_future(files.answer(server))
        await eventually(lambda: len(files.file.watched) == 1)
        for available in (1, 1000, 2_000_000, SIZE):
            files.file.arrive(available)
            await eventually(lambda: len(server.body) == files.file.available_bytes)
        assert len(server.body) == SIZE - 1
        assert not server.is_whole
        files.file.verify()
        await answering
        assert server.body == CONTENT
        assert server.is_whole

    run(work)


def test_what_fails_before_the_first_byte_is_raised(run: Callable[..., None]) -> None:
    """Nothing was sent, and the next one's error does not name the frames of this one."""

    async def work(files: Files) -> None:
        files.file.fail(FAILED)
        depths = []
        for _ in range(3):
            server = Server()
            with pytest.raises(CorruptFileError) as raised:
                await files.answer(server)
            depths.append(len(traceback.extract_tb(raised.value.__traceback__)))
            assert server.messages == []
            assert not server.aborted
        assert len(set(depths)) == 1

    run(work)


def test_what_fails_later_ends_the_connection(run: Callable[..., None]) -> None:
    """Its code is recorded."""

    async def work(files: Files) -> None:
        files.file.arrive(1000)
        server = Server()
        answering = asyncio.ensure_future(files.answer(server))
        await eventually(lambda: len(server.body) == 1000)
        files.file.fail(FAILED)
        await answering
        assert server.aborted
        assert not server.is_whole
        assert (server.outcome, record_of(server.scope).code) == ("failed", "corrupt_file")

    run(work)


@pytest.mark.parametrize("takes", [0, 1, 2, 4])
def test_a_client_that_takes_nothing_is_cut_off(run: Callable[..., None], takes: int) -> None:
    """Wherever it stops."""

    async def work(files: Files) -> None:
        files.file.verify()
        server = Server(takes=takes)
        await files.answer(server, stall_timeout_seconds=0.05)
        assert server.aborted
        assert server.outcome == "stalled"
        assert len(server.messages) == takes + 1

    run(work)


def test_a_client_that_leaves_ends_its_answer(run: Callable[..., None]) -> None:
    """Before the first byte, too."""

    async def work(files: Files) -> None:
        server = Server()
        answering = asyncio.ensure_future(files.answer(server))
        await eventually(lambda: len(files.file.watched) == 1)
        server.gone.set()
        await answering
        assert server.outcome == "disconnected"
        assert server.messages == []

    run(work)


def test_a_cancelled_answer_closes_its_file(run: Callable[..., None]) -> None:
    """As at the end of a shutdown."""

    async def work(files: Files) -> None:
        server = Server()
        answering = asyncio.ensure_future(files.answer(server))
        await eventually(lambda: len(files.file.watched) == 1)
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering

    run(work)


def test_an_answer_too_many_is_refused(run: Callable[..., None]) -> None:
    """Its file is closed, and those who have a place keep it."""

    async def work(files: Files) -> None:
        server = Server()
        answering = asyncio.ensure_future(files.answer(server))
        await eventually(lambda: files.sender.streams == 1)
        with pytest.raises(OverloadedError):
            await files.answer(Server())
        assert files.file.opened == 1
        files.file.verify()
        await answering
        assert server.body == CONTENT

    run(work, limit=1)


def test_nothing_begins_while_the_server_drains(run: Callable[..., None]) -> None:
    """The file is closed."""

    async def work(files: Files) -> None:
        files.file.verify()
        files.sender.drain()
        with pytest.raises(ShuttingDownError):
            await files.answer(Server())

    run(work)


class SkippingSelector(selectors.DefaultSelector):
    """Waits for no timer, but goes on to its time.

    Attributes:
        now_seconds: The time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_seconds = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """Return what is ready, or let the time pass."""
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.now_seconds += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes by waiting alone: no busy machine can be too slow."""

    def __init__(self) -> None:
        self._skipping = SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Return the time."""
        return self._skipping.now_seconds


class Scripted:
    """An outlet whose client takes something at every other look, and then nothing."""

    def __init__(self, *, takes: int, waits: bool = True) -> None:
        self.asked = 0
        self._takes = takes
        self._waits = waits

    def count(self) -> None:
        """Count nothing."""

    def progress(self) -> int | None:
        """Say how far the client is."""
        self.asked += 1
        return min(self.asked // 2, self._takes) if self._waits else None


def test_a_slow_client_is_not_cut_off(run: Callable[..., None]) -> None:
    """As long as it takes something now and then, however long all of it takes."""

    async def work(files: Files) -> None:
        response = files.response(stall_timeout_seconds=1)
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        outlet: Any = Scripted(takes=30)
        await response._watch(outlet, never)
        # Four looks a second; the last second brings nothing.
        assert outlet.asked == 2 * 30 + 4
        response._blob.close()

    run(work, loop=VirtualLoop)


def test_a_client_that_waits_for_the_file_is_not_cut_off(run: Callable[..., None]) -> None:
    """However long that takes."""

    async def work(files: Files) -> None:
        response = files.response(stall_timeout_seconds=1)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        outlet: Any = Scripted(takes=0, waits=False)
        watching = asyncio.ensure_future(response._watch(outlet, done))
        await eventually(lambda: outlet.asked > 30)
        assert not watching.done()
        done.set_result(None)
        await watching
        response._blob.close()

    run(work, loop=VirtualLoop)
