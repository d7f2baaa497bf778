"""Staging on a fake GPU, whose streams go on by chance."""

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fake_cuda import FakeGpu, FakeTensor
from weightbank.backends.staging import CudaStaging, cut

BLOCK_BYTES = 64
ITEM_BYTES = 4


def elements(start: int, count: int) -> bytes:
    """Return elements that are their own numbers."""
    return np.arange(start, start + count, dtype=np.uint32).tobytes()


def staged(gpu: FakeGpu, start: int, count: int, *, pinned: bool = True) -> bytes:
    """Return what staging brings to the host."""
    fake: Any = gpu
    staging = CudaStaging(fake, "cuda:0", BLOCK_BYTES)

    def make(first: int, memory: Any) -> None:
        made = np.frombuffer(elements(first, memory.numel() // ITEM_BYTES), np.uint8)
        half = made.size // 2
        for part in (slice(half), slice(half, None)):
            gpu.do(lambda part=part: np.copyto(memory.memory[part], made[part]))

    host: Any = FakeTensor(gpu, np.zeros(count * ITEM_BYTES, np.uint8), pinned=pinned)
    # Twice, as buffers are used again: what the first call left must not disturb.
    staging.copy_out(start + 1000, ITEM_BYTES, make, host)
    staging.copy_out(start, ITEM_BYTES, make, host)
    returned: bytes = host.memory.tobytes()
    assert not any(stream.work for stream in gpu.streams)
    return returned


@given(
    random=st.randoms(use_true_random=False),
    start=st.integers(0, 40),
    count=st.integers(1, 150),
    pinned=st.booleans(),
)
def test_blocks_arrive_whole(random: Random, start: int, count: int, *, pinned: bool) -> None:
    """Whatever the streams do first, each element is where it belongs on return."""
    assert staged(FakeGpu(random), start, count, pinned=pinned) == elements(start, count)


def test_the_fake_gpu_finds_what_is_not_ordered() -> None:
    """Were events not waited for, buffers would be overwritten, and copied too soon."""
    wrong = [
        staged(FakeGpu(Random(seed), honours_events=False), 0, 150) != elements(0, 150)  # noqa: S311
        for seed in range(20)
    ]
    assert any(wrong)


def test_a_failure_leaves_nothing_under_way() -> None:
    """When a launch fails, what is under way ends before the error is raised."""
    gpu: Any = FakeGpu(Random(0))  # noqa: S311 - chance, not secrecy
    staging = CudaStaging(gpu, "cuda:0", BLOCK_BYTES)

    def make(first: int, memory: Any) -> None:
        if first >= 48:
            raise RuntimeError("no such kernel")
        gpu.do(lambda: memory.memory.fill(1))

    host: Any = FakeTensor(gpu, np.zeros(400, np.uint8))
    with pytest.raises(RuntimeError, match="no such kernel"):
        staging.copy_out(0, ITEM_BYTES, make, host)
    assert not any(stream.work for stream in gpu.streams)


@given(start=st.integers(0, 2**66), count=st.integers(0, 100), blocks=st.integers(1, 5))
def test_blocks_are_all_elements_once(start: int, count: int, blocks: int) -> None:
    """Blocks begin at multiples of four, are no longer than asked for, and leave nothing out."""
    found = list(cut(start, start + count, block_elements=4 * blocks))
    wanted = [number for block in found for number in range(block.wanted, block.stop)]
    assert wanted == list(range(start, start + count))
    assert all(block.start % 4 == 0 and block.elements <= 4 * blocks for block in found)
