"""Modifiers: residual scaling, split and padding, each against what is made by hand."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.specs import file_of, form_of, forms, linear, parameter, weight_form
from weightbank import CpuBackend, WeightbankError
from weightbank.assignment import parse_assignment
from weightbank.backends.reference import draw
from weightbank.distributions import Normal, Uniform
from weightbank.forms import (
    ConstantForm,
    KeptVarianceForm,
    NormalForm,
    OrthogonalForm,
    SparseForm,
    SplitForm,
    TruncatedForm,
    UniformForm,
    ZeroedRowForm,
)
from weightbank.numbers.exact import nearest_float32_sqrt
from weightbank.numbers.orthogonal import orthogonal_matrix
from weightbank.numbers.philox import stream_words
from weightbank.numbers.streams import derive_stream
from weightbank.scale import Scale

Values = NDArray[np.float32]
SEED = 5


def made(layer: dict[str, Any], name: str) -> Values:
    """Return a tensor of the plain backend."""
    file = file_of(layer, seed=SEED)
    tensor = next(item for item in file.layout.tensors if item.name == name)
    values: Values = file.elements(name, 0, tensor.elements).reshape(tensor.shape)
    return values


def drawn(name: str, shape: tuple[int, ...], square: Fraction, kind: type = Normal) -> Values:
    """Draw a whole tensor around 0 by the definition: word i for element i."""
    stream = derive_stream(SEED, name)
    words = stream_words(stream, 0, math.prod(shape))
    return draw(kind(stream, nearest_float32_sqrt(square), np.float32(0)), words).reshape(shape)


@pytest.mark.parametrize(
    ("init", "form"),
    [
        ("normal", NormalForm(0.0, Scale(Fraction(1, 24)))),
        ({"type": "uniform", "a": -1}, UniformForm(Fraction(0), Scale(Fraction(1, 24)))),
        ("trunc_normal", TruncatedForm(0.0, Scale(Fraction(1, 24)), -2.0, 2.0)),
        ("truncated_normal", KeptVarianceForm(Scale(Fraction(1, 24)), 2.0)),
        ("kaiming_normal", NormalForm(0.0, Scale(Fraction(2, 4 * 24)))),
        ({"type": "sparse", "sparsity": 0.5, "std": 1}, SparseForm(Scale(Fraction(1, 24)), 3)),
        ("orthogonal", OrthogonalForm(Scale(Fraction(1, 24)))),
        (
            {"type": "orthogonal", "groups": 2},
            SplitForm(0, (3, 3), (OrthogonalForm(Scale(Fraction(1, 24))),) * 2),
        ),
        (
            {"type": "kaiming_normal", "nonlinearity": "gelu"},
            NormalForm(0.0, Scale(Fraction(1, 4 * 24), "gelu")),
        ),
    ],
)
def test_residual_divides_the_variance(init: Any, form: Any) -> None:
    """Twelve layers of two branches divide the variance by 24, exactly."""
    document = init if isinstance(init, dict) else {"type": init}
    assert form_of({**document, "residual": {"layers": 12}}, [6, 4]) == form


def test_residual_keeps_the_mean() -> None:
    """Only what is drawn is scaled."""
    form = form_of({"type": "normal", "mean": 0.5, "residual": {"layers": 2}}, [6, 4])
    assert form == NormalForm(0.5, Scale(Fraction(1, 4)))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_split_gives_each_part_its_own_fans(axis: int) -> None:
    """Each part has the values of the whole stream, with the scale of its own shape."""
    shape, sizes = (6, 6, 6), (1, 2, 3)
    split = {"axis": axis, "sizes": list(sizes)}
    values = made(parameter(list(shape), {"type": "xavier_uniform", "split": split}), "p")
    start = 0
    for size in sizes:
        part = [*shape[:axis], size, *shape[axis + 1 :]]
        fans = part[1] * part[2] + part[0] * part[2]
        whole = drawn("p", shape, Fraction(6, fans), Uniform)
        indices = range(start, start + size)
        assert np.array_equal(np.take(values, indices, axis), np.take(whole, indices, axis))
        start += size


def test_split_of_conv1d_is_along_axis_1() -> None:
    """GPT-2's c_attn has its outputs on axis 1; its parts have fans of their own."""
    init = {"type": "xavier_normal", "split": {"axis": 1, "sizes": [8, 8, 4]}}
    layer = {"name": "c", "type": "Conv1D", "nx": 8, "nf": 20, "init": init}
    values = made(layer, "c.weight")
    equal = drawn("c.weight", (8, 20), Fraction(2, 16))
    last = drawn("c.weight", (8, 20), Fraction(2, 12))
    assert np.array_equal(values[:, :16], equal[:, :16])
    assert np.array_equal(values[:, 16:], last[:, 16:])


