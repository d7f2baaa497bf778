"""Forms: written without loss, bounded by what they say, and checked."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.specs import form_of, values_of
from tests.strategies import specs
from weightbank import Spec, resolve
from weightbank.errors import InvalidArgumentError
from weightbank.forms import Placement, TieForm, form_from_document
from weightbank.forms.base import part_shapes
from weightbank.forms.document import FORMS
from weightbank.forms.structured import kernel_center
from weightbank.numbers.normal import LARGEST, standard_normal

INITS: list[Any] = [
    {"type": "normal", "mean": 0.25, "std": 0.5},
    {"type": "uniform", "a": -0.25, "b": 1.5},
    {"type": "uniform", "a": 0.1, "b": 0.4},
    {"type": "trunc_normal", "std": 1, "a": -0.1, "b": 0.3},
    {"type": "trunc_normal", "a": None, "b": 0.3},
    {"type": "truncated_normal", "std": 0.02},
    {"type": "truncated_normal", "cutoff_sigma": 9},
    {"type": "constant", "val": 0.1},
    {"type": "orthogonal", "gain": "relu"},
    {"type": "orthogonal", "gain": 0.3, "groups": 8},
    {"type": "sparse", "sparsity": 0.5, "std": 2},
    {"type": "kaiming_normal", "split": {"axis": 0, "sizes": [16, 48]}},
    {"type": "normal", "mean": 9, "padding_idx": 3},
    "eye",
]


@pytest.mark.parametrize("init", INITS, ids=str)
def test_values_lie_within_the_bounds(init: Any) -> None:
    """No value is beyond what the form says it can give."""
    low, high = form_of(init, [64, 64]).bounds()
    values = values_of(init, [64, 64]).astype(np.float64)
    # Bounds are exact, and values are rounded to float32.
    slack = 2.0**-23 * max(abs(low), abs(high))
    assert low - slack <= values.min() <= values.max() <= high + slack


def test_the_largest_normal_is_the_last_words() -> None:
    """The bound of a normal is what the outermost words give."""
    ends = standard_normal(np.array([0x7FFF_FFFF, 0x8000_0000], np.uint32))
    assert ends[0] == -ends[1]
    assert LARGEST - 1e-4 < ends[0] <= LARGEST


@given(specs())
def test_documents_are_lossless(document: dict[str, Any]) -> None:
    """What a form wrote reads back as the form."""
    for tensor in resolve(Spec.from_document(document)).resolved.tensors:
        assert form_from_document(tensor.form.document()) == tensor.form


def test_every_form_writes_its_type() -> None:
    """Each form is found by the name that it writes."""
    assert all(cls.type == name for name, cls in FORMS.items())
    assert len(FORMS) == 15


@pytest.mark.parametrize("init", ["zeros", "eye"])
def test_what_does_not_draw_cannot_be_scaled(init: str) -> None:
    """There is no variance to divide."""
    with pytest.raises(InvalidArgumentError, match="has no variance that could be scaled"):
        form_of({"type": init, "residual": {"layers": 1}}, [2, 2])


def test_a_tie_draws_nothing_itself() -> None:
    """A file follows a tie before it asks for a distribution: that is ours to see to."""
    with pytest.raises(AssertionError):
        TieForm("x").distribution(Placement(0, "p", (2,)))


def test_parts_keep_all_axes_but_one() -> None:
    """A part has the tensor's shape along every other axis."""
    assert part_shapes((2, 6, 3), 1, (1, 5)) == [(2, 1, 3), (2, 5, 3)]


@pytest.mark.parametrize(
    ("kernel", "index"), [([3], 1), ([4], 2), ([3, 3], 4), ([2, 3], 4), ([3, 4, 5], 32)]
)
def test_the_centre_of_a_kernel(kernel: list[int], index: int) -> None:
    """The flat index of k // 2 in each dimension, as torch's dirac_ has it."""
    assert kernel_center(kernel) == index
    assert kernel_center(kernel) == np.ravel_multi_index([size // 2 for size in kernel], kernel)


@pytest.mark.parametrize("init", ["orthogonal", "delta_orthogonal"])
def test_orthogonal_matrices_are_orthogonal(init: str) -> None:
    """Rows or columns are orthonormal to float32's precision, at the centre or flattened."""
    shape = [24, 6, 3, 3] if init == "delta_orthogonal" else [24, 60]
    values = values_of(init, shape).astype(np.float64)
    matrix = values[:, :, 1, 1] if init == "delta_orthogonal" else values.T
    gram = matrix.T @ matrix
    assert np.abs(gram - np.eye(len(gram))).max() < 2e-6
    if init == "delta_orthogonal":
        values[:, :, 1, 1] = 0
        assert not values.any()


def test_a_cut_far_out_cuts_nothing() -> None:
    """With a giant cutoff the std is the one asked for, and the bound the normal's."""
    low, high = form_of({"type": "truncated_normal", "cutoff_sigma": 1e300}, [2]).bounds()
    assert -low == high
    assert math.isclose(high, LARGEST, rel_tol=1e-6)
