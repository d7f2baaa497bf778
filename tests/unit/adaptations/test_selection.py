"""Weight selection: which elements of a larger tensor a smaller one takes."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.adaptations import Selection
from weightbank.errors import InvalidShapeError


@given(st.integers(1, 40), st.integers(0, 400))
def test_uniform_is_the_paper_rule(wanted: int, more: int) -> None:
    """Every index is the definition's, in rationals and with ties to even."""
    stored = wanted + more
    indices = Selection((wanted,), "uniform").indices(0, stored).tolist()
    if stored % wanted == 0:
        assert indices == [i * (stored // wanted) for i in range(wanted)]
    else:
        step = Fraction(stored - 1, max(1, wanted - 1))
        assert indices == [round(i * step) for i in range(wanted)]


def test_ties_go_to_even() -> None:
    """Of 4 wanted out of 6, 5/3 and 10/3 are rounded; of 3 out of 4, 1.5 is 2."""
    assert Selection((4,), "uniform").indices(0, 6).tolist() == [0, 2, 3, 5]
    assert Selection((3,), "uniform").indices(0, 4).tolist() == [0, 2, 3]
    assert Selection((3,), "uniform").indices(0, 8).tolist() == [0, 4, 7]


@pytest.mark.parametrize(("wanted", "stored"), [(192, 384), (100, 384), (3, 10), (192, 768)])
def test_agrees_with_the_reference_implementation(wanted: int, stored: int) -> None:
    """The linspace and round of torch, as the authors use them, give the same indices."""
    import torch

    if stored % wanted == 0:
        expected = torch.arange(wanted) * (stored // wanted)
    else:
        expected = torch.round(torch.linspace(0, stored - 1, wanted, dtype=torch.float64)).long()
    indices = Selection((wanted,), "uniform").indices(0, stored)
    assert indices.dtype == np.int64
    assert indices.tolist() == expected.tolist()


@given(
    st.integers(1, 8), st.integers(1, 30), st.integers(0, 50), st.sampled_from(["uniform", "first"])
)
def test_indices_ascend_within_each_part(parts: int, wanted: int, more: int, rule: str) -> None:
    """Indices are ascending and distinct, and each part's come from that part alone."""
    selection = Selection((parts * wanted,), rule, parts)  # type: ignore[arg-type]
    stored = wanted + more
    indices = selection.indices(0, parts * stored)
    assert (np.diff(indices) > 0).all()
    assert (indices // stored).tolist() == [part for part in range(parts) for _ in range(wanted)]
    assert (indices[:wanted] == Selection((wanted,), rule).indices(0, stored)).all()  # type: ignore[arg-type]


def test_a_vocabulary_stays_exact() -> None:
    """Long axes are divided in integers: no double could hold these products' halves."""
    wanted, stored = 2**20 - 1, 2**40 + 12345
    indices = Selection((wanted,), "uniform").indices(0, stored)
    step = Fraction(stored - 1, wanted - 1)
    for at in (0, 1, wanted // 2, wanted - 2, wanted - 1):
        assert indices[at] == round(at * step)


def test_parts_cut_axis_zero_alone() -> None:
    """A fused projection's other axis is chosen from as a whole."""
    selection = Selection((6, 2), "first", 3)
    assert selection.indices(0, 12).tolist() == [0, 1, 4, 5, 8, 9]
    assert selection.indices(1, 4).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("selection", "stored"),
    [
        (Selection((4,), "first"), (3,)),
        (Selection((4, 4), "first"), (8,)),
        (Selection((4,), "first", 3), (9,)),
        (Selection((6,), "first", 3), (8,)),
        (Selection((), "first", 2), ()),
    ],
)
def test_refuses_what_it_does_not_fit(selection: Selection, stored: tuple[int, ...]) -> None:
    """A smaller source, another number of axes, and uneven parts are refused."""
    with pytest.raises(InvalidShapeError, match=r"fc\.weight: shape"):
        selection.shape(stored, argument="fc.weight")


def test_a_scalar_is_itself() -> None:
    """A tensor without axes has one element, which is chosen."""
    assert Selection((), "uniform").shape(()) == ()
