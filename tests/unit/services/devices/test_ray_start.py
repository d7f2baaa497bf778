"""Actors on a Ray cluster, before there are any: what cannot be had is told."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest

from services.devices.ray import RayDevice
from services.engine import BufferPool, DeviceLostError, Work
from tests.engines import CHUNK_BYTES
from tests.ray_cluster import ray_devices, skip_without_ray
from tests.specs import file_of, parameter
from weightbank import CpuBackend


def test_a_wrong_token_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line that says what is accepted, and keeps the token."""
    (device,) = unstarted(actors=1)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef")
    with pytest.raises(DeviceLostError) as caught:
        device.start()
    device.close()
    assert "InvalidAuthToken" in str(caught.value)
    assert "accepted: RAY_AUTH_MODE=token in the environment" in str(caught.value)
    assert "0123456789abcdef" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_devices_that_wait_for_one_bridge_share_its_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Instead of trying one after the other what has just failed."""
    devices = unstarted(actors=3)
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", os.devnull)
    reasons: list[str] = []

    def start(device: RayDevice) -> None:
        with pytest.raises(DeviceLostError) as caught:
            device.start()
        reasons.append(str(caught.value))

    threads = [threading.Thread(target=start, args=(device,)) for device in devices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for device in devices:
        device.close()
    assert len(reasons) == 3
    assert len(set(reasons)) == 1
    assert "RAY_AUTH_TOKEN_PATH is set but file cannot be opened or is empty" in reasons[0]


def test_a_device_that_never_started_is_lost() -> None:
    """It has no buffer to write to."""
    (device,) = unstarted(actors=1)
    file = file_of(parameter([8], {"type": "normal"}, "w"), seed=1, backend=CpuBackend())
    pool = BufferPool(buffer_bytes=CHUNK_BYTES, buffers=1, is_shared=True)
    start = len(file.header)
    with pytest.raises(DeviceLostError):
        device.make(Work(file, start, start + 8), pool.lend(lambda: None), lane=0)
    pool.close()


def test_an_actor_needs_nothing_of_a_server() -> None:
    """Its class travels by value, to where there is only the library."""
    skip_without_ray()
    make = (
        "import sys; from ray import cloudpickle; from services.devices import ray_actor; "
        "cloudpickle.register_pickle_by_value(ray_actor); "
        "sys.stdout.buffer.write(cloudpickle.dumps(ray_actor.WeightbankActor))"
    )
    use = (
        "import sys; from ray import cloudpickle; "
        "sys.modules.update(dict.fromkeys(['services', 'app', 'schemas'])); "
        "actor = cloudpickle.load(sys.stdin.buffer)(buffer_bytes=8, has_gpu=False); "
        "actor.warm_up(); print(actor.report()['algorithm'], actor.fill([], 0).size)"
    )
    pickled = run_python(make, b"")
    used = run_python(use, pickled)
    assert used.split() == [b"1", b"0"]


def run_python(code: str, given: bytes) -> bytes:
    """What code says, in an interpreter of its own."""
    ended = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code], input=given, check=True, capture_output=True
    )
    return ended.stdout


def unstarted(*, actors: int) -> Sequence[RayDevice]:
    """Devices of a pool that nobody else has."""
    pool = BufferPool(buffer_bytes=CHUNK_BYTES, buffers=1, is_shared=True)
    return ray_devices(pool, actors=actors)
