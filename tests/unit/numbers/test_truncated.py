"""Words of truncated normals."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from weightbank.numbers.normal import standard_normal
from weightbank.numbers.truncated import truncated_words

ENDS = np.array([0, 2**32 - 1], np.uint32)


@given(first=st.integers(0, 2**32 - 2**16), span=st.integers(2**16, 2**32))
def test_first_and_last_rank(first: int, span: int) -> None:
    """The least word takes the first rank and the greatest the last."""
    stop = min(first + span, 2**32)
    ranks = truncated_words(ENDS, first, stop) ^ np.uint32(0x80000000)
    assert ranks.tolist() == [first, stop - 1]


def test_all_ranks_are_the_ranks_of_the_words() -> None:
    """Without cut-offs the least word gives the least normal, and so on upwards."""
    words = np.arange(0, 2**32, 2**20, dtype=np.uint64).astype(np.uint32)
    z = standard_normal(truncated_words(words, 0, 2**32))
    assert (np.diff(z) > 0).all()


def test_values_lie_between_the_cut_offs() -> None:
    """Ranks of two standard deviations give values of at most two, and nearly two."""
    words = np.arange(0, 2**32, 2**12, dtype=np.uint64).astype(np.uint32)
    z = standard_normal(truncated_words(words, 97711073, 4197256223))
    assert np.abs(z).max() <= 2.000001
    assert np.abs(z).max() > 1.99999
