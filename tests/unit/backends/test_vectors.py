"""The known answers of docs/numbers.md, from every backend."""

import hashlib
from typing import Any

import numpy as np
import pytest

from weightbank.backends import cpu
from weightbank.backends.protocol import Backend
from weightbank.distributions import Drawn, Normal, Truncated, Uniform
from weightbank.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Dtype
from weightbank.numbers import normal
from weightbank.numbers.streams import Stream, derive_stream

ZERO, ONE = np.float32(0), np.float32(1)
NAME = "model.layers.0.mlp.up_proj.weight"
STREAM = derive_stream(0, NAME)
FAR = 2**34


def float32(pattern: str) -> np.float32:
    """Return the float32 of a hexadecimal bit pattern."""
    return np.array([int(pattern, 16)], np.uint32).view(np.float32)[0]


def filled(
    backend: Backend, values: Drawn, count: int, start: int = 0, dtype: Dtype = FLOAT32
) -> Any:
    """Return elements as bit patterns in hexadecimal."""
    out = np.empty(count, dtype.storage)
    backend.fill(values, dtype, start, out)
    width = 2 * dtype.item_bytes
    return [f"{int(v):0{width}x}" for v in out.view(f"u{dtype.item_bytes}")]


def test_words(backend: Backend, vectors: dict[str, Any]) -> None:
    """Words from the first, and from where the counter's upper word begins."""
    for key, start in (("words_from_0", 0), ("words_from_2**34", FAR)):
        expected = vectors["tensor"][key]
        words = backend.words(STREAM, start, start + len(expected))
        assert [f"{int(word):08x}" for word in words] == expected


def test_philox_blocks(backend: Backend, vectors: dict[str, Any]) -> None:
    """Random123's known answers, as words of streams."""
    for case in vectors["philox4x32_10"]:
        c0, c1, c2, c3 = (int(word, 16) for word in case["counter"])
        key0, key1 = (int(word, 16) for word in case["key"])
        start = 4 * (c1 * 2**32 + c0)
        words = backend.words(Stream(key0, key1, c2, c3), start, start + 4)
        assert [f"{int(word):08x}" for word in words] == case["words"]


@pytest.mark.parametrize("standard_normal", [normal.standard_normal, cpu.standard_normal])
def test_normal_of_word(standard_normal: Any, vectors: dict[str, Any]) -> None:
    """Single words, the outermost and those around the tail's begin among them."""
    expected = vectors["normal_of_word"]
    words = np.array([int(word, 16) for word in expected], np.uint32)
    found = standard_normal(words).view(np.uint32)
    assert [f"{int(v):08x}" for v in found] == list(expected.values())


@pytest.mark.parametrize(("key", "start"), [("0", 0), ("3", 3), ("2**34", FAR)])
def test_standard_normal(backend: Backend, vectors: dict[str, Any], key: str, start: int) -> None:
    """Standard normals from an element on, block boundary or not."""
    expected = vectors["tensor"][f"standard_normal_from_{key}"]
    assert filled(backend, Normal(STREAM, ONE, ZERO), len(expected), start) == expected


def test_a_million_standard_normals(backend: Backend, vectors: dict[str, Any]) -> None:
    """The digest of many standard normals."""
    out = np.empty(1000003, np.float32)
    backend.fill(Normal(STREAM, ONE, ZERO), FLOAT32, 0, out)
    expected = vectors["tensor"]["sha256_of_first_1000003_standard_normals"]
    assert hashlib.sha256(out.data).hexdigest() == expected


@pytest.mark.parametrize("dtype", [FLOAT32, BFLOAT16, FLOAT16], ids=lambda dtype: dtype.name)
def test_kaiming_normal(backend: Backend, vectors: dict[str, Any], dtype: Dtype) -> None:
    """A normal of a given std, in each dtype."""
    case = vectors["tensor"]["kaiming_normal_fan_in_4096_relu"]
    values = Normal(STREAM, float32(case["std"]), ZERO)
    assert filled(backend, values, 8, dtype=dtype) == case[dtype.name]


def test_float64_is_float32_widened(backend: Backend, vectors: dict[str, Any]) -> None:
    """The doubles are the known float32 values."""
    case = vectors["tensor"]["kaiming_normal_fan_in_4096_relu"]
    out = np.empty(8, np.float64)
    backend.fill(Normal(STREAM, float32(case["std"]), ZERO), FLOAT64, 0, out)
    assert out.tolist() == [float(float32(pattern)) for pattern in case["float32"]]


def test_xavier_uniform(backend: Backend, vectors: dict[str, Any]) -> None:
    """A uniform around 0."""
    case = vectors["tensor"]["xavier_uniform_fans_4096_1024"]
    assert filled(backend, Uniform(STREAM, float32(case["bound"]), ZERO), 8) == case["float32"]


def test_trunc_normal(backend: Backend, vectors: dict[str, Any]) -> None:
    """PyTorch's trunc_normal, around 0 and around another mean."""
    case = vectors["tensor"]["trunc_normal_mean_0_std_0.02_a_-0.04_b_0.04"]
    low, high = map(float32, case["lo_hi"])
    values = Truncated(STREAM, *case["ranks"], float32(case["std"]), ZERO, low, high)
    assert filled(backend, values, 8) == case["float32"]
    case = vectors["trunc_normal_mean_0.5_std_1_a_-0.25_b_2"]
    values = Truncated(
        STREAM, *case["ranks"], ONE, np.float32(0.5), np.float32(-0.25), np.float32(2)
    )
    assert filled(backend, values, 8) == case["float32"]


def test_normal_and_uniform_around_another_mean(backend: Backend, vectors: dict[str, Any]) -> None:
    """A mean, and a middle, that are not 0."""
    values = Normal(STREAM, np.float32(0.5), np.float32(0.25))
    assert filled(backend, values, 8) == vectors["normal_mean_0.25_std_0.5"]
    around = Uniform(STREAM, np.float32(0.875), np.float32(0.625))
    assert filled(backend, around, 8) == vectors["uniform_a_-0.25_b_1.5"]


def test_orthogonal(backend: Backend, vectors: dict[str, Any]) -> None:
    """The digests of orthogonal matrices: wide, tall, with a gain, of another tag."""
    for case in vectors["orthogonal"]:
        stream = derive_stream(case["seed"], case["name"], case.get("tag", "orth"))
        gain = float32("3fb504f3") if "gain" in case else ONE
        matrix = backend.begin_orthogonal(stream, case["rows"], case["cols"], gain).complete()
        assert hashlib.sha256(matrix.tobytes()).hexdigest() == case["sha256"]
