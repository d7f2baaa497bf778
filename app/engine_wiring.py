"""An engine of the devices that the settings name."""

import asyncio
from collections.abc import Callable

from app.engine_watch import EngineWatch
from app.settings import PREFIX, Settings
from services.devices.fleet import (
    Fleet,
    FleetOptions,
    check_devices,
    choose_devices,
    chunk_bytes_for,
    make_fleet,
    window_chunks_for,
)
from services.devices.names import DeviceName, parse_devices
from services.devices.ray_options import RayOptions, is_cluster_address
from services.engine import Engine, EngineOptions
from services.errors import StartupError


def check_engine(settings: Settings) -> None:
    """See that the devices which the settings name can be had, before anything starts.

    Raises:
        StartupError: If not, in one line.
    """
    names = _names(settings)
    if names is not None:
        ray = _ray(settings, names)
        try:
            check_devices(names, ray)
        except StartupError as error:
            raise StartupError(f"{PREFIX}DEVICES: {error}") from error


async def open_engine(
    settings: Settings, *, warm_up: Callable[[], None], watch: EngineWatch
) -> Engine:
    """Return an engine that is still to be started.

    Args:
        settings: Of the server.
        warm_up: Of the kernels of this process.
        watch: Told what it does.

    Raises:
        StartupError: As ``check_engine``.
    """
    fleet, options = await asyncio.to_thread(_fleet, settings, warm_up)
    engine = Engine(options, fleet.pool, fleet.devices, reserve=fleet.reserve, observer=watch)
    watch.watch(engine)
    return engine


def _fleet(settings: Settings, warm_up: Callable[[], None]) -> tuple[Fleet, EngineOptions]:
    names = _names(settings) or choose_devices()
    ray = _ray(settings, names)
    options = EngineOptions(
        chunk_bytes=int(settings.chunk_bytes) or chunk_bytes_for(names),
        window_chunks=settings.window_chunks
        or window_chunks_for(names, threads=settings.threads, actors=settings.ray_actors),
        streams=settings.limit_streams,
        small_reads=settings.limit_small_reads,
        small_read_threads=settings.threads,
        timeout_seconds=settings.device_timeout_seconds,
    )
    fleet = FleetOptions(
        names=names,
        threads=settings.threads,
        race_timeout_seconds=settings.race_timeout_seconds,
        ray=ray,
    )
    return make_fleet(fleet, options, warm_up=warm_up), options


def _names(settings: Settings) -> tuple[DeviceName, ...] | None:
    """Return the devices that are named; None if it is left to us which processors."""
    names = parse_devices(settings.devices)
    if names is None and settings.ray_address:
        return (DeviceName("ray"),)
    return names


def _ray(settings: Settings, names: tuple[DeviceName, ...]) -> RayOptions | None:
    if all(name.kind != "ray" for name in names):
        return None
    if not is_cluster_address(settings.ray_address):
        raise StartupError(
            f"{PREFIX}RAY_ADDRESS {settings.ray_address!r} cannot be used, and {PREFIX}DEVICES "
            "needs it for ray; accepted: HOST:PORT of the cluster's head node, or auto for the "
            "node on this machine"
        )
    return RayOptions(
        address=settings.ray_address,
        actors=settings.ray_actors,
        actor_cpus=settings.ray_actor_cpus,
        actor_gpus=settings.ray_actor_gpus,
    )
