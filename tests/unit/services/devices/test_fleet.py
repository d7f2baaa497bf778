"""From settings to devices."""

import pytest

from services.devices.fleet import (
    CPU_CHUNK_BYTES,
    GPU_CHUNK_BYTES,
    RAY_CHUNK_BYTES,
    FleetOptions,
    check_devices,
    choose_devices,
    chunk_bytes_for,
    make_fleet,
)
from services.devices.names import DeviceName, parse_devices
from services.engine import EngineOptions
from services.errors import StartupError


def names(text: str) -> tuple[DeviceName, ...]:
    """Devices as a setting names them."""
    parsed = parse_devices(text)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("text", "kinds", "reserve"),
    [
        ("cpu", ["cpu"], None),
        ("process:0,process:3", ["process:0", "process:3"], "cpu"),
        ("cuda:1", ["cuda:1"], "cpu"),
        ("cpu,cuda:0", ["cpu", "cuda:0"], None),
    ],
)
def test_this_process_is_a_device_or_the_reserve(
    text: str, kinds: list[str], reserve: str | None
) -> None:
    """With memory that workers can map, where there are any."""
    fleet = make_fleet(
        FleetOptions(names=names(text), threads=3, race_timeout_seconds=0.5),
        EngineOptions(chunk_bytes=2**19, streams=2),
        warm_up=lambda: None,
    )
    assert [device.name for device in fleet.devices] == kinds
    assert (fleet.reserve and fleet.reserve.name) == reserve
    workers = [device for device in fleet.devices if not device.is_local]
    assert (fleet.pool.descriptor is not None) == bool(workers)
    assert all(device.late_seconds == 0.5 for device in workers)
    lanes = 3 + sum(device.lanes for device in workers)
    assert fleet.pool.buffers == 2 * (2 + 2) + lanes
    fleet.pool.close()


def test_chunks_are_as_large_as_the_farthest_device_wants() -> None:
    """Threads make any size; what comes from afar costs more a piece."""
    assert chunk_bytes_for(names("cpu,process:0")) == CPU_CHUNK_BYTES
    assert chunk_bytes_for(names("cpu,cuda:0")) == GPU_CHUNK_BYTES
    assert chunk_bytes_for(names("cuda:0,ray")) == RAY_CHUNK_BYTES


def test_what_is_chosen_is_there_or_said_to_be_missing() -> None:
    """GPUs, or the processor and why."""
    chosen, reason = choose_devices()
    assert all(name.kind == "cuda" for name in chosen) == (reason == "")
    assert chosen
    check_devices(chosen, None)


def test_a_gpu_needs_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to get them."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(StartupError, match=r"device cuda:0 needs torch; .*\[server,gpu\]"):
        check_devices(names("cuda:0"), None)
    check_devices(names("cpu,process:0"), None)
