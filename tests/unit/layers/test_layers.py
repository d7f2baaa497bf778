"""What layers refuse, and what they say of their tensors."""

import re
from typing import Any

import pytest

from tests.specs import linear, parameter, resolved
from weightbank import Spec
from weightbank.errors import InvalidArgumentError, LimitExceededError, WeightbankError
from weightbank.fans import Fans
from weightbank.layers import BufferDeclaration, ParameterDeclaration, catalogue


def declaration(layer: dict[str, Any], suffix: str) -> ParameterDeclaration:
    """Return what a layer declares of one parameter."""
    entry = Spec.from_document({"layers": [layer]}).layers[0]
    found = next(item for item in entry.declarations if item.suffix == suffix)
    assert isinstance(found, ParameterDeclaration)
    return found


def layer(kind: str, **arguments: Any) -> dict[str, Any]:
    """Return a layer named ``l``."""
    return {"name": "l", "type": kind, **arguments}


@pytest.mark.parametrize(
    ("document", "fans"),
    [
        (layer("Linear", in_features=7, out_features=3), Fans(7, 3)),
        (layer("Conv1D", nx=7, nf=3), Fans(7, 3)),
        (layer("Conv1d", in_channels=4, out_channels=6, kernel_size=5), Fans(20, 30)),
        (layer("Conv2d", in_channels=4, out_channels=6, kernel_size=[2, 3]), Fans(24, 36)),
        (layer("Conv2d", in_channels=4, out_channels=6, kernel_size=3, groups=2), Fans(18, 27)),
        (layer("Conv2d", in_channels=32, out_channels=32, kernel_size=3, groups=32), Fans(9, 9)),
        (layer("Conv3d", in_channels=2, out_channels=4, kernel_size=2), Fans(16, 32)),
        (layer("Embedding", num_embeddings=10, embedding_dim=4), Fans(4, 10)),
    ],
)
def test_fans_are_those_of_the_kind(document: dict[str, Any], fans: Fans) -> None:
    """Fans count connections by what the axes of a layer's weight mean."""
    weight = declaration(document, "weight")
    assert weight.axes is not None
    assert weight.axes.fans(weight.shape) == fans


@pytest.mark.parametrize(
    ("document", "fan_in"),
    [
        (layer("Linear", in_features=7, out_features=3), 7),
        (layer("Conv1D", nx=7, nf=3), 7),
        (layer("Conv2d", in_channels=4, out_channels=6, kernel_size=3, groups=2), 18),
    ],
)
def test_a_bias_knows_the_fan_in_of_its_weight(document: dict[str, Any], fan_in: int) -> None:
    """A bias has no fans of its own shape."""
    bias = declaration(document, "bias")
    assert (bias.axes, bias.fan_in) == (None, fan_in)


def test_fused_attention_has_three_parts() -> None:
    """Queries, keys and values stand side by side along axis 0."""
    document = layer("MultiheadAttention", embed_dim=8, num_heads=2)
    assert declaration(document, "in_proj_weight").parts == (8, 8, 8)


@pytest.mark.parametrize(("given", "row"), [(0, 0), (9, 9), (-1, 9), (-10, 0)])
def test_padding_idx_counts_from_either_end(given: int, row: int) -> None:
    """A negative padding_idx is a row from the end, as in torch."""
    document = layer("Embedding", num_embeddings=10, embedding_dim=4, padding_idx=given)
    assert declaration(document, "weight").padding_idx == row


def test_buffers_have_their_one_right_value() -> None:
    """Running means start at 0, running variances at 1, and the counter is an int64."""
    entry = Spec.from_document({"layers": [layer("BatchNorm2d", num_features=3)]}).layers[0]
    buffers = [item for item in entry.declarations if isinstance(item, BufferDeclaration)]
    assert [(item.suffix, item.value, item.dtype) for item in buffers] == [
        ("running_mean", 0.0, None),
        ("running_var", 1.0, None),
        ("num_batches_tracked", 0.0, "int64"),
    ]


