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
from services.devices.ray_options import RayOptions
from services.engine import Engine, EngineOptions
from services.engine.state import HANDED_OVER_CHUNKS
from services.errors import StartupError


def check_engine(settings: Settings) -> None:
    """See that the engine of the settings can be had, before anything starts.

    Raises:
        StartupError: If not, in one line.
    """
    names = _names(settings) or (DeviceName("cpu"),)
    fleet, _ = _fleet(settings, names, lambda: None)
    fleet.pool.close()


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
    named = _names(settings)
    if named is None:
        names, reason = await asyncio.to_thread(choose_devices)
        watch.chose([str(name) for name in names], reason)
    else:
        names = named
    fleet, options = _fleet(settings, names, warm_up)
    engine = Engine(options, fleet.pool, fleet.devices, reserve=fleet.reserve, observer=watch)
    watch.watch(engine)
    return engine


def _fleet(
    settings: Settings, names: tuple[DeviceName, ...], warm_up: Callable[[], None]
) -> tuple[Fleet, EngineOptions]:
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
    fleet_options = FleetOptions(
        names=names,
        threads=settings.threads,
        race_timeout_seconds=settings.race_timeout_seconds,
        ray=ray,
    )
    try:
        check_devices(names, ray)
        return make_fleet(fleet_options, options, warm_up=warm_up), options
    except StartupError as error:
        raise StartupError(f"{PREFIX}DEVICES: {error}") from error
    except (OSError, OverflowError) as error:
        raise StartupError(
            f"{PREFIX}LIMIT_STREAMS {options.streams} times {PREFIX}WINDOW_CHUNKS + 2, "
            f"{options.window_chunks + HANDED_OVER_CHUNKS}, times {PREFIX}CHUNK_BYTES "
            f"{options.chunk_bytes} cannot be had as memory: {error}"
        ) from error


def _names(settings: Settings) -> tuple[DeviceName, ...] | None:
    """Return the devices that are named; None if it is left to us which processors."""
    names = parse_devices(settings.devices)
    if names is None and settings.ray_address:
        return (DeviceName("ray"),)
    return names


def _ray(settings: Settings, names: tuple[DeviceName, ...]) -> RayOptions | None:
    if all(name.kind != "ray" for name in names):
        return None
    if not settings.ray_address:
        raise StartupError(
            f"{PREFIX}RAY_ADDRESS is missing, and {PREFIX}DEVICES needs it for ray; accepted: "
            "HOST:PORT of the cluster's head node, or auto for the node on this machine"
        )
    return RayOptions(
        address=settings.ray_address,
        actors=settings.ray_actors,
        actor_cpus=settings.ray_actor_cpus,
        actor_gpus=settings.ray_actor_gpus,
    )
