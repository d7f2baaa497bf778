"""Everything a server consists of, put together once and taken apart in order."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from sqlalchemy import URL
from sqlalchemy import Engine as Database

from app.access_wiring import wire_access
from app.catalogue_wiring import filling_facts, make_catalogue
from app.checkpoint_watch import CheckpointWatch
from app.checkpoint_wiring import wire_checkpoints
from app.engine_watch import EngineWatch
from app.engine_wiring import open_engine
from app.file_sender import FileSender
from app.metrics import Metrics
from app.settings import PREFIX, Settings
from app.work_watch import RESOLVING, STORE, WorkWatch
from services.bounded_executor import BoundedExecutor
from services.checkpoints.parts import Checkpoints
from services.data_directory import prepare_data_directory
from services.database import check, database_url, open_database
from services.digest_store import FileKey, SqlDigestStore
from services.digests import DigestJobs, DigestService
from services.disk_checks import has_room, writable
from services.engine import Engine
from services.errors import StartupError
from services.files import Files
from services.keys.access import Access
from services.names.names import Names
from services.names.sql_store import SqlNameStore
from services.readiness import Look, Readiness
from services.spec_catalogue.catalogue import SpecCatalogue
from services.spec_differences import SpecDifferences
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
        engine: Makes bytes.
        specs: Reads and stores specs.
        catalogue: Lists, removes, exports and imports them.
        differences: Compares specs.
        names: Knows what teams call them.
        files: Opens files.
        checkpoints: Finds, opens and fits checkpoints.
        file_sender: Sends files from the disk.
        digests: Hashes files.
        readiness: Knows whether all of this works.
        access: Lets in whoever has a key; None where nobody needs one.
    """

    settings: Settings
    limits: Limits
    metrics: Metrics
    engine: Engine
    specs: Specs
    catalogue: SpecCatalogue
    differences: SpecDifferences
    names: Names
    files: Files
    checkpoints: Checkpoints
    file_sender: FileSender
    digests: DigestService
    readiness: Readiness
    access: Access | None

    def drain(self) -> None:
        """Begin nothing new: the server is about to end."""
        self.readiness.drain()
        self.engine.drain()
        self.file_sender.drain()


def wiring_of(request: Request) -> Wiring:
    """Return what the app of a request consists of."""
    return wiring_in(request.app)


def wiring_in(app: FastAPI) -> Wiring:
    """Return what an app consists of, once its lifespan has begun."""
    wiring: Wiring = app.state.wiring
    return wiring


def open_store(settings: Settings) -> Database:
    """Return the database of the settings, with its tables up to date.

    Raises:
        StartupError: If there is no writing to it, in one line.
    """
    with named_after_setting(settings):
        if not settings.database_url.get_secret_value():
            prepare_data_directory(settings.data_dir)
        return open_database(store_url(settings))


def store_url(settings: Settings) -> URL:
    """Return where the database of the settings is.

    Raises:
        StartupError: If the address is none.
    """
    url = settings.database_url.get_secret_value()
    return database_url(url, data_directory=settings.data_dir)


@contextmanager
def named_after_setting(settings: Settings) -> Iterator[None]:
    """Say which setting is to blame if the database cannot be had.

    Raises:
        StartupError: Beginning with that setting.
    """
    setting = "DATABASE_URL" if settings.database_url.get_secret_value() else "DATA_DIR"
    try:
        yield
    except StartupError as error:
        raise StartupError(f"{PREFIX}{setting}: {error}") from error


