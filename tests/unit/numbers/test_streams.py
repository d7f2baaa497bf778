"""Streams: the known answers, and that nothing but the triple decides."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.errors import InvalidSeedError
from weightbank.numbers.streams import Stream, check_seed, derive_stream

seeds = st.integers(0, 2**64 - 1)


def test_known_streams(vectors: dict[str, Any]) -> None:
    """Each triple of the known answers gives its four words."""
    for case in vectors["stream"]:
        stream = derive_stream(int(case["seed"]), case["name"], case["tag"])
        assert stream == Stream(*(int(word, 16) for word in case["k0_k1_c2_c3"]))


@given(seed=seeds, name=st.text(), tag=st.sampled_from(["w", "orth", "orth/1"]))
def test_words_fit_32_bits(seed: int, name: str, tag: str) -> None:
    """All four words of any stream are u32."""
    stream = derive_stream(seed, name, tag)
    words = (stream.key0, stream.key1, stream.counter2, stream.counter3)
    assert all(0 <= word < 2**32 for word in words)


def test_names_are_not_normalised() -> None:
    """Two spellings of one letter are two names."""
    assert derive_stream(0, "\u00e9") != derive_stream(0, "e\u0301")


def test_name_and_tag_do_not_run_together() -> None:
    """A letter moved from the tag to the name gives another stream."""
    assert derive_stream(0, "a", "bc") != derive_stream(0, "ab", "c")


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "1", True, None])
def test_refused_seeds(seed: object) -> None:
    """What is not an integer in [0, 2**64) is refused."""
    with pytest.raises(InvalidSeedError, match="seed"):
        check_seed(seed)


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_outermost_seeds(seed: int) -> None:
    """The least and the greatest seed are seeds."""
    assert check_seed(seed) == seed
