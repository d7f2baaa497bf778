"""The fast backend for CPUs: numba kernels, and threads of its own.

numba's parallel layer is not used: its default form must not be entered from two
threads at once, and a server does just that.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.backends.panels import panels
from weightbank.distributions import Drawn, Normal, Truncated, Uniform
from weightbank.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Dtype
from weightbank.kernels import fill as kernels
from weightbank.kernels import moments, normal, philox, sparse
from weightbank.making import Help, Making
from weightbank.numbers.philox import WORDS_PER_BLOCK
from weightbank.numbers.streams import Stream

TASK_ELEMENTS = 2**21
"""Elements of one thread's task; its bounds are multiples of this."""

_FORMATS = {
    FLOAT32.name: kernels.FLOAT32,
    FLOAT64.name: kernels.FLOAT64,
    BFLOAT16.name: kernels.BFLOAT16,
    FLOAT16.name: kernels.FLOAT16,
}


class CpuBackend:
    """The reference's bytes, fast.

    Attributes:
        threads: How many share one large call. However many that are, several
            threads may call at once.
    """

    def __init__(self, threads: int = 1) -> None:
        assert threads >= 1
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, "weightbank-cpu") if threads > 1 else None

    def fill(self, values: Drawn, dtype: Dtype, start: int, out: NDArray[Any]) -> None:
        """See ``Backend.fill``."""
        if self._pool is None or out.size <= TASK_ELEMENTS:
            _fill(values, dtype, start, out)
            return
        stop = start + out.size

        def fill_task(number: int) -> None:
            first = max(start, number * TASK_ELEMENTS)
            last = min(stop, (number + 1) * TASK_ELEMENTS)
            _fill(values, dtype, first, out[first - start : last - start])

        self._for_each(fill_task, range(start // TASK_ELEMENTS, -(-stop // TASK_ELEMENTS)))

    def words(self, stream: Stream, start: int, stop: int) -> NDArray[np.uint32]:
        """See ``Backend.words``."""
        out = np.empty(stop - start, np.uint32)
        philox.stream_words(out, *_position(start), _key(stream))
        return out

    def orthogonal(
        self, stream: Stream, rows: int, columns: int, gain: np.float32
    ) -> NDArray[np.float32]:
        """Return a matrix of shape (rows, columns), orthonormal times gain."""
        return self.begin_orthogonal(stream, rows, columns, gain).complete()

    def begin_orthogonal(self, stream: Stream, rows: int, columns: int, gain: np.float32) -> Making:
        """See ``Backend.begin_orthogonal``: threads of this backend help of themselves."""
        return Making(panels(stream, rows, columns, gain), assist=self._assist)

    def warm_up(self) -> None:
        """Compile all kernels, or load their machine code, before the first call."""
        stream = Stream(0, 0, 0, 0)
        self.fill(Normal(stream, np.float32(1), np.float32(0)), FLOAT32, 0, np.empty(1, np.float32))
        self.words(stream, 0, 1)
        self.orthogonal(stream, 1, 1, np.float32(1))
        standard_normal(np.zeros(1, np.uint32))
        self._warm_up_sparse()
        moments.add_moments(np.zeros(1, np.int64), moments.empty_sums())

    def _warm_up_sparse(self) -> None:
        """Make ready what every backend's sparse matrices are made with."""
        words, key = np.zeros(1, np.uint32), np.zeros(1, np.uint64)
        counts = np.zeros((2, 1), np.int64)
        sparse.collect(words, 0, 0, 1, counts[0], counts[1], key[:, None])
        key.setflags(write=False)  # as what is kept
        sparse.stays(words, 0, key, np.empty(1, np.bool_))

    def close(self) -> None:
        """End the threads; calls under way are finished first."""
        if self._pool is not None:
            self._pool.shutdown()

    def _assist(self, help_making: Help) -> None:
        """Have all threads but that of the caller help."""
        if self._pool is not None:
            for _ in range(self.threads - 1):
                self._pool.submit(help_making)

    def _for_each(self, function: Callable[[int], None], numbers: Iterable[int]) -> None:
        """Call a function with each number, on all threads, and wait."""
        for _ in self._pool.map(function, numbers) if self._pool else map(function, numbers):
            pass


def standard_normal(words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Return one standard normal for each word, as ``weightbank.numbers.normal`` does.

    Args:
        words: u32, shape (n,), contiguous.

    Returns:
        float32, shape (n,).

    Examples:
        >>> standard_normal(np.array([0x40000000, 0x80000000], np.uint32)).tolist()
        [0.6744897365570068, -6.230259895324707]
    """
    out = np.empty(words.size, np.float32)
    normal.standard_normal(words, out)
    return out


def _fill(values: Drawn, dtype: Dtype, start: int, out: NDArray[Any]) -> None:
    first_block, skipped = _position(start)
    kernels.fill(
        out.view(np.uint8),
        _FORMATS[dtype.name],
        first_block,
        skipped,
        _key(values.stream),
        _draw(values),
    )


def _position(start: int) -> tuple[int, int]:
    """Return an element's block as an i64, which kernels are compiled for, and its place there."""
    block, skipped = divmod(start, WORDS_PER_BLOCK)
    return (block + 2**63) % 2**64 - 2**63, skipped


def _key(stream: Stream) -> philox.Key:
    return stream.key0, stream.key1, stream.counter2, stream.counter3


def _draw(values: Drawn) -> kernels.Draw:
    match values:
        case Normal():
            return kernels.NORMAL, float(values.std), float(values.mean), 0, 0, 0.0, 0.0
        case Uniform():
            width, middle = float(values.half_width), float(values.middle)
            return kernels.UNIFORM, width, middle, 0, 0, 0.0, 0.0
        case Truncated():
            return (
                kernels.TRUNCATED,
                float(values.std),
                float(values.mean),
                values.first_rank,
                values.stop_rank - values.first_rank,
                float(values.low),
                float(values.high),
            )
