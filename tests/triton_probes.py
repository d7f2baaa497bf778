"""Kernels that show one step of what the library's kernels do, on values of one's choice.

They are to be imported within ``interpreted_kernels``, and forgotten afterwards.
"""

from __future__ import annotations

from weightbank.triton_kernels.compile import kernel, tl
from weightbank.triton_kernels.philox import unsigned
from weightbank.triton_kernels.rounding import rounded
from weightbank.triton_kernels.truncated import clamped, truncated_words
from weightbank.triton_kernels.uniform import centered_uniform


@kernel(scalars=[])
def clamp(values: tl.tensor, borders: tl.tensor, out: tl.tensor, size: tl.constexpr) -> None:
    """Clamp float32 between two borders."""
    lane = tl.arange(0, size)
    tl.store(out + lane, clamped(tl.load(values + lane), tl.load(borders), tl.load(borders + 1)))


@kernel(scalars=[])
def round_off(values: tl.tensor, out: tl.tensor, size: tl.constexpr) -> None:
    """Round float32 to the type of ``out``."""
    place = tl.program_id(0) * size + tl.arange(0, size)
    tl.store(out + place, rounded(tl.load(values + place), out.dtype.element_ty))


@kernel(scalars=["first_rank", "last_offset"])
def truncate(
    words: tl.tensor,
    first_rank: tl.tensor,
    last_offset: tl.tensor,
    out: tl.tensor,
    size: tl.constexpr,
) -> None:
    """Map words, which are int32, onto those of some ranks."""
    lane = tl.arange(0, size)
    given = tl.load(words + lane).to(tl.uint32, bitcast=True)
    mapped = truncated_words(given, unsigned(first_rank), unsigned(last_offset))
    tl.store(out + lane, mapped.to(tl.int32, bitcast=True))


@kernel(scalars=[])
def spread(words: tl.tensor, out: tl.tensor, size: tl.constexpr) -> None:
    """Write the uniform of words, which are int32."""
    lane = tl.arange(0, size)
    given = tl.load(words + lane).to(tl.uint32, bitcast=True)
    tl.store(out + lane, centered_uniform(given))
