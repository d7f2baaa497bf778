"""What has to be there whole before a range is made: just what making it asks for."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.specs import form_of
from weightbank import CpuBackend, PreparedTensors
from weightbank.distributions import Distribution
from weightbank.dtypes import FLOAT32
from weightbank.forms import Placement
from weightbank.generation import Generator
from weightbank.prepared import Begin, Prepared
from weightbank.whole import begin_whole, whole_parts

BACKEND = CpuBackend()
CASES: dict[str, tuple[Any, list[int]]] = {
    "drawn": ("normal", [6, 7]),
    "drawn parts": ({"type": "kaiming_normal", "split": {"axis": 1, "sizes": [2, 5]}}, [6, 7]),
    "eye": ("eye", [6, 7]),
    "orthogonal": ("orthogonal", [6, 7]),
    "padded orthogonal": ({"type": "orthogonal", "padding_idx": 2}, [6, 7]),
    "sparse": ({"type": "sparse", "sparsity": 0.4}, [6, 7]),
    "padded sparse": ({"type": "sparse", "sparsity": 0.4, "padding_idx": 0}, [6, 7]),
    "delta": ("delta_orthogonal", [6, 3, 3, 5]),
    "rows": ({"type": "orthogonal", "groups": 3}, [6, 7]),
    "columns": ({"type": "orthogonal", "split": {"axis": 1, "sizes": [1, 3, 3]}}, [6, 7]),
    "long columns": ({"type": "orthogonal", "split": {"axis": 1, "sizes": [9, 1]}}, [3, 10, 600]),
}
VALUES: dict[str, tuple[Distribution, int]] = {
    name: (form_of(init, shape).distribution(Placement(3, "p", tuple(shape))), int(np.prod(shape)))
    for name, (init, shape) in CASES.items()
}


class Recording(PreparedTensors):
    """Tells which keys were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[Hashable] = []

    def get(self, key: Hashable, begin: Begin) -> Prepared:
        """See ``PreparedTensors.get``."""
        self.keys.append(key)
        return super().get(key, begin)


@pytest.mark.parametrize("name", VALUES)
@given(ends=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_range_needs_what_making_it_asks_for(name: str, ends: tuple[float, float]) -> None:
    """Not more, so that nothing is made in vain, and not less, so that nothing waits."""
    values, elements = VALUES[name]
    start, stop = sorted(int(end * elements) for end in ends)
    if start == stop:
        assert whole_parts(values, start, stop) == ()
        return
    prepared = Recording()
    Generator(BACKEND, prepared).fill(values, FLOAT32, start, np.empty(stop - start, np.float32))
    found = whole_parts(values, start, stop)
    assert len(set(found)) == len(found)
    assert set(found) == set(prepared.keys)


@pytest.mark.parametrize("name", VALUES)
def test_all_of_a_tensor_needs_all_of_its_parts(name: str) -> None:
    """Without a range, everything is told."""
    values, elements = VALUES[name]
    assert set(whole_parts(values)) == set(whole_parts(values, 0, elements))


def test_parts_come_in_the_order_of_the_range() -> None:
    """What is needed first is the first."""
    values, _ = VALUES["long columns"]
    one, other = whole_parts(values)
    row, width = 6000, 5400
    assert whole_parts(values, 0, row) == (one, other)
    assert whole_parts(values, width, row + 1) == (other, one)
    assert whole_parts(values, row - 1, row) == (other,)
    assert whole_parts(values, row, row + width) == (one,)


def test_a_part_is_the_key_of_its_making() -> None:
    """What is made beforehand is what the range asks for."""
    prepared = PreparedTensors()
    values, elements = VALUES["rows"]
    for part in whole_parts(values):
        prepared.get(part, lambda part=part: begin_whole(part, BACKEND))  # type: ignore[misc]
    made = prepared.size_bytes
    out = np.empty(elements, np.float32)
    Generator(BACKEND, prepared).fill(values, FLOAT32, 0, out)
    assert prepared.size_bytes == made == out.nbytes
