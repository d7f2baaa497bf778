"""The normal of words of one's choice, in the interpreter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.agreement import normals_of
from weightbank.numbers import normal


def normals(launcher: Any, words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the bits of the normals of words."""
    return normals_of(launcher, words, "cpu").view(np.uint32)


def spread_words() -> NDArray[np.uint32]:
    """Return words of all binades of the tail, their neighbours, and a strided sample."""
    powers = [2**e + near for e in range(32) for near in (-3, -2, -1, 0, 1, 2, 3)]
    near_ends = [2**31 - m for m in powers] + powers
    signed = np.array([sign * v for v in near_ends for sign in (1, -1)], np.int64)
    strided = np.arange(0, 2**32, 16381, dtype=np.int64)
    return np.concatenate([signed % 2**32, strided]).astype(np.uint32)


def test_known_words(launcher: Any, vectors: dict[str, Any]) -> None:
    """Single words, the outermost and those around the tail's begin among them."""
    expected = vectors["normal_of_word"]
    words = np.array([int(word, 16) for word in expected], np.uint32)
    assert [f"{int(v):08x}" for v in normals(launcher, words)] == list(expected.values())


def test_words_from_everywhere(launcher: Any) -> None:
    """Words of every binade on either side give the reference's normals."""
    words = spread_words()
    expected = normal.standard_normal(words).view(np.uint32)
    assert normals(launcher, words).tobytes() == expected.tobytes()


def test_no_words(launcher: Any) -> None:
    """Nothing is launched for no words."""
    assert normals(launcher, np.empty(0, np.uint32)).size == 0
