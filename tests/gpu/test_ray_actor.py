"""The actor of a Ray cluster on a GPU, without the cluster."""

import numpy as np
import pytest

from services.devices.ray_actor import WeightbankActor
from tests.specs import file_of, parameter
from weightbank import CpuBackend, WeightsFile
from weightbank.backends.pinned import unpin
from weightbank.pieces import Piece

pytestmark = pytest.mark.gpu


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_its_bytes_are_those_of_the_processor(dtype: str) -> None:
    """From the first chunk on, which reuse its buffer."""
    file = file_of(
        parameter([300, 700], {"type": "normal"}, "normal"),
        parameter([300, 700], {"type": "trunc_normal", "a": -1, "b": 2}, "truncated"),
        seed=5,
        dtype=dtype,
        backend=CpuBackend(),
    )
    actor = WeightbankActor(buffer_bytes=2**20, has_gpu=True)
    actor.warm_up()
    try:
        compare(actor, file)
    finally:
        unpin(actor._buffer)


def compare(actor: WeightbankActor, file: WeightsFile) -> None:
    """See that chunks of a file are equal, none of which begins with an element."""
    first = len(file.header)
    for start in range(first + 1, file.size_bytes, 2**20):
        stop = min(file.size_bytes, start + 2**20)
        pieces = [piece for piece in file.pieces(start, stop) if isinstance(piece, Piece)]
        made = actor.fill(pieces, stop - start)
        assert made.dtype == np.uint8
        assert made.tobytes() == bytes(file.read(start, stop))
