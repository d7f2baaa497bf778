"""From buffers of a device to memory of the host, while the next buffer is filled.

Theory of operation: a thread has two buffers on the device, and two streams. Blocks
are made on one stream, in turn into either buffer, and copied on the other. Two
events a buffer order them: a block is copied once it is made, and a buffer is
written again once its last block is copied. A block is launched before the one
ahead of it is copied, because a copy to memory that is not pinned holds the thread.

Blocks begin at a multiple of four elements, where a block of random words begins:
what comes before the first element is made too, and not copied.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from weightbank.numbers.philox import WORDS_PER_BLOCK

if TYPE_CHECKING:
    import torch

BLOCK_BYTES = 2**23
"""Bytes of the output that are made into a buffer at a time."""

_LONGEST_ITEM_BYTES = 8


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive elements, made together.

    Attributes:
        start: First element that is made, a multiple of four.
        skipped: Elements that are made first and not wanted.
        stop: One beyond the last element.
    """

    start: int
    skipped: int
    stop: int

    @property
    def elements(self) -> int:
        """How many are made."""
        return self.stop - self.start

    @property
    def wanted(self) -> int:
        """First element that is wanted."""
        return self.start + self.skipped


Make = Callable[[int, "torch.Tensor"], None]
"""Makes elements from the first one on, into bytes on the device, asynchronously."""


class Staging(Protocol):
    """One thread's way out of a device."""

    def copy_out(self, start: int, item_bytes: int, make: Make, host: "torch.Tensor") -> None:
        """Make consecutive elements and bring all of them to the host.

        Args:
            start: First element.
            item_bytes: Of one element.
            make: Makes a block.
            host: uint8 on the host, for whole elements.
        """


def cut(start: int, stop: int, *, block_elements: int) -> Iterator[Block]:
    """Cut elements into blocks.

    Args:
        start: First element.
        stop: One beyond the last.
        block_elements: Of each block but the first and the last, a multiple of four.

    Examples:
        >>> [(block.start, block.skipped, block.stop) for block in cut(6, 25, block_elements=8)]
        [(4, 2, 12), (12, 0, 20), (20, 0, 25)]
    """
    skipped = start % WORDS_PER_BLOCK
    for at in range(start - skipped, max(start, stop), block_elements):
        yield Block(at, skipped, min(at + block_elements, stop))
        skipped = 0


class HostStaging:
    """For a device that is the host: Triton's interpreter."""

    def __init__(self, torch: Any, block_bytes: int = BLOCK_BYTES) -> None:
        self._buffer = torch.empty(block_bytes, dtype=torch.uint8)

    def copy_out(self, start: int, item_bytes: int, make: Make, host: "torch.Tensor") -> None:
        """See ``Staging.copy_out``."""
        stop = start + host.numel() // item_bytes
        for block in cut(start, stop, block_elements=self._buffer.numel() // item_bytes):
            buffer = self._buffer[: block.elements * item_bytes]
            make(block.start, buffer)
            _target(host, block, start, item_bytes).copy_(buffer[block.skipped * item_bytes :])


@dataclass(frozen=True, slots=True)
class _Buffer:
    """A buffer on the device.

    Attributes:
        memory: Its bytes.
        made: Event after the block in it is made.
        copied: Event after the block in it is copied.
    """

    memory: "torch.Tensor"
    made: "torch.cuda.Event"
    copied: "torch.cuda.Event"


class CudaStaging:
    """For a GPU.

    Args:
        torch: The module; importing it takes seconds, so it is not imported here.
        device: The GPU.
        block_bytes: Bytes of a block, a multiple of 32.
    """

    def __init__(
        self, torch: Any, device: "torch.device | str", block_bytes: int = BLOCK_BYTES
    ) -> None:
        assert block_bytes % (WORDS_PER_BLOCK * _LONGEST_ITEM_BYTES) == 0
        self._cuda = torch.cuda
        self._block_bytes = block_bytes
        self._making = torch.cuda.Stream(device)
        self._copying = torch.cuda.Stream(device)
        self._buffers = [
            _Buffer(
                torch.empty(block_bytes, dtype=torch.uint8, device=device),
                torch.cuda.Event(),
                torch.cuda.Event(),
            )
            for _ in range(2)
        ]
        # The memory may have been let go of by work that is still under way there.
        self._making.wait_stream(torch.cuda.current_stream(device))

    def copy_out(self, start: int, item_bytes: int, make: Make, host: "torch.Tensor") -> None:
        """See ``Staging.copy_out``."""
        stop = start + host.numel() // item_bytes
        blocks = cut(start, stop, block_elements=self._block_bytes // item_bytes)
        ahead: Callable[[], None] | None = None
        try:
            for number, block in enumerate(blocks):
                buffer = self._buffers[number % 2]
                memory = buffer.memory[: block.elements * item_bytes]
                self._make(buffer, memory, block, make)
                if ahead is not None:
                    ahead()
                source = memory[block.skipped * item_bytes :]
                target = _target(host, block, start, item_bytes)
                ahead = self._copy_later(buffer, source, target)
            if ahead is not None:
                ahead()
        finally:
            # Nothing may write to the host's memory after this returns, however it does.
            self._making.synchronize()
            self._copying.synchronize()

    def _make(self, buffer: _Buffer, memory: "torch.Tensor", block: Block, make: Make) -> None:
        with self._cuda.stream(self._making):
            self._making.wait_event(buffer.copied)
            make(block.start, memory)
            buffer.made.record(self._making)

    def _copy_later(
        self, buffer: _Buffer, source: "torch.Tensor", target: "torch.Tensor"
    ) -> Callable[[], None]:
        def copy() -> None:
            with self._cuda.stream(self._copying):
                self._copying.wait_event(buffer.made)
                target.copy_(source, non_blocking=True)
                buffer.copied.record(self._copying)

        return copy


def _target(host: "torch.Tensor", block: Block, start: int, item_bytes: int) -> "torch.Tensor":
    """Return where on the host a block goes."""
    return host[(block.wanted - start) * item_bytes : (block.stop - start) * item_bytes]
