"""The plain NumPy backend: slow, and right by reading."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from weightbank.distributions import Drawn, Normal, Truncated, Uniform
from weightbank.dtypes import Dtype, store_float32
from weightbank.making import Making
from weightbank.numbers.normal import standard_normal
from weightbank.numbers.orthogonal import orthogonal_matrix
from weightbank.numbers.philox import stream_words
from weightbank.numbers.streams import Stream
from weightbank.numbers.truncated import truncated_words
from weightbank.numbers.uniform import centered_uniform


class ReferenceBackend:
    """NumPy, one operation of docs/numbers.md a line."""

    def fill(self, values: Drawn, dtype: Dtype, start: int, out: NDArray[Any]) -> None:
        """See ``Backend.fill``."""
        words = stream_words(values.stream, start, start + out.size)
        store_float32(draw(values, words), dtype, out)

    def words(self, stream: Stream, start: int, stop: int) -> NDArray[np.uint32]:
        """See ``Backend.words``."""
        return stream_words(stream, start, stop)

    def begin_orthogonal(self, stream: Stream, rows: int, columns: int, gain: np.float32) -> Making:
        """See ``Backend.begin_orthogonal``: it is one step."""
        return Making.once(lambda: orthogonal_matrix(stream, rows, columns, gain))


def draw(values: Drawn, words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Map words to values.

    Args:
        values: What to draw.
        words: u32, shape (n,), one an element.

    Returns:
        float32, shape (n,).
    """
    match values:
        case Normal():
            return _shifted(standard_normal(words) * values.std, values.mean)
        case Uniform():
            return _shifted(centered_uniform(words) * values.half_width, values.middle)
        case Truncated():
            kept = truncated_words(words, values.first_rank, values.stop_rank)
            x = _shifted(standard_normal(kept) * values.std, values.mean)
            return np.minimum(np.maximum(x, values.low), values.high)


def _shifted(x: NDArray[np.float32], shift: np.float32) -> NDArray[np.float32]:
    # Adding 0 would turn a -0 into +0; a normal is never 0, a product can be.
    return x + shift if shift != 0 else x
