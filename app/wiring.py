"""Everything a server consists of, put together once and taken apart in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from sqlalchemy import Engine

from app.metrics import Metrics
from app.settings import Settings
from services.bounded_executor import BoundedExecutor
from services.data_directory import prepare_data_directory
from services.database import check, database_url, open_database
from services.digest_store import FileKey, SqlDigestStore
from services.digests import DigestJobs, DigestService
from services.files import Files
from services.generation import Generation, GenerationOptions
from services.readiness import Readiness
from services.spec_store import SqlSpecStore
from services.specs import Specs
from weightbank.backends.cpu import CpuBackend
from weightbank.limits import Limits
from weightbank.prepared import PreparedTensors

_STORE_THREADS = 4
_RESOLVING_THREADS = 2


@dataclass(frozen=True, slots=True)
class Wiring:
    """What routes work with.

    Attributes:
        settings: Of the server.
        limits: Of one spec.
        metrics: What Prometheus sees.
        generation: Makes bytes.
        specs: Reads and stores specs.
        files: Opens files.
        digests: Hashes files.
        readiness: Knows whether all of this works.
    """

    settings: Settings
    limits: Limits
    metrics: Metrics
    generation: Generation
    specs: Specs
    files: Files
    digests: DigestService
    readiness: Readiness


def wiring_of(request: Request) -> Wiring:
    """Return what the app of a request consists of."""
    wiring: Wiring = request.app.state.wiring
    return wiring


def open_store(settings: Settings) -> Engine:
    """Return the database of the settings, with its tables.

    Raises:
        StartupError: If there is no writing to it, in one line.
    """
    prepare_data_directory(settings.data_dir)
    url = database_url(settings.database_url.get_secret_value(), data_directory=settings.data_dir)
    return open_database(url)


@asynccontextmanager
async def wire(settings: Settings, *, metrics: Metrics, logger: Any) -> AsyncIterator[Wiring]:
    """Build a server's parts, and end their threads afterwards.

    Raises:
        StartupError: If the store cannot be opened.
    """
    engine = await asyncio.to_thread(open_store, settings)
    store_executor = BoundedExecutor(
        "calls of the store", threads=_STORE_THREADS, waiting=settings.limit_store_calls
    )
    resolving = BoundedExecutor(
        "places for resolving", threads=_RESOLVING_THREADS, waiting=settings.limit_resolving
    )
    generation = Generation(_generation_options(settings), observe=metrics.generated)
    metrics.watch_streams(lambda: generation.streams)
    jobs = _digest_jobs(engine, settings, logger)
    wiring = _wiring(
        settings=settings,
        metrics=metrics,
        logger=logger,
        engine=engine,
        store_executor=store_executor,
        resolving=resolving,
        generation=generation,
        jobs=jobs,
    )
    wiring.readiness.start()
    try:
        yield wiring
    finally:
        wiring.readiness.drain()
        await asyncio.to_thread(jobs.close)
        await asyncio.to_thread(generation.close)
        await asyncio.to_thread(resolving.close)
        await asyncio.to_thread(store_executor.close)
        engine.dispose()


def _wiring(
    *,
    settings: Settings,
    metrics: Metrics,
    logger: Any,
    engine: Engine,
    store_executor: BoundedExecutor,
    resolving: BoundedExecutor,
    generation: Generation,
    jobs: DigestJobs,
) -> Wiring:
    limits = settings.limits()
    backend = CpuBackend(threads=1)
    store = SqlSpecStore(engine)
    files = Files(
        store=store,
        executor=store_executor,
        backend=backend,
        prepared=PreparedTensors(capacity_bytes=settings.cache_whole_tensor_bytes),
        limits=limits,
        cached_tensors=settings.cache_tensors,
    )
    return Wiring(
        settings=settings,
        limits=limits,
        metrics=metrics,
        generation=generation,
        files=files,
        specs=Specs(
            store=store,
            store_executor=store_executor,
            resolving=resolving,
            files=files,
            limits=limits,
        ),
        digests=DigestService(
            store=SqlDigestStore(engine),
            executor=store_executor,
            jobs=jobs,
            file_bytes=settings.limit_digest_file_bytes,
        ),
        readiness=Readiness(
            warm_up=backend.warm_up,
            check_store=lambda: check(engine),
            executor=store_executor,
            on_error=lambda error: logger.error("warm-up failed", exc_info=error),
        ),
    )


def _generation_options(settings: Settings) -> GenerationOptions:
    return GenerationOptions(
        threads=settings.threads,
        chunk_bytes=settings.chunk_bytes,
        window_chunks=settings.window_chunks,
        streams=settings.limit_streams,
        small_reads=settings.limit_small_reads,
    )


def _digest_jobs(engine: Engine, settings: Settings, logger: Any) -> DigestJobs:
    def log(key: FileKey, error: Exception) -> None:
        logger.error(
            "digests failed", spec_id=key.spec_id, seed=key.seed, dtype=key.dtype, exc_info=error
        )

    return DigestJobs(SqlDigestStore(engine), waiting=settings.limit_digest_files, on_error=log)
