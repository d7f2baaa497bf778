"""A GPU's worker, on Triton's interpreter: all of it but the GPU."""

import importlib.util

import pytest

from services.devices.process import ProcessDevice
from services.engine import BufferPool, Work
from services.engine.device import DeviceLostError
from tests.specs import file_of, parameter
from weightbank import CpuBackend

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed"
)
BUFFER_BYTES = 2**16


def device_for(pool: BufferPool, argument: str) -> ProcessDevice:
    """A worker of a kind that is not started yet."""
    target = "services.devices.cuda_maker:CudaMaker"
    return ProcessDevice("cuda:0", target=target, argument=argument, pool=pool, late_seconds=None)


def test_its_bytes_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """In each kind of distribution and from either lane; constants, too."""
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    pool = BufferPool(buffer_bytes=BUFFER_BYTES, buffers=2, is_shared=True)
    file = file_of(
        parameter([3001], {"type": "normal", "std": 0.02}, "normal"),
        parameter([2002], {"type": "uniform", "a": -1, "b": 2}, "uniform"),
        parameter([1003], {"type": "trunc_normal", "a": -1, "b": 2}, "truncated"),
        parameter([11], "ones", "ones"),
        seed=1,
        dtype="bfloat16",
        backend=CpuBackend(),
    )
    device = device_for(pool, "cpu")
    device.start()
    try:
        for lane in range(device.lanes):
            start, stop = len(file.header) + lane * 4, file.size_bytes - lane
            lease = pool.lend(lambda: None)
            device.make(Work(file, start, stop), lease, lane=lane)
            assert bytes(lease.view[: stop - start]) == bytes(file.read(start, stop))
            del lease
    finally:
        device.close()
    pool.close()


def test_a_gpu_that_is_not_there_is_a_device_that_cannot_be_started() -> None:
    """It says why."""
    pool = BufferPool(buffer_bytes=BUFFER_BYTES, buffers=1, is_shared=True)
    device = device_for(pool, "cuda:99")
    with pytest.raises(DeviceLostError, match="cuda:0: ValueError: device 'cuda:99' is not there"):
        device.start()
    device.close()
    pool.close()
