"""Which part of a checkpoint is the state dict, and what it must consist of."""

from collections import OrderedDict
from typing import Any

import pytest
import torch

from services.conversion.refusal import Refusal
from services.conversion.state_dict import check_state_dict, find_state_dict

TENSORS = {"weight": torch.ones(2)}


def refusal_of(state_dict: dict[Any, Any]) -> tuple[str, Any, str]:
    """Check a state dict, and return why it is refused."""
    with pytest.raises(Refusal) as caught:
        check_state_dict(state_dict)
    return caught.value.kind, caught.value.value, caught.value.detail


@pytest.mark.parametrize("wrapper", ["state_dict_ema", "model_ema", "state_dict", "model"])
def test_what_is_beside_a_wrapped_state_dict_is_left_out(wrapper: str) -> None:
    """Epochs, optimizers, even tensors: training keeps much."""
    loaded = {"epoch": 3, "best": torch.tensor(1.0), wrapper: TENSORS, "args": {"lr": 0.1}}
    assert find_state_dict(loaded) is TENSORS


@pytest.mark.parametrize(
    ("wrappers", "first"),
    [
        (["model", "state_dict"], "state_dict"),
        (["model", "model_ema"], "model_ema"),
        (["state_dict", "state_dict_ema", "model_ema"], "state_dict_ema"),
    ],
)
def test_the_first_of_several_wrappers_is_taken(wrappers: list[str], first: str) -> None:
    """In timm's order, not in the file's."""
    loaded = {wrapper: {wrapper: torch.ones(1)} for wrapper in wrappers}
    assert list(find_state_dict(loaded)) == [first]


def test_an_average_that_was_never_made_is_passed_over() -> None:
    """It is kept as None."""
    assert find_state_dict({"state_dict_ema": None, "state_dict": TENSORS}) is TENSORS


def test_a_tensor_of_a_wrappers_name_is_no_wrapper() -> None:
    """A state dict may have a parameter of that name."""
    loaded = {"model": torch.ones(2)}
    assert find_state_dict(loaded) is loaded


@pytest.mark.parametrize(
    ("loaded", "kind"), [([1], "list"), (torch.ones(2), "Tensor"), (None, "NoneType")]
)
def test_what_is_no_dict_is_refused(loaded: object, kind: str) -> None:
    """By its type."""
    with pytest.raises(Refusal) as caught:
        find_state_dict(loaded)
    assert (caught.value.kind, caught.value.value) == ("structure", kind)


def test_names_and_values_stay_as_they_are() -> None:
    """A wrapper's prefix belongs to the names; order and kinds of dicts do not matter."""
    tensors = OrderedDict([("module.b", torch.ones(1)), ("a", torch.nn.Parameter(torch.ones(2)))])
    checked = check_state_dict(tensors)
    assert list(checked) == ["module.b", "a"]
    assert not checked["a"].requires_grad


@pytest.mark.parametrize("value", [3, None, "text", {"weight": torch.ones(1)}, [torch.ones(1)]])
def test_an_entry_that_is_no_tensor_is_refused_by_name(value: object) -> None:
    """It is not known what it would mean to leave it out."""
    kind = type(value).__name__
    assert refusal_of({**TENSORS, "epoch": value}) == ("entry", "epoch", kind)


@pytest.mark.parametrize("name", ["", "__metadata__", "\ud800"])
def test_a_name_that_no_header_can_hold_is_refused(name: str) -> None:
    """Empty, reserved, or not Unicode."""
    assert refusal_of({name: torch.ones(1)}) == ("name", name, "")


def test_a_name_that_is_no_text_is_refused() -> None:
    """Optimizers have those."""
    assert refusal_of({0: torch.ones(1)}) == ("name", "0", "int")


def test_no_tensor_at_all_is_refused() -> None:
    """It is not the file that somebody wanted."""
    assert refusal_of({}) == ("empty", None, "")


@pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize(
    ("make", "detail"),
    [
        (lambda: torch.eye(3).to_sparse(), "sparse"),
        (lambda: torch.eye(3).to_sparse_csr(), "sparse"),
        (lambda: torch.quantize_per_tensor(torch.ones(3), 1.0, 0, torch.quint8), "quantized"),
        (lambda: torch.ones(3, device="meta"), "meta"),
        (lambda: torch.ones(3, dtype=torch.complex128), "complex128"),
        (lambda: torch.ones(3, dtype=torch.uint8).view(torch.float4_e2m1fn_x2), "float4_e2m1fn_x2"),
    ],
)
def test_tensors_that_no_file_can_hold_are_refused_by_name(make: Any, detail: str) -> None:
    """And by what they are."""
    assert refusal_of({**TENSORS, "bad": make()}) == ("tensor", "bad", detail)
