"""Checkpoints of the settings: the Hub's client, the store of blobs, and what uses them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.checkpoint_watch import CheckpointWatch
from app.settings import PREFIX, Settings
from app.work_watch import CONVERSION, DISK, HUB, HUB_MEMORY, WorkWatch
from services.blobs.patience import Patience
from services.blobs.store import BlobStore
from services.bounded_executor import BoundedExecutor
from services.checkpoints.assembly import CheckpointOptions, Foundations, assemble
from services.checkpoints.parts import Checkpoints
from services.conversion.converter import Converter, check_available
from services.data_directory import prepare_data_directory
from services.errors import StartupError
from services.hub.hosts import Hosts
from services.hub.hub import Hub
from services.hub.memory import Memory
from services.hub.policy import AllowList, LicencePolicy, Policy
from services.hub.rights import MemoryTimes
from services.hub.session import Timeouts
from services.hub.upstream import Upstream
from weightbank.backends.protocol import Backend
from weightbank.prepared import PreparedTensors

_ASKING_THREADS = 16
_RECALLING_THREADS = 4
_DISK_THREADS = 4
_CONVERSIONS = 1
_WAITING_CONVERSIONS = 16
_MOST_PREFETCHES = 4096


def check_checkpoints(settings: Settings) -> None:
    """See that what checkpoints need can be had, before anything starts.

    Raises:
        StartupError: If not, in one line.
    """
    directory = settings.checkpoint_directory
    try:
        prepare_data_directory(directory)
    except StartupError as error:
        setting = "CHECKPOINT_DIR" if settings.checkpoint_dir else "DATA_DIR"
        raise StartupError(f"{PREFIX}{setting}: {error}") from error
    if settings.allow_pickle == "convert":
        try:
            check_available()
        except StartupError as error:
            raise StartupError(f"{PREFIX}ALLOW_PICKLE convert: {error}") from error


@asynccontextmanager
async def wire_checkpoints(
    settings: Settings,
    *,
    watch: CheckpointWatch,
    work: WorkWatch,
    resolving: BoundedExecutor,
    backend: Backend,
    prepared: PreparedTensors,
) -> AsyncIterator[Checkpoints]:
    """Build what checkpoints consist of, and end their threads and processes afterwards.

    Args:
        settings: Of the server.
        watch: Told what becomes of them.
        work: Told of what their threads do.
        resolving: Runs what keeps a processor busy.
        backend: Makes what is drawn in a fitted checkpoint.
        prepared: Keeps what is made whole.

    Raises:
        StartupError: If the directory cannot be written.
    """
    await asyncio.to_thread(check_checkpoints, settings)
    memory = await asyncio.to_thread(
        lambda: Memory(settings.checkpoint_directory, clock=time.time, observer=watch)
    )
    upstream = _upstream(settings, watch)
    blobs = await asyncio.to_thread(lambda: _blobs(settings, watch))
    converter = Converter(
        memory_bytes=settings.pickle_memory_bytes,
        timeout_seconds=settings.pickle_timeout_seconds,
        file_bytes=settings.limit_checkpoint_bytes,
        log=watch.converted,
    )
    executors = _Executors.of(settings, work)
    hub = _hub(settings, upstream, memory, watch)
    watch.when_corrupt(hub.distrust)
    base = Foundations(
        hub=hub,
        blobs=blobs,
        converter=converter,
        backend=backend,
        prepared=prepared,
        asking=executors.asking,
        recalling=executors.recalling,
        disk=executors.disk,
        converting=executors.converting,
        resolving=resolving,
    )
    checkpoints = assemble(base, _options(settings))
    try:
        yield checkpoints
    finally:
        await checkpoints.prefetching.close()
        await checkpoints.opening.close()
        # What waits for the network or a process ends first, or its threads would not.
        await asyncio.to_thread(upstream.close)
        await asyncio.to_thread(converter.close)
        await asyncio.to_thread(blobs.close)
        await asyncio.to_thread(executors.close)
        await asyncio.to_thread(memory.close)


@dataclass(frozen=True, slots=True)
class _Executors:
    """Threads for what blocks, apart by what it waits for."""

    asking: BoundedExecutor
    recalling: BoundedExecutor
    disk: BoundedExecutor
    converting: BoundedExecutor

    @classmethod
    def of(cls, settings: Settings, work: WorkWatch) -> "_Executors":
        return cls(
            asking=BoundedExecutor(
                "questions to the Hub",
                threads=_ASKING_THREADS,
                limit=settings.limit_hub_calls,
                observer=work.of(HUB),
            ),
            recalling=BoundedExecutor(
                "looks at what the Hub said",
                threads=_RECALLING_THREADS,
                limit=settings.limit_hub_calls,
                observer=work.of(HUB_MEMORY),
            ),
            disk=BoundedExecutor(
                "calls of the disk",
                threads=_DISK_THREADS,
                limit=settings.limit_hub_calls,
                observer=work.of(DISK),
            ),
            converting=BoundedExecutor(
                "conversions",
                threads=_CONVERSIONS,
                limit=_WAITING_CONVERSIONS,
                observer=work.of(CONVERSION),
            ),
        )

    def close(self) -> None:
        for executor in (self.asking, self.recalling, self.disk, self.converting):
            executor.close()


def _options(settings: Settings) -> CheckpointOptions:
    return CheckpointOptions(
        records=settings.checkpoint_directory / "converted",
        pickles=settings.allow_pickle,
        file_bytes=settings.limit_checkpoint_bytes,
        limits=settings.limits(),
        cached_tensors=settings.cache_tensors // 2,
        prefetches=_MOST_PREFETCHES,
        prefetches_at_once=max(1, settings.limit_fetches // 2),
    )


def _upstream(settings: Settings, watch: CheckpointWatch) -> Upstream:
    return Upstream(
        settings.hub_endpoint,
        hosts=Hosts.parse(settings.hub_redirect_hosts, endpoint=settings.hub_endpoint),
        timeouts=Timeouts(
            connect_seconds=settings.hub_timeout_seconds,
            read_seconds=settings.hub_timeout_seconds,
            answer_seconds=2 * settings.hub_timeout_seconds,
        ),
        transfers=settings.limit_fetches + _ASKING_THREADS,
        observer=watch,
    )


def _hub(settings: Settings, upstream: Upstream, memory: Memory, watch: CheckpointWatch) -> Hub:
    return Hub(
        upstream=upstream,
        memory=memory,
        clock=time.time,
        policy=Policy(
            allowed=AllowList.parse(settings.hub_repositories),
            licences=LicencePolicy.parse(settings.hub_licences),
        ),
        times=MemoryTimes(
            revision_seconds=settings.hub_revision_seconds,
            rights_seconds=settings.hub_rights_seconds,
            grace_seconds=settings.hub_grace_seconds,
        ),
        token=settings.hub_token.get_secret_value() or None,
        is_offline=settings.hub_offline,
        observer=watch,
    )


def _blobs(settings: Settings, watch: CheckpointWatch) -> BlobStore:
    return BlobStore(
        settings.checkpoint_directory,
        quota_bytes=settings.checkpoint_cache_bytes,
        fetches=settings.limit_fetches,
        patience=Patience(stalled_seconds=settings.hub_patience_timeout_seconds),
        observer=watch,
    )
