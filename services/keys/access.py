"""Who is let in, and how much of it: all that a server does with keys, in one place."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from services.bounded_executor import WorkObserver
from services.keys.authorization import read_authorization
from services.keys.errors import InvalidKeyError
from services.keys.key import Key
from services.keys.known_keys import KeyTimes, KnownKeys
from services.keys.quotas import Quotas, Reservation
from services.keys.rate_limits import RateLimits
from services.keys.store import KeyStore
from services.keys.usage_store import UsageStore
from services.keys.use_notes import UseNotes

_SWEEP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key may do if nothing else is said of it; 0 is no limit.

    Attributes:
        requests_per_second: In the long run.
        bytes_per_day: Of bodies that are sent, in a day in UTC.
    """

    requests_per_second: float = 0.0
    bytes_per_day: int = 0


class Access:
    """Lets in whoever has a key. For one event loop."""

    def __init__(
        self,
        *,
        known: KnownKeys,
        notes: UseNotes,
        rates: RateLimits,
        quotas: Quotas,
        allowance: Allowance,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Let nobody in yet.

        Args:
            known: Finds keys.
            notes: Of when they are used.
            rates: Of their requests.
            quotas: Of their bytes.
            allowance: Of keys of which nothing else is said.
            now: Says which keys have expired.
        """
        self._known = known
        self._notes = notes
        self._rates = rates
        self._quotas = quotas
        self._allowance = allowance
        self._now = now

    async def identify(self, authorization: Sequence[str]) -> Key:
        """Return the key of a request, whether it still counts or not.

        Args:
            authorization: Value of each header of this name.

        Raises:
            MissingKeyError: If there is none.
            InvalidKeyError: If it is no key, or none of ours.
            RetryError: If the store does not answer, or has too many to look for.
        """
        text = read_authorization(authorization)
        key = await self._known.find(text.id)
        if key is None or not key.opens_with(text):
            raise InvalidKeyError
        return key

    def enter(self, key: Key) -> None:
        """Let one request in.

        Raises:
            InvalidKeyError: If its key was revoked, or has expired.
            RateLimitedError: If there were too many.
        """
        key.check(self._now())
        own = key.requests_per_second
        per_second = self._allowance.requests_per_second if own is None else own
        self._rates.take(key.id, requests_per_second=per_second)
        self._notes.note(key)

    async def reserve(self, key: Key, size_bytes: int) -> Reservation:
        """Take the bytes of an answer from what a key may have today.

        Raises:
            QuotaSpentError: If they do not fit.
            RetryError: If the store is needed for them, and does not answer.
        """
        own = key.bytes_per_day
        bytes_per_day = self._allowance.bytes_per_day if own is None else own
        return await self._quotas.reserve(
            key.id, size_bytes=size_bytes, bytes_per_day=bytes_per_day
        )

    async def write(self) -> None:
        """Tell the store of what it does not know yet."""
        await self._notes.write()
        await self._quotas.sweep()

    async def close(self) -> None:
        """Tell the store of everything, and end the threads."""
        await self._notes.close()
        await self._quotas.close()
        await asyncio.to_thread(self._known.close)


@asynccontextmanager
async def open_access(
    *,
    keys: KeyStore,
    usage: UsageStore,
    times: KeyTimes,
    allowance: Allowance,
    on_error: Callable[[Exception], None],
    observer: WorkObserver | None = None,
) -> AsyncIterator[Access]:
    """Let in whoever has a key, until the end.

    Args:
        keys: Where they are.
        usage: Where their bytes are counted.
        times: For how long what is known of a key counts.
        allowance: Of keys of which nothing else is said.
        on_error: Told of what should not have happened.
        observer: Hears of calls of both stores.
    """
    access = Access(
        known=KnownKeys(keys, times=times, observer=observer),
        notes=UseNotes(keys, observer=observer),
        rates=RateLimits(),
        quotas=Quotas(usage, observer=observer),
        allowance=allowance,
    )
    writing = asyncio.ensure_future(_write_again_and_again(access, on_error))
    try:
        yield access
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        await access.close()


async def _write_again_and_again(access: Access, on_error: Callable[[Exception], None]) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        try:
            await access.write()
        except Exception as error:  # noqa: BLE001 - the next time may be better
            on_error(error)