@asynccontextmanager
async def wire(settings: Settings, *, metrics: Metrics, logger: Any) -> AsyncIterator[Wiring]:
    """Build a server's parts, and end their threads and processes afterwards.

    Raises:
        StartupError: If the store cannot be opened, or a device cannot be had.
    """
    store = await asyncio.to_thread(open_store, settings)
    backend = CpuBackend(threads=1)  # a chunk is the unit of parallel work, and has a thread
    engine = await open_engine(
        settings, warm_up=backend.warm_up, watch=EngineWatch(metrics.registry, logger)
    )
    work = WorkWatch(metrics.registry)
    executors = _executors(settings, work)
    jobs = _digest_jobs(store, settings, logger)
    prepared = PreparedTensors(capacity_bytes=settings.cache_whole_tensor_bytes)
    file_sender = FileSender(limit=settings.limit_checkpoint_streams)
    checkpoints = wire_checkpoints(
        settings,
        watch=CheckpointWatch(metrics.registry, logger),
        work=work,
        resolving=executors["resolving"],
        backend=backend,
        prepared=prepared,
    )
    try:
        async with (
            checkpoints as found,
            wire_access(settings, store=store, logger=logger) as access,
            filling_facts(store, logger=logger),
        ):
            wiring = _wiring(
                settings,
                metrics=metrics,
                store=store,
                backend=backend,
                prepared=prepared,
                engine=engine,
                executors=executors,
                jobs=jobs,
                checkpoints=found,
                file_sender=file_sender,
                access=access,
            )
            engine.start()
            try:
                yield wiring
            finally:
                wiring.drain()
                wiring.readiness.close()
                await asyncio.to_thread(wiring.catalogue.close)
    finally:
        await asyncio.to_thread(file_sender.close)
        await asyncio.to_thread(jobs.close)
        await asyncio.to_thread(engine.close)
        for executor in executors.values():
            await asyncio.to_thread(executor.close)
        store.dispose()


def _wiring(
    settings: Settings,
    *,
    metrics: Metrics,
    store: Database,
    backend: CpuBackend,
    prepared: PreparedTensors,
    engine: Engine,
    executors: dict[str, BoundedExecutor],
    jobs: DigestJobs,
    checkpoints: Checkpoints,
    file_sender: FileSender,
    access: Access | None,
) -> Wiring:
    limits = settings.limits()
    specs = SqlSpecStore(store)
    files = Files(
        store=specs,
        **executors,
        backend=backend,
        prepared=prepared,
        limits=limits,
        cached_tensors=settings.cache_tensors,
    )
    return Wiring(
        settings=settings,
        limits=limits,
        metrics=metrics,
        engine=engine,
        files=files,
        checkpoints=checkpoints,
        file_sender=file_sender,
        access=access,
        specs=Specs(store=specs, **executors, files=files, limits=limits),
        catalogue=make_catalogue(
            settings, store=store, executor=executors["store_executor"], files=files
        ),
        differences=SpecDifferences(resolving=executors["resolving"]),
        names=_names(store, settings, executors["store_executor"]),
        digests=DigestService(
            store=SqlDigestStore(store),
            executor=executors["store_executor"],
            jobs=jobs,
            file_bytes=settings.limit_digest_file_bytes,
        ),
        readiness=Readiness(
            missing_devices=engine.missing_devices,
            check_store=lambda: check(store),
            executor=executors["store_executor"],
            looks=_looks(settings, checkpoints),
        ),
    )


def _executors(settings: Settings, work: WorkWatch) -> dict[str, BoundedExecutor]:
    return {
        "store_executor": BoundedExecutor(
            "calls of the store",
            threads=_STORE_THREADS,
            limit=settings.limit_store_calls,
            observer=work.of(STORE),
        ),
        "resolving": BoundedExecutor(
            "places for resolving",
            threads=_RESOLVING_THREADS,
            limit=settings.limit_resolving,
            observer=work.of(RESOLVING),
        ),
    }


def _looks(settings: Settings, checkpoints: Checkpoints) -> dict[str, Look]:
    """Return what is looked at on disks before requests should come here."""
    looks: dict[str, Look] = {}
    if not settings.database_url.get_secret_value():
        looks["data_directory"] = lambda: writable(settings.data_dir)
    kept = settings.checkpoint_directory
    looks["checkpoint_directory"] = lambda: writable(kept)
    looks["checkpoint_room"] = lambda: has_room(
        kept, can_make_room=checkpoints.inventory.can_make_room
    )
    return looks


def _names(store: Database, settings: Settings, executor: BoundedExecutor) -> Names:
    names = SqlNameStore(
        store, team_names=settings.limit_names, name_versions=settings.limit_name_versions
    )
    return Names(store=names, executor=executor, cache_seconds=settings.name_cache_seconds)


def _digest_jobs(store: Database, settings: Settings, logger: Any) -> DigestJobs:
    def log(key: FileKey, error: Exception) -> None:
        logger.error(
            "digests failed", spec_id=key.spec_id, seed=key.seed, dtype=key.dtype, exc_info=error
        )

    return DigestJobs(SqlDigestStore(store), waiting=settings.limit_digest_files, on_error=log)
