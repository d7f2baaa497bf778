"""Several things awaited at once, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_ONCE = 8


async def in_parallel(
    items: Iterable[Item], work: Callable[[Item], Awaitable[Result]], *, at_once: int = _AT_ONCE
) -> list[Result]:
    """Return what ``work`` makes of each item, in their order.

    Args:
        items: Any number of them.
        work: Called for each.
        at_once: Most of them that are awaited at one time.

    Raises:
        Exception: The first that any of them raises; the others are given up.

    Examples:
        >>> async def double(number: int) -> int:
        ...     return 2 * number
        >>> asyncio.run(in_parallel(range(4), double, at_once=2))
        [0, 2, 4, 6]
    """
    places = asyncio.Semaphore(at_once)

    async def worked(item: Item) -> Result:
        async with places:
            return await work(item)

    tasks = [asyncio.ensure_future(worked(item)) for item in items]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        # An error knows this frame: what the others came to must not stay open for it.
        while tasks:
            tasks.pop().cancel()
