"""Chunks: in order, without gaps, cut alike for everybody."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from services.engine.chunks import plan_chunks


@given(
    spans=st.lists(st.tuples(st.integers(0, 500), st.integers(1, 100)), max_size=5),
    chunk_bits=st.integers(0, 6),
    first_bits=st.integers(0, 6),
)
def test_chunks_cover_spans(spans: list[tuple[int, int]], chunk_bits: int, first_bits: int) -> None:
    """In order, without gaps, cut at multiples."""
    wanted = [(start, start + count) for start, count in spans]
    chunk_bytes, first = 2**chunk_bits, 2 ** min(first_bits, chunk_bits)
    tasks = list(plan_chunks(wanted, chunk_bytes=chunk_bytes, first_chunk_bytes=first))
    for part, (start, stop) in enumerate(wanted):
        own = [task for task in tasks if task.part == part]
        assert own[0].start == start
        assert own[-1].stop == stop
        for one, other in itertools.pairwise(own):
            assert one.stop == other.start
            assert one.stop % first == 0
        assert all(0 < task.stop - task.start <= chunk_bytes for task in own)
    assert [task.part for task in tasks] == sorted(task.part for task in tasks)
    assert [task.index for task in tasks] == list(range(len(tasks)))
