"""Random distributions and ranges for hypothesis, the awkward ones among them."""

import numpy as np
from hypothesis import strategies as st

from weightbank.distributions import Normal, Truncated, Uniform
from weightbank.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64
from weightbank.numbers.streams import Stream

WRAP = 2**34
"""Element at which the counter's low word begins again."""

TOP = 2**66
"""Element at which the whole counter would begin again."""

_words = st.one_of(
    st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 16, 2**31 - 1, 2**31, 2**32 - 1])
)
STREAMS = st.builds(Stream, _words, _words, _words, _words)
SCALES = st.one_of(
    st.floats(2**-64, 100, width=32), st.sampled_from([2.0**-64, 1e-7, 1.0, 16.0, 1000.0])
).map(np.float32)
"""Of which no normal, with any of ``SHIFTS``, is out of float16's range."""

SHIFTS = st.one_of(st.sampled_from([0.0, -0.0]), st.floats(-1000, 1000, width=32)).map(np.float32)
DTYPES = st.sampled_from([FLOAT32, FLOAT64, BFLOAT16, FLOAT16])
NEAR_WRAPS = st.one_of(
    st.integers(0, 70),
    st.integers(WRAP - 70, WRAP + 10),
    st.integers(0, 2**62),
    st.integers(TOP // 2 - 70, TOP // 2 + 10),
    st.integers(TOP - 70, TOP - 1),
)
"""First elements of ranges; those of the last kind can reach over the top."""


@st.composite
def truncated(draw: st.DrawFn) -> Truncated:
    """Draw a truncated normal of any ranks, clamped on two sides, one or none."""
    first = draw(st.one_of(st.just(0), st.integers(0, 2**32 - 2**16)))
    stop = draw(st.one_of(st.just(2**32), st.integers(first + 2**16, 2**32)))
    low, high = sorted(draw(st.tuples(*[st.floats(-1000, 1000, width=32)] * 2)))
    sides = draw(st.tuples(st.booleans(), st.booleans()))
    clamps = (low if sides[0] else -np.inf, high if sides[1] else np.inf)
    scale, shift = draw(SCALES), draw(SHIFTS)
    return Truncated(draw(STREAMS), first, stop, scale, shift, *map(np.float32, clamps))


DISTRIBUTIONS = st.one_of(
    st.builds(Normal, STREAMS, SCALES, SHIFTS),
    st.builds(Uniform, STREAMS, SCALES, SHIFTS),
    truncated(),
)
