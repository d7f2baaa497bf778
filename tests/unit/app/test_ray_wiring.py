"""From the settings of a Ray cluster to devices; nothing is connected."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from app.engine_watch import EngineWatch
from app.engine_wiring import open_engine
from app.settings import Settings
from services.engine import Engine
from services.errors import StartupError
from tests.ray_cluster import skip_without_ray


def engine_of(**settings: Any) -> Engine:
    """An engine of some settings, which is not started."""

    async def main() -> Engine:
        watch = EngineWatch(CollectorRegistry(), logger=None)
        return await open_engine(Settings(**settings), warm_up=lambda: None, watch=watch)

    return asyncio.run(main())


@pytest.mark.parametrize("devices", ["ray", "auto"])
def test_each_actor_is_a_device(devices: str) -> None:
    """Beside a reserve, with chunks of a size and a patience that suit a network."""
    skip_without_ray()
    engine = engine_of(
        devices=devices, ray_address="head:6379", ray_actors=3, race_timeout_seconds=0.5, threads=2
    )
    assert [state.device.name for state in engine.devices] == ["ray:0", "ray:1", "ray:2", "cpu"]
    assert [state.is_reserve for state in engine.devices] == [False, False, False, True]
    assert [state.device.late_seconds for state in engine.devices] == [2.0, 2.0, 2.0, None]
    assert engine.options.chunk_bytes == 2**25
    assert engine.pool.descriptor is not None, "the bridge has to share its memory"
    engine.pool.close()


def test_actors_can_work_beside_other_devices() -> None:
    """All in one pool; the threads are no reserve then."""
    skip_without_ray()
    engine = engine_of(devices="cpu,ray,process:0", ray_address="auto", ray_actors=1, threads=1)
    assert {state.device.name for state in engine.devices} == {"cpu", "ray:0", "process:0"}
    assert not any(state.is_reserve for state in engine.devices)
    engine.pool.close()


def test_ray_needs_an_address() -> None:
    """The message names the setting."""
    with pytest.raises(StartupError, match=r"WEIGHTBANK_RAY_ADDRESS is missing.*accepted: HOST"):
        engine_of(devices="ray")


@pytest.mark.parametrize("address", ["head", "ray://head:10001", "http://head:8265"])
def test_an_address_is_that_of_a_cluster(address: str) -> None:
    """Whatever the devices are."""
    with pytest.raises(ValidationError, match="HOST:PORT"):
        Settings(ray_address=address)