REFUSED: list[tuple[dict[str, Any], str]] = [
    (layer("Linear", in_features=0, out_features=1), "in_features 0 is too small; accepted: 1"),
    (layer("Linear", in_features=1, out_features=-3), "out_features -3 is too small"),
    (layer("Linear", in_features=1.5, out_features=1), "in_features 1.5 is not an integer"),
    (layer("Linear", in_features="8", out_features=1), "in_features '8' is not an integer"),
    (layer("Linear", in_features=True, out_features=1), "in_features True is not an integer"),
    (layer("Linear", in_features=2**60, out_features=1), "is too large; accepted: an integer"),
    (layer("Linear", in_features=float("nan"), out_features=1), "in_features nan is not finite"),
    (layer("Linear", in_features=float("inf"), out_features=1), "in_features inf is not finite"),
    (layer("Linear", out_features=1), "in_features is missing; Linear needs it"),
    (layer("Linear", in_features=1, out_features=1, bias=0), "bias 0 is not true or false"),
    (layer("Linear", in_features=1, out_features=1, biass=False), "bias (did you mean this?)"),
    (layer("Conv2d", in_channels=4, out_channels=6, kernel_size=3, groups=4), "out_channels = 6"),
    (layer("Conv2d", in_channels=6, out_channels=4, kernel_size=3, groups=4), "in_channels = 6"),
    (layer("Conv2d", in_channels=4, out_channels=4, kernel_size=[3]), "an integer, or 2 of them"),
    (layer("Conv2d", in_channels=4, out_channels=4, kernel_size=[3, 0]), "is too small"),
    (layer("Conv2d", in_channels=4, out_channels=4, kernel_size=[]), "has 0 sizes"),
    (layer("LayerNorm", normalized_shape=[]), "normalized_shape [] is empty"),
    (layer("GroupNorm", num_groups=4, num_channels=6), "does not divide num_channels = 6"),
    (layer("MultiheadAttention", embed_dim=8, num_heads=3), "does not divide embed_dim = 8"),
    (layer("Embedding", num_embeddings=4, embedding_dim=2, padding_idx=4), "-4 to 3"),
    (layer("Embedding", num_embeddings=4, embedding_dim=2, padding_idx=-5), "-4 to 3"),
    (parameter([2, -1], "zeros"), "shape [2, -1] is too small"),
    (parameter([2, 0], "zeros"), "shape [2, 0] is too small"),
    (layer("Buffer", shape=[]), "value is missing"),
    (layer("Buffer", shape=[1], value=float("-inf")), "value -inf is not finite"),
]


@pytest.mark.parametrize(("document", "message"), REFUSED, ids=repr)
def test_refused_arguments(document: dict[str, Any], message: str) -> None:
    """What cannot be a layer is refused with its path, its value and what is accepted."""
    with pytest.raises(WeightbankError, match=re.escape(message)) as caught:
        resolved(document)
    name = document["name"]
    assert caught.value.argument.startswith(f"layers[0] {name!r}")


def test_too_many_dimensions() -> None:
    """A tensor of nine dimensions is beyond the limit."""
    with pytest.raises(LimitExceededError, match="has 9 dimensions; accepted: 8 or fewer"):
        resolved(parameter([1] * 9, "zeros"))


def test_whole_floats_are_integers() -> None:
    """A program may write 4.0 where an integer is meant."""
    assert resolved(linear(inputs=4.0)).resolved == resolved(linear(inputs=4)).resolved  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "int8", "uint8"])
def test_integer_buffers(dtype: str) -> None:
    """A bare buffer can be of any integer dtype."""
    tensor = resolved(layer("Buffer", shape=[2], value=7, dtype=dtype)).resolved.tensors[0]
    assert (tensor.dtype.name, tensor.dtype_fixed) == (dtype, True)


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        ("int64", 0.5, "0.5 is not an integer, and its dtype is int64; accepted: an integer"),
        ("int8", 128, "can be one of its values, which int8 cannot hold; accepted: -128 to 127"),
        ("uint8", -1, "accepted: 0 to 255"),
        ("bool", 2, "accepted: 0 to 1"),
        ("int64", 2.0**63, "which int64 cannot hold"),
        ("float16", 70000, "accepted: -65504 to 65504"),
    ],
)
def test_buffers_that_their_dtype_cannot_hold(dtype: str, value: float, message: str) -> None:
    """A buffer's value has to be one of its dtype."""
    with pytest.raises(WeightbankError, match=re.escape(message)):
        resolved(layer("Buffer", shape=[2], value=value, dtype=dtype))


def test_a_weight_cannot_be_an_integer() -> None:
    """Only buffers have integer dtypes."""
    with pytest.raises(WeightbankError, match="'int64' is not a dtype that weights can have"):
        resolved(linear(dtype="int64"))


def test_an_unknown_buffer_dtype() -> None:
    """The dtypes of buffers are named where none fits."""
    with pytest.raises(WeightbankError, match=r"'int7' is not a dtype .* int8 .did you mean"):
        resolved(layer("Buffer", shape=[2], value=0, dtype="int7"))


def test_arguments_without_effect_are_taken_as_they_are() -> None:
    """What torch takes and no tensor shows changes nothing."""
    plain = {"in_channels": 1, "out_channels": 2, "kernel_size": 3}
    more = {"stride": [2, 2], "padding": "same", "dilation": 2, "padding_mode": "reflect"}
    assert (
        resolved(layer("Conv2d", **plain, **more)).resolved.id
        == resolved(layer("Conv2d", **plain)).resolved.id
    )


def test_the_catalogue_describes_every_argument() -> None:
    """Each argument has a sentence for the reference."""
    for row in catalogue():
        assert row["summary"].endswith(".")
        assert all(argument["description"] for argument in row["arguments"])


def test_a_divisor_is_checked_before_shapes() -> None:
    """Groups that divide nothing are a mistake even where the quotient would be zero."""
    with pytest.raises(InvalidArgumentError, match="groups 8 does not divide"):
        resolved(layer("Conv1d", in_channels=4, out_channels=8, kernel_size=1, groups=8))
