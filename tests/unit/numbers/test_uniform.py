"""The uniform distribution on (-1, 1)."""

import numpy as np

from weightbank.numbers.uniform import centered_uniform


def test_extremes() -> None:
    """The outermost values are the outermost odd multiples of 2**-24."""
    ends = centered_uniform(np.array([0x80000000, 0x7FFFFFFF], np.uint32))
    assert (ends.astype(np.float64) * 2**24).tolist() == [-(2**24 - 1), 2**24 - 1]


def test_lower_byte_is_not_looked_at() -> None:
    """The lowest eight bits of a word change nothing."""
    words = np.arange(256, dtype=np.uint32) + np.uint32(0xABCDEF00)
    assert len(set(centered_uniform(words).tolist())) == 1


def test_all_values_are_taken_once() -> None:
    """The 2**24 upper parts give all odd multiples of 2**-24, each once, in order."""
    signed = np.arange(-(2**31), 2**31, 2**8, dtype=np.int64).astype(np.int32)
    steps = centered_uniform(signed.view(np.uint32)).astype(np.float64) * 2**24
    assert np.array_equal(steps, np.arange(-(2**24) + 1, 2**24, 2))
