"""The backend on a GPU, if there is one."""

import os
import warnings
from collections.abc import Iterator

import pytest

from weightbank.backends.triton import TritonBackend


def reason_to_skip() -> str | None:
    """Return why nothing can be tested here, or None."""
    for package in ("torch", "triton"):
        pytest.importorskip(package)
    import torch

    if os.environ.get("TRITON_INTERPRET", "0") != "0":
        return "TRITON_INTERPRET is set: kernels would not run on the GPU"
    with warnings.catch_warnings():
        # Of a driver that is missing, or too old: then there is no device either.
        warnings.simplefilter("ignore")
        return None if torch.cuda.is_available() else "torch sees no CUDA device"


@pytest.fixture(scope="session")
def gpu() -> Iterator[TritonBackend]:
    """The backend, on the first GPU."""
    reason = reason_to_skip()
    if reason is not None:
        pytest.skip(reason)
    backend = TritonBackend("cuda:0")
    backend.warm_up()
    yield backend
    backend.close()
