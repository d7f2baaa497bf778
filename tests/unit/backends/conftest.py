"""Backends, of which each must give the same bytes."""

from collections.abc import Iterator

import pytest

from tests.interpreter import interpreted_kernels
from weightbank.backends.cpu import CpuBackend
from weightbank.backends.protocol import Backend
from weightbank.backends.reference import ReferenceBackend
from weightbank.backends.triton import TritonBackend


@pytest.fixture(scope="session")
def cpu() -> Iterator[CpuBackend]:
    """The fast backend, on one thread."""
    backend = CpuBackend()
    backend.warm_up()
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def two_threads() -> Iterator[CpuBackend]:
    """The fast backend, on two threads."""
    backend = CpuBackend(threads=2)
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def triton() -> Iterator[TritonBackend]:
    """The backend for GPUs, in Triton's interpreter."""
    with interpreted_kernels():
        backend = TritonBackend("cpu")
    yield backend
    backend.close()


@pytest.fixture(scope="session", params=["reference", "cpu", "two_threads", "triton"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each backend that needs no accelerator."""
    if request.param == "reference":
        return ReferenceBackend()
    chosen: Backend = request.getfixturevalue(request.param)
    return chosen
