"""From settings to devices, with the memory that they share."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.devices.names import DeviceName
from services.devices.process import ProcessDevice
from services.devices.ray import LANES as ACTOR_LANES
from services.devices.ray import make_ray_devices
from services.devices.ray_options import RayOptions
from services.devices.threads import ThreadDevice
from services.engine import BufferPool, Device, EngineOptions
from services.errors import StartupError

CPU_CHUNK_BYTES = 2**22
GPU_CHUNK_BYTES = 2**24
RAY_CHUNK_BYTES = 2**25
"""What suits a device: larger pieces where each costs more to fetch."""

_WORKER_LANES = 2
_FEWEST_AHEAD, _MOST_AHEAD = 2, 8
_CPU_MAKER = "services.devices.makers:CpuMaker"
_CUDA_MAKER = "services.devices.cuda_maker:CudaMaker"
_RAY_PATIENCE = 4
"""How many times as late a chunk from a Ray cluster may be."""

_GPU_MODULES = ("torch", "triton")
_INSTALL = "install it with: pip install -c constraints.txt -e '.[server,{extra}]'"
_COUNT_SECONDS = 120
_COUNT = "import torch; print(torch.cuda.device_count())"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """Which devices, and how they work.

    Attributes:
        names: Of the devices; never empty.
        threads: Lanes of this process.
        race_timeout_seconds: After which a worker's chunk is made elsewhere too.
        ray: The cluster that ``ray`` among the names stands for.
    """

    names: tuple[DeviceName, ...]
    threads: int
    race_timeout_seconds: float
    ray: RayOptions | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """All devices of a server.

    Attributes:
        pool: Where their chunks go.
        devices: That make them.
        reserve: For what those cannot make; None where this process is one of them.
    """

    pool: BufferPool
    devices: Sequence[Device]
    reserve: Device | None


def choose_devices() -> tuple[tuple[DeviceName, ...], str]:
    """Return the best devices of this machine, and why there are no GPUs among them.

    A process of its own looks for GPUs: that takes memory on them, and seconds.
    """
    processor = (DeviceName("cpu"),)
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return processor, "there is no GPU"
    missing = _missing_gpu_modules()
    if missing:
        return processor, f"{missing[0]} is not installed"
    try:
        asked = subprocess.run(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", _COUNT],
            capture_output=True,
            check=True,
            timeout=_COUNT_SECONDS,
            text=True,
        )
        gpus = tuple(DeviceName("cuda", index) for index in range(int(asked.stdout)))
    except (subprocess.SubprocessError, ValueError) as error:
        return processor, f"torch did not say how many GPUs there are: {error}"
    return (gpus, "") if gpus else (processor, "torch sees no GPU")


def _missing_gpu_modules() -> list[str]:
    return [module for module in _GPU_MODULES if importlib.util.find_spec(module) is None]


def chunk_bytes_for(names: Sequence[DeviceName]) -> int:
    """Return the size of chunks that suits some devices.

    Examples:
        >>> chunk_bytes_for([DeviceName("cpu")])
        4194304
    """
    kinds = {name.kind for name in names}
    if "ray" in kinds:
        return RAY_CHUNK_BYTES
    return GPU_CHUNK_BYTES if "cuda" in kinds else CPU_CHUNK_BYTES


def window_chunks_for(names: Sequence[DeviceName], *, threads: int, actors: int = 0) -> int:
    """Return how many chunks of one stream are made ahead: it should busy all devices.

    Args:
        names: Of the devices.
        threads: Of this process.
        actors: On a Ray cluster.

    Examples:
        >>> window_chunks_for([DeviceName("cpu")], threads=4)
        4
        >>> window_chunks_for([DeviceName("cuda", 0)], threads=64)
        2
        >>> window_chunks_for([DeviceName("ray")], threads=64, actors=3)
        6
    """
    lanes = {"cpu": threads, "ray": ACTOR_LANES * actors}
    ahead = sum(lanes.get(name.kind, _WORKER_LANES) for name in names)
    return min(max(ahead, _FEWEST_AHEAD), _MOST_AHEAD)


def check_devices(names: Sequence[DeviceName], ray: RayOptions | None) -> None:
    """See that what devices need is installed.

    Raises:
        StartupError: If it is not, in one line.
    """
    cuda = next((name for name in names if name.kind == "cuda"), None)
    missing = _missing_gpu_modules()
    if cuda is not None and missing:
        raise StartupError(f"device {cuda} needs {missing[0]}; {_INSTALL.format(extra='gpu')}")
    if ray is not None and importlib.util.find_spec("ray") is None:
        raise StartupError(f"device ray needs ray; {_INSTALL.format(extra='ray')}")


def make_fleet(fleet: FleetOptions, engine: EngineOptions, *, warm_up: Callable[[], None]) -> Fleet:
    """Return the devices of a server; nothing is started.

    Args:
        fleet: Which.
        engine: Its bounds.
        warm_up: Of the kernels of this process.
    """
    local = ThreadDevice("cpu", lanes=fleet.threads, warm_up=warm_up)
    workers = [name for name in fleet.names if name.kind in ("cuda", "process")]
    actors = 0 if fleet.ray is None else fleet.ray.actors
    lanes = fleet.threads + _WORKER_LANES * len(workers) + ACTOR_LANES * actors
    pool = engine.pool(lanes=lanes, is_shared=bool(workers or actors))
    devices: list[Device] = [_worker(name, fleet, pool) for name in workers]
    if fleet.ray is not None:
        late_seconds = _RAY_PATIENCE * fleet.race_timeout_seconds
        devices.extend(make_ray_devices(fleet.ray, pool, late_seconds=late_seconds))
    if any(name.kind == "cpu" for name in fleet.names):
        return Fleet(pool, [local, *devices], None)
    return Fleet(pool, devices, local)


def _worker(name: DeviceName, fleet: FleetOptions, pool: BufferPool) -> ProcessDevice:
    return ProcessDevice(
        str(name),
        target=_CUDA_MAKER if name.kind == "cuda" else _CPU_MAKER,
        argument=str(name),
        pool=pool,
        lanes=_WORKER_LANES,
        late_seconds=fleet.race_timeout_seconds,
    )
