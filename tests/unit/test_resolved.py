"""Resolved specs: canonical JSON, ids, and reading back."""

import hashlib
import json

import pytest

from tests.specs import linear, parameter, resolved
from weightbank import ResolvedSpec
from weightbank.dtypes import FLOAT64
from weightbank.errors import ConstantWeightsError, UnknownAlgorithmError


def test_the_document_of_a_small_spec() -> None:
    """Nothing but algorithm, names, shapes, dtypes and exact forms is in it."""
    layers = [parameter([2, 3], {"type": "kaiming_normal", "nonlinearity": "gelu"})]
    assert resolved(*layers, seed=4).resolved.document() == {
        "algorithm": 1,
        "tensors": [
            {
                "name": "p",
                "shape": [2, 3],
                "dtype": "float32",
                "dtype_fixed": False,
                "initializer": {
                    "type": "normal",
                    "mean": 0.0,
                    "variance": "1/3",
                    "second_moment_of": "gelu",
                },
            }
        ],
    }


def test_the_id_is_the_hash_of_canonical_json() -> None:
    """Keys are sorted, and there are no spaces."""
    spec = resolved(parameter([2], {"type": "constant", "val": 1})).resolved
    text = (
        b'{"algorithm":1,"tensors":[{"dtype":"float32","dtype_fixed":false,'
        b'"initializer":{"type":"constant","value":1},"name":"p","shape":[2]}]}'
    )
    assert spec.canonical_json() == text
    assert spec.id == hashlib.sha256(text).hexdigest()


def test_tensors_stand_in_the_order_of_their_names() -> None:
    """Order of layers does not enter, and order of code points is that of UTF-8."""
    names = ["b", "é", "Z", "😀", "\uffee", "a"]
    spec = resolved(*(parameter([1], "zeros", name) for name in names)).resolved
    assert [tensor.name for tensor in spec.tensors] == sorted(
        names, key=lambda name: name.encode("utf-8")
    )


def test_another_algorithm_is_not_read() -> None:
    """What another algorithm resolved is none of ours."""
    document = resolved(linear()).resolved.document()
    with pytest.raises(UnknownAlgorithmError, match=r"algorithm 2 is not .* accepted: 1"):
        ResolvedSpec.from_json(json.dumps({**document, "algorithm": 2}))


def test_a_dtype_that_makes_draws_equal_is_refused() -> None:
    """N(1, 1e-4) is a distribution in float32, and one number in bfloat16."""
    init = {"type": "normal", "mean": 1, "std": 1e-4}
    spec = resolved(linear(init=init)).resolved
    with pytest.raises(ConstantWeightsError, match=r"fc\.weight .* round to in bfloat16"):
        spec.with_dtype("bfloat16")
    assert spec.with_dtype("float64").default_dtype is FLOAT64
