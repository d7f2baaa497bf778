"""The backend for GPUs beside that of the CPU, in Triton's interpreter."""

import functools
import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agreement import (
    CPU,
    WRAP,
    Range,
    differing_at_once,
    differing_initializers,
    differing_ranges,
    differing_windows,
    differing_words,
    some_ranges,
    written_beside,
)
from tests.drawn import DISTRIBUTIONS, DTYPES, NEAR_WRAPS
from tests.interpreter import interpreted_kernels
from weightbank.backends.triton import TritonBackend
from weightbank.distributions import Drawn, Normal
from weightbank.dtypes import DTYPES as DTYPES_BY_NAME
from weightbank.dtypes import FLOAT32, FLOAT64, FLOATING_NAMES, Dtype
from weightbank.numbers.streams import Stream, derive_stream

BLOCK_BYTES = 1024
STREAM = derive_stream(1, "a")
ZERO, ONE = np.float32(0), np.float32(1)
NORMAL = Normal(STREAM, ONE, ZERO)

WITHOUT = """
import importlib, pkgutil, sys
from importlib.abc import MetaPathFinder

class Blocked(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == {blocked!r}:
            raise ImportError(f"{{name}} is blocked")

sys.meta_path.insert(0, Blocked())
import weightbank
import weightbank.backends.triton
import weightbank.backends.pinned
print(*sorted({{"torch", "triton", "weightbank.triton_kernels"}} & set(sys.modules)))
from weightbank import triton_kernels
for found in pkgutil.iter_modules(triton_kernels.__path__):
    importlib.import_module(f"weightbank.triton_kernels.{{found.name}}")
try:
    weightbank.backends.triton.TritonBackend()
except ImportError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def backend() -> Iterator[TritonBackend]:
    """The backend, interpreted, with blocks of a kibibyte."""
    with interpreted_kernels():
        backend = TritonBackend("cpu", block_bytes=BLOCK_BYTES)
    backend.warm_up()
    yield backend
    backend.close()


@settings(max_examples=50)
@given(
    values=DISTRIBUTIONS,
    dtype=DTYPES,
    start=NEAR_WRAPS,
    count=st.one_of(
        st.integers(0, 10),
        st.builds(lambda blocks, more: 128 * blocks + more, st.integers(1, 5), st.integers(-4, 4)),
    ),
)
def test_any_range(
    backend: TritonBackend, values: Drawn, dtype: Dtype, start: int, count: int
) -> None:
    """Any distribution, dtype and range, at the borders of blocks and of counters."""
    assert Range(values, dtype, start, count).agrees(backend)


@pytest.mark.parametrize("dtype", FLOATING_NAMES)
def test_every_initializer(backend: TritonBackend, dtype: str) -> None:
    """A file of all initializers is the CPU's, in each dtype."""
    assert differing_initializers(backend, dtype, 20, 18) == []


def test_some_ranges(backend: TritonBackend) -> None:
    """The ranges that are tried on a GPU, at a small size."""
    assert differing_ranges(backend, list(some_ranges(24, longest=700))) == []


def test_words(backend: TritonBackend) -> None:
    """Words of streams, within and across every wrap."""
    assert differing_words(backend, longest=600) == []
    assert backend.words(STREAM, 5, 5).size == 0
    assert backend.words(STREAM, 5, 9).dtype == np.uint32


def test_threads_at_once(backend: TritonBackend) -> None:
    """Threads that call one backend at once each get their own elements."""
    assert differing_at_once(backend, list(some_ranges(24, longest=500)), threads=4) == []


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=lambda dtype: dtype.name)
def test_nothing_is_written_beside_the_range(backend: TritonBackend, dtype: Dtype) -> None:
    """Elements before and after a range keep their values."""
    fill = functools.partial(backend.fill, NORMAL, dtype, 3)
    assert not written_beside(fill, dtype, count=999)


@pytest.mark.parametrize(("dtype", "offset"), [("float32", 0), ("bfloat16", 1), ("float64", 1)])
def test_a_tensor_that_is_there_already(backend: TritonBackend, dtype: str, offset: int) -> None:
    """``launch`` fills a tensor on the device, at any address."""
    wanted = Range(NORMAL, DTYPES_BY_NAME[dtype], WRAP - 7, 3000)
    out = torch.empty(wanted.count + offset, dtype=getattr(torch, dtype))[offset:]
    backend.launch(wanted.values, wanted.dtype, wanted.start, out)
    assert differing_windows(out, wanted, [0, 7, 1500, 3000], window=800) == []


def test_orthogonal_matrices_are_the_cpus(backend: TritonBackend) -> None:
    """What has no kernel is made on the CPU."""
    stream = derive_stream(1, "q", "orth")
    made = backend.begin_orthogonal(stream, 5, 9, ONE).complete()
    assert made.tobytes() == CPU.orthogonal(stream, 5, 9, ONE).tobytes()


def test_after_close() -> None:
    """A closed backend says so."""
    with interpreted_kernels():
        backend = TritonBackend("cpu")
    backend.close()
    with pytest.raises(RuntimeError, match="closed"):
        backend.words(Stream(0, 0, 0, 0), 0, 1)


def test_no_gpu() -> None:
    """A device that is not there is refused, with what there is."""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ValueError, match="'cuda:0' is not there; accepted: no GPU is seen"):
        TritonBackend()


@pytest.mark.skipif("TRITON_INTERPRET" in os.environ, reason="kernels are interpreted")
def test_the_cpu_only_interprets() -> None:
    """Compiled kernels do not run on a CPU."""
    with pytest.raises(ValueError, match="TRITON_INTERPRET=1"):
        TritonBackend("cpu")


@pytest.mark.parametrize("missing", ["torch", "triton"])
def test_without_torch_or_triton(missing: str) -> None:
    """The library imports neither, kernels can be read, and a backend says what to install."""
    result = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", WITHOUT.format(blocked=missing)],
        capture_output=True,
        text=True,
        check=False,
    )
    expected = (
        f"\nthe backend for GPUs needs {missing}, which cannot be imported: {missing} is blocked; "
        "accepted: pip install 'weightbank[gpu]'\n"
    )
    assert result.stdout == expected, result.stderr
