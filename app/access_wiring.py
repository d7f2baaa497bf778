"""Keys, put together for a server that asks for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine as Database

from app.listening_address import is_loopback, keys_are_needed
from app.settings import Settings
from services.bounded_executor import WorkObserver
from services.errors import StartupError
from services.keys.access import Access, Allowance, open_access
from services.keys.known_keys import KeyTimes
from services.keys.store import SqlKeyStore
from services.keys.usage_store import SqlUsageStore

_MAKE_ONE = "python -m app keys create --label NAME --scope admin"


def check_access(settings: Settings, store: Database) -> None:
    """See that somebody can get in.

    Raises:
        StartupError: If keys are needed, there is none, and nobody said that one will be
            made later.
    """
    if settings.keys != "auto" or not keys_are_needed(settings):
        return
    if not SqlKeyStore(store).has_any(datetime.now(UTC)):
        raise StartupError(
            f"others can reach WEIGHTBANK_HOST {settings.host!r}, and there is no key that counts; "
            f"make one: {_MAKE_ONE}; or set WEIGHTBANK_KEYS=required to start now and make one "
            "later, or WEIGHTBANK_KEYS=off to let everybody in"
        )


@asynccontextmanager
async def wire_access(
    settings: Settings, *, store: Database, logger: Any, observer: WorkObserver
) -> AsyncIterator[Access | None]:
    """Let in whoever has a key; None where none is needed.

    Raises:
        StartupError: If the address to listen on is none.
    """
    keys = SqlKeyStore(store)
    if not await asyncio.to_thread(keys_are_needed, settings):
        if not is_loopback(settings.host):
            logger.warning("others can reach this server, and nobody needs a key")
        yield None
        return
    if not await asyncio.to_thread(keys.has_any, datetime.now(UTC)):
        logger.warning("no key counts yet: nobody can get in", accepted=_MAKE_ONE)
    access = open_access(
        keys=keys,
        usage=SqlUsageStore(store),
        times=KeyTimes(
            cache_seconds=settings.key_cache_seconds, grace_seconds=settings.key_grace_seconds
        ),
        allowance=Allowance(
            requests_per_second=settings.key_requests_per_second,
            bytes_per_day=int(settings.key_bytes_per_day),
        ),
        on_error=lambda error: logger.error("keys could not be written", exc_info=error),
        observer=observer,
    )
    async with access as found:
        yield found
