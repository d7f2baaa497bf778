"""Supervisors: devices are brought up, looked after, and started again with patience."""

import asyncio
import threading
import time

import pytest

from services.engine import DeviceLostError, Engine, Lease, Work
from tests.engines import Numbers, Witness, eventually, run


class Fragile:
    """A device that dies when it is told to."""

    name = "fragile"
    lanes = 3
    is_local = False
    late_seconds: float | None = None

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.is_alive = False
        self.dies_at_work = False

    def start(self) -> None:
        """Live."""
        self.starts.append(time.monotonic())
        self.is_alive = True

    def make(self, work: Work, lease: Lease, *, lane: int) -> None:
        """Work, or die under all lanes at once."""
        del lane
        if self.dies_at_work:
            self.is_alive = False
            raise DeviceLostError("fragile: died at work")
        lease.view[: work.size_bytes] = Numbers.content(work.start, work.stop)

    def interrupt(self) -> None:
        """Nothing hangs."""

    def close(self) -> None:
        """End."""


def test_a_device_that_ends_while_it_is_idle_is_noticed() -> None:
    """And started again, before anybody sends work there."""
    device, witness = Fragile(), Witness()

    async def work(engine: Engine) -> None:
        await eventually(lambda: not engine.missing_devices())
        device.is_alive = False
        await eventually(lambda: len(device.starts) == 2)
        await eventually(lambda: not engine.missing_devices())
        assert witness.losses == ["fragile: has ended"]

    run(work, devices=[device], observer=witness)


def test_a_device_that_dies_of_its_first_work_is_started_again() -> None:
    """As often as it takes; chunks that it dies of end their streams meanwhile."""
    device, witness = Fragile(), Witness()
    device.dies_at_work = True

    async def work(engine: Engine) -> None:
        for _ in range(2):
            stream = engine.open(Numbers(), [(0, 100)])
            with pytest.raises(Exception, match="3 attempts"):
                await stream.next_chunk()
            stream.close()
        await eventually(lambda: len(device.starts) >= 5)
        device.dies_at_work = False
        stream = engine.open(Numbers(), [(0, 100)])
        assert await stream.next_chunk() is not None
        stream.close()

    run(work, devices=[device], observer=witness)
    assert len(witness.losses) == len(device.starts) - 1


def test_an_engine_that_ends_while_devices_start_waits_for_none() -> None:
    """A start that is interrupted is no loss."""
    witness = Witness()
    begun, release = threading.Event(), threading.Event()

    class Slow(Fragile):
        def start(self) -> None:
            begun.set()
            assert release.wait(30)
            raise DeviceLostError("slow: was killed")

        def interrupt(self) -> None:
            release.set()

    async def work(engine: Engine) -> None:
        assert await asyncio.to_thread(begun.wait, 30)
        assert engine.missing_devices() == ["fragile"]

    run(work, devices=[Slow()], observer=witness)
    assert witness.losses == []
