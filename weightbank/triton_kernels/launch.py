"""Starts the kernels: from a distribution and a tensor to launches.

Theory of operation: the second word of the counter is the same in a whole launch,
so a launch ends where the first word wraps, after 2**34 elements at most, and then
a new one begins. It also ends after 2**30 elements, so that places and counts are
i32. Every scalar crosses into a kernel as the i32 that has its bits: Triton types a
Python integer by its value, and would compile anew for each width.
"""

import importlib
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from weightbank.distributions import Drawn, Normal, Truncated, Uniform
from weightbank.dtypes import Dtype
from weightbank.numbers.philox import WORDS_PER_BLOCK
from weightbank.numbers.streams import Stream
from weightbank.triton_kernels import fill as kernels
from weightbank.triton_kernels.compile import INTERPRETED, OPTIONS
from weightbank.triton_kernels.normal import tail_table

if TYPE_CHECKING:
    import torch

TILE_BLOCKS = 2**13 if INTERPRETED else 2**8
"""Blocks of words that one program makes. To interpret one costs much, of any size."""

LAUNCH_BLOCKS = 2**28
"""Most blocks of words of one launch."""

STORE_BYTES = 16
"""The widest store there is; an aligned tensor's address is a multiple of it."""

NORMAL, UNIFORM, TRUNCATED = 0, 1, 2
"""Kinds of distribution, as ``fill`` has them."""

_WORD_VALUES = 2**32
_LARGEST_I32 = 2**31 - 1

# Two threads that launch a kernel for the first time would both compile it, and
# Triton's interpreter works on global state. A launch takes some microseconds.
_launching = threading.Lock()


class Launcher:
    """Starts kernels on one device.

    Launches are asynchronous, on the current stream of the device. It may be called
    from several threads at once, each with a current stream of its own.

    Args:
        device: Where the tensors are.
        tile_blocks: Blocks of words that one program makes, a power of two.
    """

    def __init__(self, device: "torch.device", *, tile_blocks: int = TILE_BLOCKS) -> None:
        self._torch: Any = importlib.import_module("torch")
        self._device = device
        self._tile_blocks = tile_blocks
        self._tail = self._torch.from_numpy(tail_table()).to(device)
        if device.type == "cuda":
            # Any stream may read it, without waiting for this one.
            self._torch.cuda.synchronize(device)

    def fill(self, values: Drawn, dtype: Dtype, start: int, out: "torch.Tensor") -> None:
        """Write elements ``start`` to ``start + out.numel()`` of a distribution.

        Args:
            values: What to draw.
            dtype: A floating dtype.
            start: First element, counted over the whole tensor.
            out: Of ``dtype``, contiguous, on the device, shape (n,).
        """
        assert out.dtype is self.dtype(dtype)
        elements = out.view(self._torch.int16) if out.dtype is self._torch.bfloat16 else out
        kind, scalars = value_scalars(values)
        for part, position in launch_parts(values.stream, start, elements):
            arguments = (part, self._tail, *position, *scalars, kind)
            self._launch(kernels.fill, part, position, arguments)

    def fill_words(self, stream: Stream, start: int, out: "torch.Tensor") -> None:
        """Write the random words of elements ``start`` to ``start + out.numel()``.

        Args:
            stream: Of one tensor.
            start: First element, counted over the whole tensor.
            out: int32, for the bits, contiguous, on the device, shape (n,).
        """
        assert out.dtype is self._torch.int32
        for part, position in launch_parts(stream, start, out):
            self._launch(kernels.fill_words, part, position, (part, *position))

    def map_words(self, words: "torch.Tensor", out: "torch.Tensor") -> None:
        """Write the standard normal of each word.

        Args:
            words: int32 with the bits of words, contiguous, on the device, shape
                (n,), n at most 2**30.
            out: float32, contiguous, on the device, shape (n,).
        """
        count = out.numel()
        assert words.numel() == count <= LAUNCH_BLOCKS * WORDS_PER_BLOCK
        if count:
            arguments = (words, self._tail, out, count, self._tile_blocks * WORDS_PER_BLOCK)
            with _launching, self._current():
                kernels.map_words[self._grid(count)](*arguments, **OPTIONS)

    def dtype(self, dtype: Dtype) -> "torch.dtype":
        """Return torch's dtype of the same name."""
        found: torch.dtype = getattr(self._torch, dtype.name)
        return found

    def _launch(
        self,
        kernel: Any,
        part: "torch.Tensor",
        position: tuple[int, ...],
        arguments: tuple[Any, ...],
    ) -> None:
        count, skipped = position[:2]
        aligned = skipped == 0 and part.data_ptr() % STORE_BYTES == 0
        grid = self._grid(skipped + count)
        with _launching, self._current():
            kernel[grid](*arguments, self._tile_blocks, aligned, **OPTIONS)

    def _grid(self, elements: int) -> tuple[int]:
        """Return how many programs make some elements."""
        return (-(-elements // (self._tile_blocks * WORDS_PER_BLOCK)),)

    def _current(self) -> AbstractContextManager[Any]:
        """Make the device the current one: Triton launches there."""
        if self._device.type != "cuda":
            return nullcontext()
        context: AbstractContextManager[Any] = self._torch.cuda.device(self._device)
        return context


def launch_parts(
    stream: Stream, start: int, out: "torch.Tensor"
) -> Iterator[tuple["torch.Tensor", tuple[int, ...]]]:
    """Cut a tensor where the counter's first word wraps, or a launch grows too long.

    Args:
        stream: Of the tensor that ``out`` is a range of.
        start: First element of the range.
        out: Shape (n,).

    Yields:
        A part of ``out``, and the scalars ``fill.POSITION`` of its launch.
    """
    block, skipped = divmod(start, WORDS_PER_BLOCK)
    key = (stream.key0, stream.key1, stream.counter2, stream.counter3)
    done = 0
    while done < out.numel():
        upper, lower = divmod(block % _WORD_VALUES**2, _WORD_VALUES)
        blocks = min(_WORD_VALUES - lower, LAUNCH_BLOCKS)
        part = out[done : done + blocks * WORDS_PER_BLOCK - skipped]
        yield part, (part.numel(), skipped, *map(_signed, (lower, upper, *key)))
        done += part.numel()
        block += blocks
        skipped = 0


def value_scalars(values: Drawn) -> tuple[int, tuple[int, ...]]:
    """Return the kind of a distribution, and the scalars ``fill.VALUES``.

    Examples:
        >>> stream = Stream(0, 0, 0, 0)
        >>> value_scalars(Normal(stream, np.float32(1), np.float32(-0.0)))
        (0, (1065353216, -2147483648, 0, 0, 0, 0))
    """
    match values:
        case Normal():
            return NORMAL, (_bits(values.std), _bits(values.mean), 0, 0, 0, 0)
        case Uniform():
            return UNIFORM, (_bits(values.half_width), _bits(values.middle), 0, 0, 0, 0)
        case Truncated():
            last_offset = values.stop_rank - values.first_rank - 1
            return TRUNCATED, (
                _bits(values.std),
                _bits(values.mean),
                _signed(values.first_rank),
                _signed(last_offset),
                _bits(values.low),
                _bits(values.high),
            )


def _signed(word: int) -> int:
    """Return the i32 that has the bits of a u32."""
    return word - _WORD_VALUES if word > _LARGEST_I32 else word


def _bits(value: np.float32) -> int:
    """Return the i32 that has the bits of a float32."""
    return int(np.float32(value).view(np.int32))
