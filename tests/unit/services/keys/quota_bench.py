"""Servers that count in one store, with a clock that stands still."""

import asyncio
from collections.abc import Awaitable, Callable

from services.keys.quotas import Quotas, Reservation, day_of
from tests.keys import Clock, FakeUsageStore


class Bench:
    """Servers that count in one store."""

    def __init__(self, *, servers: int, block_bytes: int) -> None:
        self.clock = Clock()
        self.store = FakeUsageStore()
        self.servers = [
            Quotas(self.store, now=self.clock.now, clock=self.clock, block_bytes=block_bytes)
            for _ in range(servers)
        ]

    @property
    def used_bytes(self) -> int:
        """What the store counts for the key today."""
        return self.store.bytes.get(("key", day_of(self.clock.now())), 0)

    async def reserve(self, size_bytes: int, quota: int, *, server: int = 0) -> Reservation:
        """Take the bytes of an answer."""
        return await self.servers[server].reserve("key", size_bytes=size_bytes, bytes_per_day=quota)

    async def sweep(self) -> None:
        """Let all servers settle."""
        for server in self.servers:
            await server.sweep()


def run(
    work: Callable[[Bench], Awaitable[None]], *, servers: int = 1, block_bytes: int = 100
) -> None:
    """Run a test, and end the threads."""

    async def main() -> None:
        bench = Bench(servers=servers, block_bytes=block_bytes)
        try:
            await asyncio.wait_for(work(bench), 60)
        finally:
            bench.store.gate.set()
            bench.store.is_down = False
            for server in bench.servers:
                await server.close()

    asyncio.run(main())
