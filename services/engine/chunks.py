"""How byte spans are cut into chunks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
"""Bytes ``start`` to ``stop`` of a file, half-open."""


@dataclass(frozen=True, slots=True)
class ChunkTask:
    """One chunk to make.

    Attributes:
        index: Its number, counted over all spans.
        part: Index of the span it belongs to.
        start: First byte, counted over the file.
        stop: The byte after its last.
    """

    index: int
    part: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of one span, to be sent and forgotten.

    Attributes:
        part: Index of the span.
        stop: The byte after its last, counted over the file.
        view: The bytes. Their buffer is reused once no view of it is left.
    """

    part: int
    stop: int
    view: memoryview


def plan_chunks(
    spans: Sequence[Span], *, chunk_bytes: int, first_chunk_bytes: int
) -> Iterator[ChunkTask]:
    """Yield the chunks of spans, lazily and in order.

    Chunks end at multiples of ``chunk_bytes`` of the file, so that ranges asked
    for by several clients cut it alike. The very first is shorter: it decides how
    long a client waits for its first byte.

    Args:
        spans: Not empty ones.
        chunk_bytes: Most bytes of a chunk.
        first_chunk_bytes: Most bytes of the first one, a divisor of ``chunk_bytes``.

    Examples:
        >>> [
        ...     (task.start, task.stop)
        ...     for task in plan_chunks([(3, 21)], chunk_bytes=8, first_chunk_bytes=2)
        ... ]
        [(3, 4), (4, 8), (8, 16), (16, 21)]
    """
    step, index = first_chunk_bytes, 0
    for part, (start, stop) in enumerate(spans):
        position = start
        while position < stop:
            chunk_stop = min(stop, (position // step + 1) * step)
            yield ChunkTask(index, part, position, chunk_stop)
            position, step, index = chunk_stop, chunk_bytes, index + 1
