"""Any range of any distribution is that range of the whole."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.specs import file_of, parameter
from weightbank import CpuBackend

BACKEND = CpuBackend()
CASES: dict[str, tuple[Any, list[int]]] = {
    "eye": ("eye", [70, 40]),
    "dirac": ({"type": "dirac", "groups": 2}, [12, 4, 3, 3]),
    "delta": ("delta_orthogonal", [20, 6, 3, 5]),
    "sparse": ({"type": "sparse", "sparsity": 0.4}, [50, 33]),
    "orthogonal": ("orthogonal", [40, 66]),
    "orthogonal rows": ({"type": "orthogonal", "groups": 4}, [40, 33]),
    "orthogonal columns": (
        {"type": "orthogonal", "split": {"axis": 1, "sizes": [30, 1, 35]}}, [20, 66],
    ),
    "orthogonal single columns": (
        {"type": "orthogonal", "split": {"axis": 1, "sizes": [1] * 7 + [2]}}, [40, 9],
    ),
    "short parts": (
        {"type": "kaiming_normal", "split": {"axis": 1, "sizes": [3, 1, 2]}}, [90, 6, 3],
    ),
    "long parts": (
        {"type": "xavier_uniform", "split": {"axis": 1, "sizes": [600, 700]}}, [3, 1300],
    ),
    "padded": ({"type": "normal", "padding_idx": 3}, [9, 133]),
    "padded parts": (
        {"type": "kaiming_normal", "padding_idx": 1, "split": {"axis": 0, "sizes": [2, 7]}},
        [9, 133],
    ),
}  # fmt: skip
FILES = {
    name: file_of(parameter(shape, init), backend=BACKEND) for name, (init, shape) in CASES.items()
}
WHOLE = {name: file.elements("p", 0, file.layout.elements) for name, file in FILES.items()}


@pytest.mark.parametrize("name", CASES)
@given(ends=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_any_range_is_that_of_the_whole(name: str, ends: tuple[float, float]) -> None:
    """Ranges begin and end anywhere: in a row, at a centre, across the parts."""
    elements = len(WHOLE[name])
    start, stop = sorted(int(end * elements) for end in ends)
    made = FILES[name].elements("p", start, stop)
    assert made.tobytes() == WHOLE[name][start:stop].tobytes()


@pytest.mark.parametrize("name", CASES)
def test_every_single_element_alone(name: str) -> None:
    """The shortest ranges, over one stretch."""
    start = len(WHOLE[name]) // 3
    made = [FILES[name].elements("p", at, at + 1)[0] for at in range(start, start + 200)]
    assert np.array_equal(made, WHOLE[name][start : start + 200])


@pytest.mark.parametrize("name", CASES)
def test_ranges_of_a_few_elements(name: str) -> None:
    """Seven elements at a time make the whole."""
    total = len(WHOLE[name])
    pieces = [FILES[name].elements("p", at, min(at + 7, total)) for at in range(0, total, 7)]
    assert np.array_equal(np.concatenate(pieces), WHOLE[name])
