"""Everything a server consists of, put together once and taken apart in order.

Theory of operation: what is built later stands on what was built before, and ends before
it. So each part says how it ends where it is built, and one stack ends them all, also
those of a server that could not start.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Engine as Database

from app.access_wiring import wire_access
from app.checkpoint_watch import CheckpointWatch
from app.checkpoint_wiring import wire_checkpoints
from app.engine_watch import EngineWatch
from app.engine_wiring import open_engine
from app.file_sender import FileSender
from app.metrics import Metrics
from app.settings import Settings
from app.spec_wiring import filling_facts, make_exchange
from app.store_wiring import open_store
from app.wiring import Wiring
from app.work_watch import EXCHANGE, KEYS, RESOLVING, STORE, WorkWatch
from services.bounded_executor import BoundedExecutor
from services.checkpoints.parts import Checkpoints
from services.database import check
from services.digest_store import FileKey, SqlDigestStore
from services.digests import DigestJobs, DigestService
from services.disk_checks import why_full, why_unwritable
from services.engine import Engine
from services.files import Files
from services.keys.access import Access
from services.names.names import Names
from services.names.sql_store import SqlNameStore
from services.readiness import Look, Readiness
from services.spec_catalogue.catalogue import SpecCatalogue
from services.spec_differences import SpecDifferences
from services.spec_exchange.exchange import SpecExchange
from services.spec_store import SqlSpecStore
from services.specs import Specs
from weightbank.backends.cpu import CpuBackend
from weightbank.prepared import PreparedTensors

_STORE_THREADS = 4
_RESOLVING_THREADS = 2


class _Closable(Protocol):
    def close(self) -> None: ...


_Part = TypeVar("_Part", bound=_Closable)


@dataclass(frozen=True, slots=True)
class _Foundations:
    """What the other parts stand on.

    Attributes:
        settings: Of the server.
        store: The database.
        store_calls: Runs what waits for it.
        resolving: Runs what keeps a processor busy.
        backend: Makes numbers in threads of this process.
        prepared: Keeps tensors that are made whole.
        engine: Makes bytes.
        digest_jobs: Hashes files in the background.
        file_sender: Sends files from the disk.
    """

    settings: Settings
    store: Database
    store_calls: BoundedExecutor
    resolving: BoundedExecutor
    backend: CpuBackend
    prepared: PreparedTensors
    engine: Engine
    digest_jobs: DigestJobs
    file_sender: FileSender


@asynccontextmanager
async def wire(settings: Settings, *, metrics: Metrics, logger: Any) -> AsyncIterator[Wiring]:
    """Build a server's parts, and end their threads and processes afterwards.

    Raises:
        StartupError: If the store cannot be opened, or a device cannot be had.
    """
    work = WorkWatch(metrics.registry)
    async with AsyncExitStack() as stack:
        base = await _foundations(settings, stack, metrics=metrics, work=work, logger=logger)
        checkpoints = await stack.enter_async_context(
            wire_checkpoints(
                settings,
                watch=CheckpointWatch(metrics.registry, logger),
                work=work,
                resolving=base.resolving,
                backend=base.backend,
                prepared=base.prepared,
            )
        )
        access = await stack.enter_async_context(
            wire_access(settings, store=base.store, logger=logger, observer=work.of(KEYS))
        )
        await stack.enter_async_context(filling_facts(base.store, logger=logger))
        exchange = make_exchange(settings, store=base.store, observer=work.of(EXCHANGE))
        _end(stack, exchange)
        wiring = _wiring(
            base,
            metrics=metrics,
            exchange=exchange,
            checkpoints=checkpoints,
            access=access,
        )
        stack.callback(wiring.readiness.close)
        stack.callback(wiring.drain)
        base.engine.start()
        yield wiring


async def _foundations(
    settings: Settings, stack: AsyncExitStack, *, metrics: Metrics, work: WorkWatch, logger: Any
) -> _Foundations:
    store = await asyncio.to_thread(open_store, settings)
    stack.callback(store.dispose)
    store_calls = BoundedExecutor(
        "calls of the store",
        threads=_STORE_THREADS,
        limit=settings.limit_store_calls,
        observer=work.of(STORE),
    )
    resolving = BoundedExecutor(
        "places for resolving",
        threads=_RESOLVING_THREADS,
        limit=settings.limit_resolving,
        observer=work.of(RESOLVING),
    )
    backend = CpuBackend(threads=1)  # a chunk is the unit of parallel work, and has a thread
    watch = EngineWatch(metrics.registry, logger)
    return _Foundations(
        settings=settings,
        store=store,
        store_calls=_end(stack, store_calls),
        resolving=_end(stack, resolving),
        backend=backend,
        prepared=PreparedTensors(capacity_bytes=settings.cache_whole_tensor_bytes),
        engine=_end(stack, await open_engine(settings, warm_up=backend.warm_up, watch=watch)),
        digest_jobs=_end(stack, _digest_jobs(store, settings, logger)),
        file_sender=_end(stack, FileSender(limit=settings.limit_checkpoint_streams)),
    )


def _end(stack: AsyncExitStack, part: _Part) -> _Part:
    """Return a part that is closed with the stack; closing may block."""
    stack.push_async_callback(asyncio.to_thread, part.close)
    return part


def _wiring(
    base: _Foundations,
    *,
    metrics: Metrics,
    exchange: SpecExchange,
    checkpoints: Checkpoints,
    access: Access | None,
) -> Wiring:
    settings = base.settings
    limits = settings.limits()
    files = _files(base)
    return Wiring(
        settings=settings,
        limits=limits,
        metrics=metrics,
        engine=base.engine,
        files=files,
        checkpoints=checkpoints,
        file_sender=base.file_sender,
        access=access,
        specs=Specs(
            store=SqlSpecStore(base.store),
            store_executor=base.store_calls,
            resolving=base.resolving,
            files=files,
            limits=limits,
        ),
        catalogue=SpecCatalogue(base.store, executor=base.store_calls, files=files),
        exchange=exchange,
        differences=SpecDifferences(resolving=base.resolving),
        names=_names(base),
        digests=DigestService(
            store=SqlDigestStore(base.store),
            executor=base.store_calls,
            jobs=base.digest_jobs,
            file_bytes=settings.limit_digest_file_bytes,
        ),
        readiness=Readiness(
            missing_devices=base.engine.missing_devices,
            check_store=lambda: check(base.store),
            executor=base.store_calls,
            looks=_looks(settings, checkpoints),
        ),
    )


def _files(base: _Foundations) -> Files:
    return Files(
        store=SqlSpecStore(base.store),
        store_executor=base.store_calls,
        resolving=base.resolving,
        backend=base.backend,
        prepared=base.prepared,
        limits=base.settings.limits(),
        cached_tensors=base.settings.cache_tensors,
    )


def _looks(settings: Settings, checkpoints: Checkpoints) -> dict[str, Look]:
    """Return what is looked at on disks before requests should come here."""
    looks: dict[str, Look] = {}
    if not settings.database_url.get_secret_value():
        looks["data_directory"] = lambda: why_unwritable(settings.data_dir)
    kept = settings.checkpoint_directory
    looks["checkpoint_directory"] = lambda: why_unwritable(kept)
    looks["checkpoint_room"] = lambda: why_full(
        kept, can_make_room=checkpoints.inventory.can_make_room
    )
    return looks


def _names(base: _Foundations) -> Names:
    settings = base.settings
    names = SqlNameStore(
        base.store, team_names=settings.limit_names, name_versions=settings.limit_name_versions
    )
    return Names(store=names, executor=base.store_calls, cache_seconds=settings.name_cache_seconds)


def _digest_jobs(store: Database, settings: Settings, logger: Any) -> DigestJobs:
    def log(key: FileKey, error: Exception) -> None:
        logger.error(
            "digests failed", spec_id=key.spec_id, seed=key.seed, dtype=key.dtype, exc_info=error
        )

    return DigestJobs(SqlDigestStore(store), waiting=settings.limit_digest_files, on_error=log)
