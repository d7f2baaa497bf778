"""Everything a server consists of, put together once and taken apart in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from fastapi import Request
from sqlalchemy import Engine

from app.metrics import Metrics
from app.settings import PREFIX, Devices, Settings
from services.bounded_executor import BoundedExecutor
from services.data_directory import prepare_data_directory
from services.database import check, database_url, open_database
from services.digest_store import FileKey, SqlDigestStore
from services.digests import DigestJobs, DigestService
from services.errors import StartupError
from services.files import Files
from services.generation import Generation, GenerationOptions
from services.readiness import Readiness
from services.spec_store import SqlSpecStore
from services.specs import Specs
from weightbank.backends.cpu import CpuBackend
from weightbank.backends.protocol import Backend
from weightbank.limits import Limits
from weightbank.prepared import PreparedTensors

_STORE_THREADS = 4
_RESOLVING_THREADS = 2


class WarmableBackend(Backend, Protocol):
    """A backend that can be made ready before its first request."""

    def warm_up(self) -> None:
        """Compile or load kernels; may take a minute."""


# One thread each: a chunk is the unit of parallel work, and has a thread already.
_BACKENDS: dict[Devices, Callable[[], WarmableBackend]] = {
    "cpu": partial(CpuBackend, threads=1),
    "auto": partial(CpuBackend, threads=1),
}


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
    url = settings.database_url.get_secret_value()
    setting = "DATABASE_URL" if url else "DATA_DIR"
    try:
        if not url:
            prepare_data_directory(settings.data_dir)
        return open_database(database_url(url, data_directory=settings.data_dir))
    except StartupError as error:
        raise StartupError(f"{PREFIX}{setting}: {error}") from error


def make_backend(devices: Devices) -> WarmableBackend:
    """Return what makes the numbers.

    Args:
        devices: ``auto`` takes the best there is, which is the processor so far.

    Examples:
        >>> type(make_backend("auto")).__name__
        'CpuBackend'
    """
    return _BACKENDS[devices]()


@asynccontextmanager
async def wire(settings: Settings, *, metrics: Metrics, logger: Any) -> AsyncIterator[Wiring]:
    """Build a server's parts, and end their threads afterwards.

    Raises:
        StartupError: If the store cannot be opened.
    """
    engine = await asyncio.to_thread(open_store, settings)
    store_executor = BoundedExecutor(
        "calls of the store", threads=_STORE_THREADS, limit=settings.limit_store_calls
    )
    resolving = BoundedExecutor(
        "places for resolving", threads=_RESOLVING_THREADS, limit=settings.limit_resolving
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
    backend = make_backend(settings.devices)
    store = SqlSpecStore(engine)
    executors = {"store_executor": store_executor, "resolving": resolving}
    files = Files(
        store=store,
        **executors,
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
        specs=Specs(store=store, **executors, files=files, limits=limits),
        digests=DigestService(
            store=SqlDigestStore(engine),
            executor=store_executor,
            jobs=jobs,
            file_bytes=settings.limit_digest_file_bytes,
        ),
        readiness=_readiness(backend, engine, store_executor, logger),
    )


def _readiness(
    backend: WarmableBackend, engine: Engine, executor: BoundedExecutor, logger: Any
) -> Readiness:
    return Readiness(
        warm_up=backend.warm_up,
        check_store=lambda: check(engine),
        executor=executor,
        on_error=lambda error: logger.error("warm-up failed", exc_info=error),
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