def test_split_of_wide_parts_is_made_in_runs() -> None:
    """Parts that are long in memory give the values that short ones would."""
    sizes = [700, 600]
    split = {"axis": 1, "sizes": sizes}
    values = made(parameter([3, 1300], {"type": "kaiming_normal", "split": split}), "p")
    for first, stop in ((0, 700), (700, 1300)):
        whole = drawn("p", (3, 1300), Fraction(2, stop - first))
        assert np.array_equal(values[:, first:stop], whole[:, first:stop])


@pytest.mark.parametrize("axis", [0, 1])
def test_orthogonal_parts_are_matrices_of_their_own(axis: int) -> None:
    """Part p of a split orthogonal tensor is the matrix of the tag orth/p."""
    sizes = [3, 5, 4]
    shape = [12, 6] if axis == 0 else [6, 12]
    init = {"type": "orthogonal", "gain": 2, "split": {"axis": axis, "sizes": sizes}}
    values = made(parameter(shape, init), "p")
    start = 0
    for part, size in enumerate(sizes):
        stream = derive_stream(SEED, "p", f"orth/{part}")
        rows, columns = (size, 6) if axis == 0 else (6, size)
        matrix = orthogonal_matrix(stream, rows, columns, np.float32(2))
        assert np.array_equal(np.take(values, range(start, start + size), axis), matrix)
        start += size


def test_groups_of_orthogonal_are_parts_along_axis_0() -> None:
    """Groups, and a split into as many equal parts, are one form."""
    split = {"axis": 0, "sizes": [4, 4]}
    assert form_of({"type": "orthogonal", "groups": 2}, [8, 3]) == form_of(
        {"type": "orthogonal", "split": split}, [8, 3]
    )


def test_a_split_into_equal_parts_is_no_split() -> None:
    """Where every part has the same scale, elements are counted over the whole anyway."""
    split = {"axis": 0, "sizes": [4, 4, 4]}
    form = form_of({"type": "xavier_uniform", "split": split}, [12, 4])
    assert form == UniformForm(Fraction(0), Scale(Fraction(6, 8)))


def test_one_part_of_an_orthogonal_matrix_is_the_matrix() -> None:
    """A split into one part changes nothing, the tag included."""
    split = {"axis": 0, "sizes": [8]}
    assert form_of({"type": "orthogonal", "split": split}, [8, 3]) == form_of("orthogonal", [8, 3])


def test_orthogonal_parts_are_never_merged() -> None:
    """Equal parts of an orthogonal tensor are still two matrices."""
    split = {"axis": 0, "sizes": [4, 4]}
    form = form_of({"type": "orthogonal", "split": split}, [8, 3])
    assert isinstance(form, SplitForm)


def test_given_fans_win_within_a_split() -> None:
    """Explicit fans are of every part."""
    split = {"axis": 0, "sizes": [2, 4]}
    form = form_of({"type": "kaiming_normal", "fan_in": 9, "split": split}, [6, 4])
    assert form == NormalForm(0.0, Scale(Fraction(2, 9)))


def test_split_and_residual_go_together() -> None:
    """The variance of each part is divided."""
    split = {"axis": 1, "sizes": [2, 4]}
    init = {"type": "kaiming_normal", "split": split, "residual": {"layers": 3}}
    parts = (NormalForm(0.0, Scale(Fraction(2, 2 * 6))), NormalForm(0.0, Scale(Fraction(2, 4 * 6))))
    assert form_of(init, [6, 6]) == SplitForm(1, (2, 4), parts)


