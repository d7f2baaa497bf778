"""An engine of the devices that the settings name."""

import asyncio
from collections.abc import Callable

from app.engine_watch import EngineWatch
from app.settings import PREFIX, Settings
from services.devices.fleet import (
    Fleet,
    FleetOptions,
    choose_devices,
    chunk_bytes_for,
    make_fleet,
    window_chunks_for,
)
from services.devices.names import parse_devices
from services.engine import Engine, EngineOptions
from services.errors import StartupError


async def open_engine(
    settings: Settings, *, warm_up: Callable[[], None], watch: EngineWatch
) -> Engine:
    """Return an engine that is still to be started.

    Args:
        settings: Of the server.
        warm_up: Of the kernels of this process.
        watch: Told what it does.

    Raises:
        StartupError: If a device cannot be had.
    """
    fleet, options = await asyncio.to_thread(_fleet, settings, warm_up)
    engine = Engine(options, fleet.pool, fleet.devices, reserve=fleet.reserve, observer=watch)
    watch.watch(engine)
    return engine


def _fleet(settings: Settings, warm_up: Callable[[], None]) -> tuple[Fleet, EngineOptions]:
    names = parse_devices(settings.devices)
    if names is None:
        names = choose_devices(has_ray=bool(settings.ray_address))
    options = EngineOptions(
        chunk_bytes=int(settings.chunk_bytes) or chunk_bytes_for(names),
        window_chunks=settings.window_chunks or window_chunks_for(names, threads=settings.threads),
        streams=settings.limit_streams,
        small_reads=settings.limit_small_reads,
        small_read_threads=settings.threads,
        timeout_seconds=settings.device_timeout_seconds,
    )
    fleet = FleetOptions(
        names=names,
        threads=settings.threads,
        race_timeout_seconds=settings.race_timeout_seconds,
    )
    try:
        return make_fleet(fleet, options, warm_up=warm_up), options
    except StartupError as error:
        raise StartupError(f"{PREFIX}DEVICES: {error}") from error
