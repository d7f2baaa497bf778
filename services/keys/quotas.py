"""How many bytes a key may take in a day (in UTC), exact over all servers.

Theory of operation
===================
An answer takes its bytes from its key's account before its first byte, and gives back
what it did not send. An account that has too little leases more from the store: what the
answer lacks, or a block where that is more, so that small answers need no question each.
The store grants only what the day's quota still has. So all servers together never send
more than it; a server that crashes leaves its leases counted as sent.

What an account has and does not need goes back to the store: all of it when nothing was
asked for a few seconds, when the day is over, and at the end; what is beyond a block at
every sweep. Bytes that another server holds can be missing for these few seconds.

Keys without a quota are counted too: their accounts owe, and are settled by sweeps.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.bounded_executor import BoundedExecutor, WorkObserver
from services.errors import OverloadedError, StoreUnavailableError
from services.keys.errors import QuotaSpentError
from services.keys.usage_store import Lease, UncertainError, UsageStore
from services.single_flight import SingleFlight

_BLOCK_BYTES = 16 * 2**20
_BLOCKS_OF_QUOTA = 64
_IDLE_SECONDS = 5.0
_MEMORY_SECONDS = 0.5
_THREADS = 2
_MOST_CALLS = 256


def day_of(now: datetime) -> str:
    """Return the day in UTC.

    Examples:
        >>> day_of(datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
        '2026-01-31'
    """
    return now.astimezone(UTC).date().isoformat()


def seconds_of_day_left(now: datetime) -> int:
    """Return after how many seconds the next day begins, rounded up.

    Examples:
        >>> seconds_of_day_left(datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
        60
    """
    today = now.astimezone(UTC)
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return math.ceil((midnight - today).total_seconds())


@dataclass(slots=True)
class _Account:
    """A key's bytes of one day, on this server.

    Attributes:
        key_id: Whose.
        day: Which.
        left_bytes: Leased, and not promised to an answer; below 0 what the store has
            not been told of.
        answers: That hold bytes, or wait for them; and leases under way.
        touched_at: When something was asked for or given back last.
        spent: What the store said when it had too little, and when.
        turn: Held by whoever leases.
    """

    key_id: str
    day: str
    left_bytes: int = 0
    answers: int = 0
    touched_at: float = 0.0
    spent: tuple[Lease, float] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Reservation:
    """Bytes that an answer may send."""

    def __init__(self, account: _Account, size_bytes: int, *, clock: Callable[[], float]) -> None:
        self._account = account
        self._size_bytes = size_bytes
        self._clock = clock
        self._has_ended = False

    def release(self, *, sent_bytes: int) -> None:
        """Give back what was not sent. It is to be called once."""
        assert not self._has_ended, "given back twice"
        self._has_ended = True
        self._account.left_bytes += max(0, self._size_bytes - sent_bytes)
        self._account.answers -= 1
        self._account.touched_at = self._clock()


class Quotas:
    """The accounts of all keys that ask this server. For one event loop; has to be closed."""

    def __init__(
        self,
        store: UsageStore,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        block_bytes: int = _BLOCK_BYTES,
        observer: WorkObserver | None = None,
    ) -> None:
        """Hold nothing yet.

        Args:
            store: Counts for all servers.
            now: Says which day it is.
            clock: Says the time in seconds; it never goes back.
            block_bytes: Least that is leased, if that is no more than a 64th of the quota.
            observer: Hears of calls of the store.
        """
        self._store = store
        self._now = now
        self._clock = clock
        self._block_bytes = block_bytes
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._leases: SingleFlight[tuple[str, str, int, int], Lease] = SingleFlight()
        self._executor = BoundedExecutor(
            "calls for quotas", threads=_THREADS, limit=_MOST_CALLS, observer=observer
        )

    async def reserve(self, key_id: str, *, size_bytes: int, bytes_per_day: int) -> Reservation:
        """Take the bytes of an answer.

        Args:
            key_id: Whose.
            size_bytes: Of the answer's body.
            bytes_per_day: The quota; 0 is none.

        Raises:
            QuotaSpentError: If they do not fit.
            StoreUnavailableError: If the store is needed for them, and does not answer.
        """
        account = self._account(key_id)
        account.answers += 1
        try:
            if bytes_per_day > 0:
                async with account.turn:
                    while account.left_bytes < size_bytes:
                        await self._lease(account, size_bytes, bytes_per_day)
                    account.left_bytes -= size_bytes
            else:
                account.left_bytes -= size_bytes
        except BaseException:
            account.answers -= 1
            raise
        return Reservation(account, size_bytes, clock=self._clock)

    async def sweep(self, *, is_last: bool = False) -> None:
        """Tell the store of what is owed, and give back what is not needed.

        Args:
            is_last: Whether nothing will be asked for any more.
        """
        today = day_of(self._now())
        for account in list(self._accounts.values()):
            is_idle = not account.answers and self._idle_seconds(account) >= _IDLE_SECONDS
            is_over = is_last or account.day != today
            if not account.turn.locked() or is_over:
                await self._settle(account, keep=0 if is_idle or is_over else self._block_bytes)
            if (is_idle or is_over) and not account.answers and account.left_bytes == 0:
                self._accounts.pop((account.key_id, account.day), None)

    async def close(self) -> None:
        """Give back everything, and end the threads."""
        await self.sweep(is_last=True)
        await asyncio.to_thread(self._executor.close)

    def _account(self, key_id: str) -> _Account:
        key = key_id, day_of(self._now())
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = _Account(*key)
        account.touched_at = self._clock()
        return account

    def _idle_seconds(self, account: _Account) -> float:
        return self._clock() - account.touched_at

    async def _lease(self, account: _Account, size_bytes: int, bytes_per_day: int) -> None:
        """Lease what an answer lacks.

        Raises:
            QuotaSpentError: If the store has too little.
        """
        lacking_bytes = size_bytes - account.left_bytes
        lease = self._remembered(account, lacking_bytes, bytes_per_day)
        if lease is None:
            # Shared, so that it is accounted for also when who waits for it goes away.
            lease = await self._leases.run(
                (account.key_id, account.day, lacking_bytes, bytes_per_day),
                lambda: self._ask(account, lacking_bytes, bytes_per_day),
            )
        if lease.granted_bytes == 0:
            left_bytes = max(0, bytes_per_day - lease.used_bytes) + max(0, account.left_bytes)
            raise QuotaSpentError(
                bytes_per_day=bytes_per_day,
                left_bytes=left_bytes,
                asked_bytes=size_bytes,
                retry_after_seconds=seconds_of_day_left(self._now()),
            )

    def _remembered(
        self, account: _Account, lacking_bytes: int, bytes_per_day: int
    ) -> Lease | None:
        """Return what the store said a moment ago, if that was too little for this too."""
        if account.spent is None:
            return None
        lease, at = account.spent
        is_fresh = self._clock() - at < _MEMORY_SECONDS
        is_too_little = bytes_per_day - lease.used_bytes < lacking_bytes
        return lease if is_fresh and is_too_little else None

    async def _ask(self, account: _Account, lacking_bytes: int, bytes_per_day: int) -> Lease:
        block_bytes = min(self._block_bytes, bytes_per_day // _BLOCKS_OF_QUOTA)
        account.answers += 1  # whoever waits may go away, and the account must not
        try:
            lease = await self._executor.run(
                lambda: self._store.lease(
                    account.key_id,
                    account.day,
                    least_bytes=lacking_bytes,
                    most_bytes=max(lacking_bytes, block_bytes),
                    quota_bytes=bytes_per_day,
                )
            )
        finally:
            account.answers -= 1
        account.left_bytes += lease.granted_bytes
        account.spent = None if lease.granted_bytes else (lease, self._clock())
        return lease

    async def _settle(self, account: _Account, *, keep: int) -> None:
        """Let the store know how an account stands."""
        surplus_bytes = account.left_bytes - max(0, min(keep, account.left_bytes))
        if surplus_bytes == 0:
            return
        account.left_bytes -= surplus_bytes
        try:
            await self._executor.run(
                lambda: self._store.add(account.key_id, account.day, -surplus_bytes)
            )
        except UncertainError:
            # To give it back once more could be to give back what was sent.
            return
        except (StoreUnavailableError, OverloadedError):
            account.left_bytes += surplus_bytes  # the next sweep tries again
