"""What differs between stored specs, computed apart from the event loop, and kept for a while."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from services.bounded_executor import BoundedExecutor
from services.files import KnownSpec
from services.single_flight_cache import SingleFlightCache
from weightbank.diff import Difference, TensorDifference, compare

Result = TypeVar("Result")

_CACHED_DIFFERENCES = 200_000
"""Tensors that differ, at some 300 bytes each: two specs of the largest size, and a crowd."""


@dataclass(frozen=True, slots=True)
class ComparedSpecs:
    """A page of what differs between two specs.

    Attributes:
        before_id: Of the first spec.
        after_id: Of the second.
        difference: All that differs.
        page: Some of it.
    """

    before_id: str
    after_id: str
    difference: Difference
    page: tuple[TensorDifference, ...]

    @property
    def next_after(self) -> str | None:
        """Name of the page's last tensor; None if nothing follows it."""
        is_last = not self.page or self.page[-1] is self.difference.differences[-1]
        return None if is_last else self.page[-1].name


class SpecDifferences:
    """Compares specs: two of the largest take seconds, so that pages share what was found."""

    def __init__(self, *, resolving: BoundedExecutor) -> None:
        """Compare nothing yet.

        Args:
            resolving: Runs what keeps a processor busy.
        """
        self._resolving = resolving
        self._kept: SingleFlightCache[tuple[str, str], Difference] = SingleFlightCache(
            capacity=_CACHED_DIFFERENCES, weigh=lambda found: 1 + len(found.differences)
        )

    async def page(
        self,
        before: KnownSpec,
        after: KnownSpec,
        *,
        start_after: str,
        limit: int,
        show: Callable[[ComparedSpecs], Result],
    ) -> Result:
        """Return a page of what differs between two specs.

        Args:
            before: The first.
            after: The second.
            start_after: Name of the tensor that precedes the page; empty for the first one.
            limit: Most tensors of it.
            show: Makes the answer of it; it runs in a thread too.

        Raises:
            OverloadedError: If too much is being resolved or compared.
        """
        difference = await self._kept.get(
            (before.id, after.id),
            lambda: self._resolving.run(lambda: compare(before.resolved, after.resolved)),
        )
        part = difference.part(after=start_after, limit=limit)
        compared = ComparedSpecs(before.id, after.id, difference, part)
        return await self._resolving.run(lambda: show(compared))
