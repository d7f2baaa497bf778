"""What initializers refuse: by tensor or path, with the value and what is accepted."""

import re
from typing import Any

import pytest

from tests.specs import form_of
from weightbank.errors import WeightbankError

NAN, INFINITE = float("nan"), float("inf")

REFUSED: list[tuple[Any, list[int], str]] = [
    ("normla", [2], "init.type 'normla' is not an initializer we know; accepted: normal (did"),
    (3, [2], "init 3 is not an initializer; accepted: an initializer's name, or a mapping"),
    ([], [2], "init [] is not an initializer"),
    ({}, [2], "init"),
    (
        {"std": 1},
        [2],
        "init.std 1 is no parameter of this layer, and no `type` names an initializer",
    ),
    ({"type": None}, [2], "init.type None is not an initializer we know"),
    ({"type": ["normal"]}, [2], "init.type ['normal'] is not an initializer we know"),
    ({"type": "normal", "sdt": 1}, [2], "init.sdt 1 is not an argument of normal; accepted: std"),
    ({"type": "zeros", "val": 1}, [2], "init.val 1 is not an argument of zeros; accepted: no arg"),
    ({"type": "normal", "std": -0.1}, [2], "init.std -0.1 is too small; accepted: 0 or more"),
    ({"type": "normal", "std": NAN}, [2], "init.std nan is not finite; accepted: a finite number"),
    ({"type": "normal", "mean": INFINITE}, [2], "init.mean inf is not finite"),
    ({"type": "normal", "std": "0.02"}, [2], "init.std '0.02' is not a finite number"),
    ({"type": "normal", "std": True}, [2], "init.std True is not a finite number"),
    ({"type": "normal", "std": None}, [2], "init.std None is not a finite number"),
    ({"type": "normal", "std": 2**53 + 1}, [2], "is no IEEE double; accepted: a number that is"),
    ({"type": "normal", "std": 10**400}, [2], "an integer of 1329 bits is no IEEE double"),
    ({"type": "normal", "std": 1e-30}, [2], "p: std 1.0000000031710769e-30 is too small for"),
    (
        {"type": "normal", "std": 1e38},
        [2],
        "p -6.230299800808395e+38 can be one of its values, which float32",
    ),
    ({"type": "constant"}, [2], "init.val is missing; constant needs it; accepted: a finite"),
    ({"type": "constant", "val": 1e39}, [2], "can be one of its values, which float32 cannot"),
    ({"type": "uniform", "a": 1, "b": 0}, [2], "p: b 0.0 is below a = 1.0; accepted: a number"),
    ({"type": "trunc_normal", "a": 3}, [2], "p: b 2.0 is below a = 3.0"),
    ({"type": "trunc_normal", "a": 30, "b": 31}, [2], "p 0 of 2**32 ranks lie between the bounds"),
    ({"type": "trunc_normal", "a": 0, "b": 1e-5}, [2], "of 2**32 ranks lie between the bounds"),
    ({"type": "truncated_normal", "cutoff_sigma": 0}, [2], "too small; accepted: more than 0"),
    ({"type": "truncated_normal", "cutoff_sigma": 1e-6}, [2], "of 2**32 ranks lie between"),
    ({"type": "truncated_normal", "a": 1}, [2], "init.a 1 is not an argument of truncated_normal"),
    ("kaiming_normal", [3], "p [3] has no fans, so its variance cannot follow from them"),
    ("xavier_uniform", [], "p [] has no fans"),
    ({"type": "xavier_normal", "fan_in": 2}, [3], "has no fans"),
    ({"type": "kaiming_normal", "fan_in": 0}, [3, 3], "init.fan_in 0 is too small"),
    ({"type": "kaiming_normal", "mode": "fan_avg"}, [3, 3], "'fan_in' or 'fan_out'"),
    ({"type": "kaiming_normal", "nonlinearity": "rleu"}, [3, 3], "p: nonlinearity 'rleu' is not"),
    ({"type": "kaiming_normal", "gain_rule": "keras"}, [3, 3], "'torch' or 'second_moment'"),
    ({"type": "xavier_normal", "gain": "rleu"}, [3, 3], "p: gain 'rleu' is not a nonlinearity"),
    ({"type": "xavier_normal", "gain": -1}, [3, 3], "init.gain -1.0 is too small"),
    ({"type": "variance_scaling", "scale": -1}, [3, 3], "init.scale -1.0 is too small"),
    ({"type": "variance_scaling", "distribution": "gauss"}, [3, 3], "'truncated_normal'"),
    ("orthogonal", [3], "p [3] cannot be filled by orthogonal; accepted: a tensor of two or"),
    ({"type": "orthogonal", "groups": 4}, [6, 3], "p: groups 4 does not divide the 6 rows"),
    ({"type": "orthogonal", "groups": 0}, [6, 3], "init.groups 0 is too small"),
    ({"type": "orthogonal", "gain": 1e-30}, [6, 3], "p: gain 1.0000000031710769e-30 is too small"),
    ("delta_orthogonal", [3, 3], "p [3, 3] cannot be filled by delta_orthogonal"),
    ("delta_orthogonal", [3, 4, 3], "of odd kernel sizes and at most as many input as output"),
    ("delta_orthogonal", [4, 3, 2], "of odd kernel sizes"),
    ({"type": "sparse"}, [3, 3], "init.sparsity is missing"),
    ({"type": "sparse", "sparsity": 1.1}, [3, 3], "init.sparsity 1.1 is too large; accepted: 1 or"),
    ({"type": "sparse", "sparsity": -0.1}, [3, 3], "init.sparsity -0.1 is too small"),
    ({"type": "sparse", "sparsity": 0.5}, [3, 3, 3], "p [3, 3, 3] cannot be filled by sparse"),
    ({"type": "tie"}, [3], "init.to is missing; tie needs it; accepted: a string"),
    ({"type": "tie", "to": 3}, [3], "init.to 3 is not a string"),
    ({"type": "tie", "to": "q", "padding_idx": 0}, [3], "padding_idx 0 is not an argument of tie"),
    ({"type": "zeros", "residual": {"layers": 2}}, [2], "'constant' has no variance that could"),
    ({"type": "eye", "residual": {"layers": 2}}, [2, 2], "'eye' has no variance that could be"),
    ({"type": "normal", "residual": 2}, [2], "init.residual 2 is not a mapping; accepted: a map"),
    ({"type": "normal", "residual": {}}, [2], "init.residual.layers is missing"),
    ({"type": "normal", "residual": {"layers": 0}}, [2], "init.residual.layers 0 is too small"),
    ({"type": "normal", "residual": {"layer": 1}}, [2], "residual.layer 1 is not an argument of"),
    ({"type": "normal", "split": {"axis": 1, "sizes": [1, 1]}}, [2], "axis 1 is no axis of a"),
    ({"type": "normal", "split": {"axis": -1, "sizes": [2]}}, [2], "split.axis -1 is too small"),
    ({"type": "normal", "split": {"axis": 0, "sizes": [1, 2]}}, [2], "add up to 3; accepted: size"),
    ({"type": "normal", "split": {"axis": 0, "sizes": [2, 0]}}, [2], "[2, 0] is too small"),
    ({"type": "normal", "split": {"axis": 0, "sizes": []}}, [2], "[] add up to 0"),
    ({"type": "normal", "split": {"axis": 0, "sizes": [1] * 65}}, [65], "65 are too many parts"),
    ({"type": "eye", "split": {"axis": 0, "sizes": [1, 1]}}, [2, 2], "cannot be taken of eye"),
    (
        {"type": "orthogonal", "groups": 2, "split": {"axis": 0, "sizes": [2, 2]}},
        [4, 4],
        "cannot be taken of orthogonal; accepted: a constant, an initializer that draws each",
    ),
    ({"type": "normal", "padding_idx": 2}, [2, 2], "p: padding_idx 2 is no row of the tensor"),
    ({"type": "normal", "padding_idx": -3}, [2, 2], "padding_idx -3 is no row of the tensor"),
    ({"type": "normal", "padding_idx": 0}, [], "accepted: a tensor of one dimension or more"),
    ({"type": "normal", "padding_idx": 0.5}, [2, 2], "padding_idx 0.5 is not an integer or null"),
]


