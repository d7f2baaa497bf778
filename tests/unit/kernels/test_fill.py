"""Tiles of chosen words, which no stream would give together."""

import numpy as np
import pytest

from weightbank.backends.cpu import _draw
from weightbank.backends.reference import draw
from weightbank.distributions import Drawn, Normal, Truncated, Uniform
from weightbank.kernels.fill import _values_tile
from weightbank.numbers.streams import Stream

STREAM = Stream(0, 0, 0, 0)
STD, MEAN = np.float32(0.7), np.float32(0.3)
INFINITE = np.float32(np.inf)
ENDS = np.array([0, 1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1], np.uint32)
TAILS = np.arange(2**31 - 2**24 - 500, 2**31 + 2**24 + 500, 2**17 + 1, dtype=np.uint64)
WORDS = np.concatenate([ENDS, TAILS.astype(np.uint32)])
WORDS = np.resize(WORDS, 1024)


@pytest.mark.parametrize(
    "values",
    [
        Normal(STREAM, STD, MEAN),
        Uniform(STREAM, STD, MEAN),
        Truncated(STREAM, 0, 2**32, STD, MEAN, -INFINITE, INFINITE),
        Truncated(STREAM, 0, 2**16, STD, MEAN, -INFINITE, np.float32(-2.5)),
        Truncated(STREAM, 2**32 - 2**16, 2**32, STD, MEAN, np.float32(3.1), INFINITE),
        Truncated(STREAM, 97711073, 4197256223, STD, MEAN, np.float32(-1.1), np.float32(1.7)),
    ],
    ids=lambda values: type(values).__name__,
)
def test_extreme_words(values: Drawn) -> None:
    """The outermost words, and a tile full of tails, give the reference's values."""
    out = np.empty(WORDS.size, np.float32)
    _values_tile(WORDS.copy(), _draw(values), out)
    assert out.tobytes() == draw(values, WORDS).tobytes()
