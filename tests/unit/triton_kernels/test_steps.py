"""Single steps of the kernels, on chosen values, in the interpreter."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from weightbank.numbers.rounding import to_bfloat16, to_float16
from weightbank.numbers.truncated import truncated_words
from weightbank.numbers.uniform import centered_uniform

FINITE_HALVES = 0x7C00
SIGN = np.uint32(0x80000000)
SIZE = 2**16


def with_neighbours(positive: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return bit patterns, those just beside them, and the negatives of all."""
    near = np.concatenate([positive, positive + np.uint32(1), positive - np.uint32(1)])
    return np.concatenate([near, near | SIGN])


def rounded(probes: Any, bits: NDArray[np.uint32], dtype: torch.dtype) -> bytes:
    """Return what the kernels make of the float32 of some bit patterns."""
    programs = -(-bits.size // SIZE)
    values = np.zeros(programs * SIZE, np.uint32)
    values[: bits.size] = bits
    out = torch.empty(values.size, dtype=dtype)
    probes.round_off[(programs,)](torch.from_numpy(values.view(np.float32)), out, SIZE)
    return out[: bits.size].numpy().tobytes()


def test_float16_at_every_turn(probes: Any) -> None:
    """Each float16, each midpoint of two, and what is just beside, subnormals among them."""
    halves = np.arange(1, FINITE_HALVES, dtype=np.uint16).view(np.float16).astype(np.float32)
    middles = (halves[1:] + halves[:-1]) * np.float32(0.5)
    smallest = np.array([2**-25, 2**-26, 2**-30, 2**-120], np.float32)
    bits = with_neighbours(np.concatenate([halves, middles, smallest]).view(np.uint32))
    bits = bits[np.abs(bits.view(np.float32)) <= 65504]
    bits = np.concatenate([bits, np.array([0, SIGN, 1, SIGN | np.uint32(1)], np.uint32)])
    expected = to_float16(bits.view(np.float32))
    assert rounded(probes, bits, torch.float16) == expected.tobytes()


def test_bfloat16_at_every_turn(probes: Any) -> None:
    """Each bfloat16, each midpoint of two, and the float32 just beside."""
    values = np.arange(1, 0x7F7F, dtype=np.uint32) << np.uint32(16)
    bits = with_neighbours(np.concatenate([values, values + np.uint32(0x8000)]))
    expected = to_bfloat16(bits.view(np.float32))
    assert rounded(probes, bits, torch.int16) == expected.tobytes()


def test_float32_and_float64(probes: Any) -> None:
    """float32 is left alone, and float64 is it widened, zeros with their signs."""
    bits = np.array([0, SIGN, 1, 0x3F800001, 0x7F7FFFFF, 0xFF7FFFFF], np.uint32)
    assert rounded(probes, bits, torch.float32) == bits.tobytes()
    expected = bits.view(np.float32).astype(np.float64)
    assert rounded(probes, bits, torch.float64) == expected.tobytes()


@pytest.mark.parametrize(
    ("first", "stop"),
    [
        (0, 2**32),
        (0, 2**16),
        (2**32 - 2**16, 2**32),
        (97711073, 4197256223),
        (2**31, 2**31 + 2**16 + 1),
        (1, 2**32),
    ],
)
def test_truncated_words(interpreted: Any, probes: Any, first: int, stop: int) -> None:
    """Words are mapped onto up to 2**32 ranks, the outermost and those in between."""
    ends = np.array([0, 1, 2, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 2, 2**32 - 1], np.uint32)
    words = np.resize(np.concatenate([ends, np.arange(3, 2**32, 2**24 + 1, np.uint32)]), 256)
    out = torch.empty(words.size, dtype=torch.int32)
    signed = interpreted["launch"]._signed
    scalars = signed(first), signed(stop - first - 1)
    probes.truncate[(1,)](torch.from_numpy(words.view(np.int32)), *scalars, out, words.size)
    assert out.numpy().tobytes() == truncated_words(words, first, stop).tobytes()


def test_uniforms_of_words(probes: Any) -> None:
    """The outermost words, those around 0, and some between give the reference's uniforms."""
    ends = np.array([0, 255, 256, 2**31 - 1, 2**31, 2**32 - 256, 2**32 - 1], np.uint32)
    words = np.resize(np.concatenate([ends, np.arange(3, 2**32, 2**24 + 1, np.uint32)]), 256)
    out = torch.empty(words.size, dtype=torch.float32)
    probes.spread[(1,)](torch.from_numpy(words.view(np.int32)), out, words.size)
    assert out.numpy().tobytes() == centered_uniform(words).tobytes()


def clamped(probes: Any, values: list[float], low: float, high: float) -> list[str]:
    """Return clamped values, written out so that the sign of a zero shows."""
    out = torch.empty(len(values), dtype=torch.float32)
    borders = torch.tensor([low, high], dtype=torch.float32)
    given = torch.tensor(values, dtype=torch.float32)
    probes.clamp[(1,)](given, borders, out, len(values))
    return [str(value) for value in out.numpy()]


def test_values_beyond_the_borders(probes: Any) -> None:
    """What lies outside is put on the border, and the rest is kept."""
    kept = clamped(probes, [-3, -1, 0.5, 2], -1, 1)
    assert kept == ["-1.0", "-1.0", "0.5", "1.0"]


def test_without_borders(probes: Any) -> None:
    """Infinite borders keep every value, and the sign of zeros."""
    kept = clamped(probes, [-3e38, -0.0, 0.0, 3e38], -np.inf, np.inf)
    assert kept == ["-3e+38", "-0.0", "0.0", "3e+38"]


@pytest.mark.parametrize("border", [0.0, -0.0])
def test_zero_on_a_border_takes_its_sign(probes: Any, border: float) -> None:
    """A zero that equals a border of zero becomes that border, as on a CPU."""
    assert set(clamped(probes, [0.0, -0.0], border, 1)) == {str(border)}
    assert set(clamped(probes, [0.0, -0.0], -1, border)) == {str(border)}