@pytest.mark.parametrize(("init", "shape", "message"), REFUSED, ids=lambda item: repr(item)[:70])
def test_refused(init: Any, shape: list[int], message: str) -> None:
    """The message names the argument, the value, the problem and what is accepted."""
    with pytest.raises(WeightbankError, match=re.escape(message)) as caught:
        form_of(init, shape)
    assert caught.value.argument.startswith(("layers[0] 'p'.init", "p"))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_what_could_leave_the_dtype_is_refused(dtype: str) -> None:
    """6.2303 standard deviations have to fit, and float64 is drawn through float32."""
    largest = {"float16": 65504.0, "bfloat16": 2.0**128 - 2.0**120}.get(dtype, 2.0**128 - 2.0**104)
    std = largest / 6.2304
    assert form_in(dtype, {"type": "normal", "std": std})
    with pytest.raises(WeightbankError, match=f"which {dtype} cannot hold"):
        form_in(dtype, {"type": "normal", "std": std * 1.001})


def form_in(dtype: str, init: Any) -> Any:
    """Return the form of a bare Parameter of some dtype."""
    from tests.specs import forms, parameter

    return forms(parameter([2], init), dtype=dtype)["p"]


def test_a_double_constant_needs_a_double() -> None:
    """A constant is the double itself only where the tensor is one."""
    assert form_in("float64", {"type": "constant", "val": 1e300})
    with pytest.raises(WeightbankError, match=r"p 1e\+300 can be one of its values, which float32"):
        form_in("float32", {"type": "constant", "val": 1e300})
