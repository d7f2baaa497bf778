"""What exchanges specs, and the thread that fills in their facts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Engine

from app.settings import Settings
from services.bounded_executor import WorkObserver
from services.spec_catalogue.filling import FactsFiller
from services.spec_exchange.exchange import SpecExchange


def make_exchange(settings: Settings, *, store: Engine, observer: WorkObserver) -> SpecExchange:
    """Return what exports and imports; its files lie beside checkpoints meanwhile.

    That directory can be written wherever a server runs, also one whose database is
    elsewhere and whose root is read-only.
    """
    return SpecExchange(
        store,
        limits=settings.limits(),
        directory=settings.checkpoint_directory,
        observer=observer,
    )


@asynccontextmanager
async def filling_facts(store: Engine, *, logger: Any) -> AsyncIterator[None]:
    """Fill in facts of specs for as long as this context lasts."""

    def on_error(spec_id: str, error: Exception) -> None:
        logger.warning("spec is in no list", spec_id=spec_id or None, exc_info=error)

    filler = FactsFiller(store, on_error=on_error)
    filler.start()
    try:
        yield
    finally:
        await asyncio.to_thread(filler.close)
