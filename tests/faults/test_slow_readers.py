"""Readers that are slow, while buffers are spoilt as soon as they are free."""

import asyncio
import hashlib
import random
import socket
from collections.abc import Callable
from typing import Any

from services.devices.threads import ThreadDevice
from services.engine import BufferPool, Engine, EngineOptions
from tests.engines import CHUNK_BYTES, Numbers, eventually

SIZE = 24 * CHUNK_BYTES + 5


class SpoilingPool(BufferPool):
    """A pool whose buffers are overwritten the moment they come back."""

    def _take_back(self, offset: int, returned: Callable[[], None]) -> None:
        self._pages[offset : offset + self.buffer_bytes] = b"\xaa" * self.buffer_bytes
        super()._take_back(offset, returned)


class Sender(asyncio.Protocol):
    """Sends a stream to whoever connects, as a server does: it keeps views."""

    def __init__(self, engine: Engine, file: Numbers) -> None:
        self._engine = engine
        self._file = file
        self._may_write = asyncio.Event()
        self._may_write.set()

    def connection_made(self, transport: Any) -> None:
        """Begin to send."""
        self._transport = transport
        self._task = asyncio.ensure_future(self._send())

    def pause_writing(self) -> None:
        """Wait: the transport has enough."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._may_write.set()

    async def _send(self) -> None:
        stream = self._engine.open(self._file, [(0, self._file.size_bytes)])
        while (chunk := await stream.next_chunk()) is not None:
            await self._may_write.wait()
            self._transport.write(chunk.view)
            del chunk
        stream.close()
        self._transport.close()


def read_slowly(address: Any, seed: int) -> str:
    """The SHA-256 of what a reader gets that reads in pieces of any size."""
    chance, digest = random.Random(seed), hashlib.sha256()  # noqa: S311 - fixed on purpose
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(address)
        while part := connection.recv(chance.choice([100, 5_000, 70_000, 1_000_000])):
            digest.update(part)
    return digest.hexdigest()


def test_a_buffer_is_reused_only_when_nobody_can_read_it() -> None:
    """Bytes on their way stay what they were, whatever becomes of free buffers."""
    file = Numbers(SIZE)
    expected = hashlib.sha256(file.content(0, SIZE)).hexdigest()

    async def main() -> list[str]:
        options = EngineOptions(chunk_bytes=CHUNK_BYTES, streams=4)
        lanes = 2
        buffers = options.pool(lanes=lanes, is_shared=False).buffers
        pool = SpoilingPool(buffer_bytes=CHUNK_BYTES, buffers=buffers)
        engine = Engine(options, pool, [ThreadDevice("cpu", lanes=lanes)])
        engine.start()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Sender(engine, file), "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        readers = (asyncio.to_thread(read_slowly, address, seed) for seed in range(4))
        digests = await asyncio.gather(*readers)
        await eventually(lambda: engine.streams == 0)
        assert pool.free == pool.buffers
        server.close()
        await server.wait_closed()
        await asyncio.to_thread(engine.close)
        return list(digests)

    assert asyncio.run(main()) == [expected] * 4