@pytest.mark.parametrize("groups", [2, 4])
def test_split_of_a_grouped_convolution(groups: int) -> None:
    """A part has the layer's groups, and names the tensor where they do not divide it."""
    layer = {"name": "c", "type": "Conv2d", "in_channels": 4, "out_channels": 8, "kernel_size": 1,
             "groups": groups}  # fmt: skip
    init = {"type": "kaiming_normal", "mode": "fan_out", "split": {"axis": 0, "sizes": [2, 6]}}
    if groups == 2:
        parts = tuple(NormalForm(0.0, Scale(Fraction(2, fan))) for fan in (1, 3))
        assert weight_form({**layer, "init": init}) == SplitForm(0, (2, 6), parts)
    else:
        with pytest.raises(WeightbankError, match=r"c\.weight .* not divisible by its 4 groups"):
            weight_form({**layer, "init": init})


@pytest.mark.parametrize("row", [0, 2, 3])
@pytest.mark.parametrize(
    "init",
    ["normal", "xavier_uniform", "orthogonal", "eye", {"type": "sparse", "sparsity": 0.5}],
    ids=str,
)
def test_padding_zeroes_one_row_last(init: Any, row: int) -> None:
    """Every other row is as it would have been."""
    document = init if isinstance(init, dict) else {"type": init}
    plain = made(parameter([4, 5], document), "p")
    padded = made(parameter([4, 5], {**document, "padding_idx": row}), "p")
    assert not padded[row].any()
    others = [index for index in range(4) if index != row]
    assert np.array_equal(padded[others], plain[others])
    assert plain.any()


def test_padding_of_zeros_is_zeros() -> None:
    """Nothing is left to zero."""
    assert form_of({"type": "zeros", "padding_idx": 1}, [4, 5]) == ConstantForm(0.0)


TABLE = {"name": "e", "type": "Embedding", "num_embeddings": 4, "embedding_dim": 5}


@pytest.mark.parametrize("padding_idx", [3, -1])
def test_a_layers_padding_goes_with_any_initializer(padding_idx: int) -> None:
    """A table's own row is zeroed whatever decides its values."""
    layer = {**TABLE, "padding_idx": padding_idx}
    form = forms(layer, rules=[[".*", {"type": "uniform", "a": -1}]])["e.weight"]
    assert form == ZeroedRowForm(UniformForm(Fraction(0), Scale(Fraction(1))), 3)


@pytest.mark.parametrize("given", [3, -1])
def test_the_same_padding_twice(given: int) -> None:
    """Layer and initializer may say the same row, counted from either end."""
    layer = {**TABLE, "padding_idx": 3, "init": {"type": "normal", "padding_idx": given}}
    assert isinstance(weight_form(layer), ZeroedRowForm)


@pytest.mark.parametrize("given", [0, -2, 7, -5])
def test_conflicting_paddings(given: int) -> None:
    """Two different rows are a mistake; so is a row that only equals it modulo the size."""
    layer = {**TABLE, "padding_idx": 3, "init": {"type": "normal", "padding_idx": given}}
    with pytest.raises(WeightbankError, match=f"padding_idx {given} differs from the layer's"):
        weight_form(layer)


@pytest.mark.parametrize(
    "document",
    [
        {"type": "kaiming_normal", "a": 0.5, "mode": "fan_out"},
        {"type": "normal", "std": 0.02, "residual": {"layers": 12}},
        {"type": "xavier_uniform", "split": {"axis": 0, "sizes": [2, 4]}},
        {"type": "normal", "padding_idx": -1},
        {"type": "tie", "to": "other"},
    ],
    ids=str,
)
def test_an_assignment_reads_back_as_it_was_written(document: dict[str, Any]) -> None:
    """What a choice shows can be pasted into a spec."""
    assert parse_assignment(document, where="x").document() == document


def test_defaults_are_not_shown() -> None:
    """Arguments that are as they would be anyway are left out."""
    document = {"type": "he_normal", "a": 0.0, "mode": "fan_in", "fan_in": None}
    assert parse_assignment(document, where="x").document() == {"type": "kaiming_normal"}


def test_tied_bytes_are_the_targets() -> None:
    """A tie has its target's bytes, and not those that its own name would draw."""
    tie = {"type": "tie", "to": "fc.weight"}
    file = file_of(linear(), linear("head", bias=False, init=tie), backend=CpuBackend())
    target, tied = (file.elements(name, 0, 12) for name in ("fc.weight", "head.weight"))
    assert np.array_equal(tied, target)
    alone = file_of(linear("head", bias=False), backend=CpuBackend())
    assert not np.array_equal(tied, alone.elements("head.weight", 0, 12))
