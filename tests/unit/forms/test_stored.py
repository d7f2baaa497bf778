"""Forms of stored tensors: exactly what their documents say, and tiny between processes."""

import pickle

import pytest

from tests.stored import COMMIT, stored_file, stored_tensor
from weightbank.adaptations import InputChannels, PositionGrid, Selection
from weightbank.dtypes import STORED_DTYPES
from weightbank.forms import (
    Form,
    MomentsForm,
    NormalForm,
    Placement,
    PretrainedForm,
    ZeroedRowForm,
    form_from_document,
)
from weightbank.forms import (
    stored_tensor as stored_tensor_of,
)
from weightbank.scale import Scale

TENSOR = stored_tensor("fc.weight", (8, 6))
FORMS: list[Form] = [
    PretrainedForm(TENSOR, None),
    PretrainedForm(stored_tensor("conv1.weight", (8, 3, 7, 7), "float16"), InputChannels(1)),
    PretrainedForm(stored_tensor("pos", (1, 5, 8), "bfloat16"), PositionGrid((2, 2), (3, 1), 1)),
    PretrainedForm(TENSOR, Selection((4, 3), "first", 2)),
    MomentsForm(TENSOR),
    ZeroedRowForm(MomentsForm(TENSOR), 3),
]


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_a_document_is_read_back(form: Form) -> None:
    """Nothing is lost, and nothing is rounded."""
    assert form_from_document(form.document()) == form


def test_documents_are_pinned() -> None:
    """They enter the ids of resolved specs, and never change."""
    tensor = {
        "repository": "owner/model",
        "commit": COMMIT,
        "file": "model.safetensors",
        "hash": stored_file().hash,
        "name": "fc.weight",
        "dtype": "float32",
        "shape": [8, 6],
    }
    assert FORMS[0].document() == {"type": "pretrained", "tensor": tensor, "adaptation": None}
    assert FORMS[3].document() == {
        "type": "pretrained",
        "tensor": tensor,
        "adaptation": {"type": "selection", "shape": [4, 3], "rule": "first", "parts": 2},
    }
    assert FORMS[4].document() == {"type": "moments_of", "tensor": tensor}


@pytest.mark.parametrize("name", STORED_DTYPES)
def test_every_stored_dtype_is_read_back(name: str) -> None:
    """Those too that cannot be drawn."""
    form = PretrainedForm(stored_tensor("t", (2,), name), None)
    assert form_from_document(form.document()) == form


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_distributions_are_small_and_travel(form: Form) -> None:
    """A name is all that goes to another process."""
    values = form.distribution(Placement(7, "p", (8, 6)))
    data = pickle.dumps(values)
    assert pickle.loads(data) == values
    assert len(data) < 1000


def test_moments_are_drawn_from_the_tensors_own_stream() -> None:
    """As a normal's are: the checkpoint moves none of them."""
    placement = Placement(7, "p", (8, 6))
    normal = NormalForm(0.0, Scale.of_double(1.0)).distribution(placement)
    assert MomentsForm(TENSOR).distribution(placement).stream == normal.stream


def test_only_what_is_computed_is_whole() -> None:
    """Copies, choices and two moments need no bound on a tensor's size."""
    assert [form.is_whole for form in FORMS] == [False, True, True, False, False, False]


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_the_stored_tensor_is_told(form: Form) -> None:
    """Of a form in a form too."""
    tensor = stored_tensor_of(form)
    assert tensor is not None
    assert tensor.file == stored_file()
    assert stored_tensor_of(NormalForm(0.0, Scale.of_double(1.0))) is None
