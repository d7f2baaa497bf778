"""Philox: the published answers, and words addressed by element."""

from typing import Any

import numpy as np
import pytest

from weightbank.numbers.philox import philox4x32, stream_words
from weightbank.numbers.streams import Stream, derive_stream


def test_known_blocks(vectors: dict[str, Any]) -> None:
    """Random123's known answers."""
    for case in vectors["philox4x32_10"]:
        counters = np.array([[int(word, 16) for word in case["counter"]]], np.uint32)
        key0, key1 = (int(word, 16) for word in case["key"])
        words = philox4x32(counters, key0, key1)
        assert words.tolist() == [[int(word, 16) for word in case["words"]]]


def test_rounds_count() -> None:
    """No round leaves the counter as it is, one does not."""
    counters = np.array([[1, 2, 3, 4]], np.uint32)
    assert philox4x32(counters, 5, 6, rounds=0).tolist() == counters.tolist()
    assert philox4x32(counters, 5, 6, rounds=1).tolist() != counters.tolist()


@pytest.mark.parametrize("start", [0, 2**34 - 8, 2**66 - 64])
def test_any_element_can_be_made_alone(start: int) -> None:
    """A word does not depend on the range that it is asked for in."""
    stream = derive_stream(3, "a")
    whole = stream_words(stream, start, start + 32)
    alone = [stream_words(stream, start + i, start + i + 1)[0] for i in range(32)]
    assert whole.tolist() == [int(word) for word in alone]


def test_upper_counter_word_counts() -> None:
    """Block 2**32 is not block 0 again."""
    stream = Stream(1, 2, 3, 4)
    first, wrapped = stream_words(stream, 0, 4), stream_words(stream, 2**34, 2**34 + 4)
    expected = philox4x32(np.array([[0, 1, 3, 4]], np.uint32), 1, 2)[0]
    assert wrapped.tolist() == expected.tolist()
    assert wrapped.tolist() != first.tolist()
