"""A look at something that may never answer: a disk, a database."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

TIMEOUT_SECONDS = 2.0

Ask = Callable[[], Awaitable[str | None]]
"""Returns what is wrong; None if nothing is."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was seen.

    Attributes:
        name: Of what was looked at.
        reason: What is wrong with it; None if it is as it should be.
    """

    name: str
    reason: str | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it is as it should be."""
        return self.reason is None


class BoundedCheck:
    """Looks at one thing, for a bounded time, and not again while the last look hangs.

    Examples:
        >>> async def fine() -> None:
        ...     return None
        >>> asyncio.run(BoundedCheck("disk", fine).result()).is_ok
        True
    """

    def __init__(self, name: str, ask: Ask, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Look at nothing yet.

        Args:
            name: Of what is looked at.
            ask: Says what is wrong; must not raise.
            timeout_seconds: After which silence is what is wrong.
        """
        self._name = name
        self._ask = ask
        self._timeout_seconds = timeout_seconds
        self._running: asyncio.Future[str | None] | None = None

    async def result(self) -> CheckResult:
        """Return what is seen now, or that there is no answer in time."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._ask())
        done, _ = await asyncio.wait({self._running}, timeout=self._timeout_seconds)
        if done:
            return CheckResult(self._name, self._running.result())
        return CheckResult(self._name, f"has not answered within {self._timeout_seconds:g} seconds")

    def close(self) -> None:
        """Wait for the last look no longer."""
        if self._running is not None:
            self._running.cancel()


async def in_own_thread(look: Callable[[], str | None]) -> str | None:
    """Return what a blocking function returns, whose thread nobody has to wait for.

    A thread of a pool would be waited for at the end of the process.

    Examples:
        >>> asyncio.run(in_own_thread(lambda: "is full"))
        'is full'
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str | None] = loop.create_future()

    def settle(answer: str | None) -> None:
        if not future.done():
            future.set_result(answer)

    def work() -> None:
        answer = look()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, answer)

    threading.Thread(target=work, name="check", daemon=True).start()
    return await future
