"""From a torch module to a spec, and back to the same tensors."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tests.state_dicts import Tensor, on_meta, state
from weightbank import Layout, Spec, from_module, resolve
from weightbank.errors import InvalidArgumentError, InvalidDtypeError
from weightbank.forms import TieForm


def given_initializers(document: dict[str, Any], unknown: tuple[str, ...]) -> dict[str, Any]:
    """Return a spec in which what belongs to no layer has an initializer or a value."""
    layers = [
        layer
        if layer["name"] not in unknown
        else {**layer, "init": {"type": "normal", "std": 0.02}}
        if layer["type"] == "Parameter"
        else {"value": 0, **layer}
        for layer in document["layers"]
    ]
    return {**document, "layers": layers}


def round_trip(module: Any) -> list[Tensor]:
    """Write a module as a spec, resolve that, and return its file's tensors by name."""
    written = from_module(module)
    document = given_initializers(written.document, written.unknown)
    layout = Layout.of(resolve(Spec.from_document(document)).resolved)
    return sorted((item.name, item.shape, item.dtype.name) for item in layout.tensors)


class Block(nn.Module):
    """A module with parameters and buffers of its own, beside layers."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(3, dtype=torch.int64))
        self.scale = nn.Parameter(torch.ones(4))
        self.layer = nn.Linear(4, 4)
        self.register_buffer("cache", torch.zeros(9), persistent=False)
        self.register_parameter("absent", None)
        self.missing = None
        self.norm = nn.LayerNorm(4)


class WithAdapter(nn.Linear):
    """A subclass with tensors that Linear has not."""

    def __init__(self) -> None:
        super().__init__(4, 3)
        self.down = nn.Linear(4, 2, bias=False)
        self.gate = nn.Parameter(torch.zeros(()))


class Renamed(nn.Linear):
    """A subclass with exactly Linear's tensors."""


class TiedHead(nn.Module):
    """A table and a head of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4, padding_idx=1)
        self.head = nn.Linear(4, 10)
        self.head.weight = self.table.weight


class TiedParameters(nn.Module):
    """A bare parameter under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(2, 3))
        self.second = self.first


class HeadFirst(nn.Module):
    """A layer whose weight is a bare parameter that stands before it."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Parameter(torch.zeros(3, 4))
        self.layer = nn.Linear(4, 3)
        self.layer.weight = self.shared


class Unvalued(nn.Module):
    """Buffers with values that a spec has no word for."""

    def __init__(self, buffer: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("buffer", buffer)


class Quantized(nn.Module):
    """A frozen parameter of integers."""

    def __init__(self) -> None:
        super().__init__()
        self.codes = nn.Parameter(torch.zeros(2, 3, dtype=torch.int8), requires_grad=False)
        self.layer = nn.Linear(2, 2)


def twice(layer: nn.Module) -> nn.Module:
    """Return a module that holds one layer twice."""
    return nn.ModuleDict({"first": layer, "second": layer})


def mixed() -> nn.Module:
    """Return a module whose layers have different dtypes."""
    return nn.Sequential(
        nn.Linear(2, 3).to(torch.bfloat16),
        nn.BatchNorm1d(3),
        nn.Linear(3, 3).to(torch.bfloat16),
        nn.Linear(3, 3).to(torch.float64),
    )


MODULES: dict[str, Callable[[], Any]] = {
    "block": Block,
    "adapter": WithAdapter,
    "subclass": lambda: Renamed(4, 3),
    "tied head": TiedHead,
    "tied parameters": TiedParameters,
    "head first": HeadFirst,
    "quantized": Quantized,
    "mixed dtypes": mixed,
    "shared linear": lambda: twice(nn.Linear(3, 2)),
    "shared batch norm": lambda: twice(nn.BatchNorm2d(3)),
    "shared attention": lambda: twice(nn.MultiheadAttention(8, 2, add_bias_kv=True)),
    "convolutions": lambda: nn.Sequential(
        nn.Conv1d(4, 8, 3, groups=2), nn.Conv2d(3, 4, (3, 5), bias=False), nn.Conv3d(1, 2, 3)
    ),
    "norms": lambda: nn.Sequential(
        nn.LayerNorm((2, 3), bias=False),
        nn.LayerNorm(4, elementwise_affine=False),
        nn.RMSNorm(4),
        nn.GroupNorm(2, 4, bias=False),
        nn.GroupNorm(2, 4, affine=False),
        nn.BatchNorm1d(4, affine=False),
        nn.BatchNorm2d(4, track_running_stats=False),
        nn.BatchNorm3d(4, bias=False),
        nn.SyncBatchNorm(4),
    ),
    "attention": lambda: nn.MultiheadAttention(8, 2, kdim=4, vdim=6, bias=False),
    "encoder": lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16), 2, enable_nested_tensor=False
    ),
    "transformer": lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True),
    "unknown modules": lambda: nn.Sequential(
        nn.ConvTranspose2d(4, 6, 3), nn.LSTM(3, 4, num_layers=2), nn.PReLU(), nn.Bilinear(2, 3, 4)
    ),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)),
    "lora beside": lambda: nn.ModuleDict(
        {"a": nn.Linear(2, 2), "b": nn.ParameterList([nn.Parameter(torch.zeros(2, 2))])}
    ),
    "a layer itself": lambda: nn.Linear(3, 2),
}


@pytest.mark.parametrize("name", MODULES)
def test_round_trip(name: str) -> None:
    """The file of a module's spec has exactly the tensors of its state dict."""
    module = on_meta(MODULES[name])
    assert round_trip(module) == sorted(state(module))


@pytest.mark.parametrize("name", MODULES)
def test_layers_stand_in_the_order_of_the_state_dict(name: str) -> None:
    """The layers of the spec are in the order of the state dict."""
    from tests.state_dicts import declared

    module = on_meta(MODULES[name])
    written = from_module(module)
    document = given_initializers(written.document, written.unknown)
    assert [tensor for tensor, _, _ in declared(document)] == list(module.state_dict())


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("block", ("scale", "steps")),
        ("adapter", ("weight", "bias", "gate")),
        ("subclass", ()),
        ("tied head", ()),
        ("tied parameters", ("first",)),
        ("head first", ("shared",)),
        ("quantized", ("codes",)),
        ("lora beside", ("b.0",)),
        (
            "weight norm",
            ("bias", "parametrizations.weight.original0", "parametrizations.weight.original1"),
        ),
        ("encoder", ()),
    ],
)
def test_it_says_which_tensors_belong_to_no_layer(name: str, unknown: tuple[str, ...]) -> None:
    """What became a Parameter or a Buffer is listed by its name."""
    assert from_module(on_meta(MODULES[name])).unknown == unknown


@pytest.mark.parametrize(
    "name",
    [
        "subclass",
        "tied head",
        "mixed dtypes",
        "shared linear",
        "shared batch norm",
        "shared attention",
        "convolutions",
        "norms",
        "attention",
        "encoder",
        "transformer",
        "a layer itself",
    ],
)
def test_modules_that_we_know_are_written_as_layers(name: str) -> None:
    """Nothing of them is left to bare tensors, whatever their arguments are."""
    written = from_module(on_meta(MODULES[name]))
    assert written.unknown == ()
    assert {layer["type"] for layer in written.document["layers"]}.isdisjoint(
        {"Parameter", "Buffer"}
    )


def test_a_tied_head_is_a_tie() -> None:
    """The second name of a weight takes the bytes of the first."""
    written = from_module(on_meta(TiedHead))
    forms = {item.name: item.form for item in resolve_document(written.document).tensors}
    assert forms["head.weight"] == TieForm("table.weight")


def resolve_document(document: dict[str, Any]) -> Any:
    """Return the resolved spec of a document."""
    return resolve(Spec.from_document(document)).resolved


def test_shared_statistics_are_written_twice() -> None:
    """The buffers of a shared batch norm have their one value under both names."""
    document = from_module(on_meta(lambda: twice(nn.BatchNorm2d(3)))).document
    second = document["layers"][1]
    assert set(second["init"]) == {"weight", "bias"}


def test_the_spec_has_the_dtype_that_most_layers_have() -> None:
    """Layers of another dtype say so, and only they."""
    document = from_module(on_meta(mixed)).document
    assert document["dtype"] == "bfloat16"
    assert [layer.get("dtype") for layer in document["layers"]] == [
        None,
        "float32",
        None,
        "float64",
    ]


def test_a_buffer_on_the_meta_device_has_no_value() -> None:
    """Where a buffer's value cannot be read, it is left out and said so."""
    written = from_module(on_meta(Block))
    assert written.unvalued == ("steps",)
    assert all("value" not in layer for layer in written.document["layers"])


def test_a_buffer_of_one_value_keeps_it() -> None:
    """The value of an equal buffer is read where there is memory behind it."""
    written = from_module(Unvalued(torch.full((2, 2), 7, dtype=torch.int32)))
    assert written.document["layers"] == [
        {"name": "buffer", "type": "Buffer", "shape": [2, 2], "dtype": "int32", "value": 7.0}
    ]


@pytest.mark.parametrize(
    "buffer",
    [
        torch.tensor([1.0, 2.0]),
        torch.tensor([float("nan")]),
        torch.tensor([float("-inf")]),
        torch.tensor([2**63 - 1]),
        torch.tensor([2**53 + 1]),
        torch.arange(5),
    ],
    ids=repr,
)
def test_a_buffer_that_no_spec_can_say_has_no_value(buffer: torch.Tensor) -> None:
    """Several values, NaN, infinities and integers that are no doubles are left out."""
    written = from_module(Unvalued(buffer))
    assert written.unvalued == ("buffer",)
    assert "value" not in written.document["layers"][0]


def test_an_absent_preset_is_left_out() -> None:
    """Without a preset the spec means the default one."""
    assert "preset" not in from_module(nn.Linear(1, 1), preset=None).document
    assert from_module(nn.Linear(1, 1), preset="advised@1").document["preset"] == "advised@1"


def test_what_is_no_module() -> None:
    """Something else than a module is refused by its type."""
    with pytest.raises(InvalidArgumentError, match="module 'list' is no torch module"):
        from_module([nn.Linear(1, 1)])


def test_a_module_without_tensors() -> None:
    """A module that has nothing to initialize is refused."""
    with pytest.raises(InvalidArgumentError, match="module 'ReLU' has no tensors"):
        from_module(nn.ReLU())


def test_a_dtype_that_no_file_has_is_refused_with_the_tensors_name() -> None:
    """Complex buffers are named."""
    with pytest.raises(InvalidDtypeError, match="dtype of buffer 'complex64' cannot stand"):
        from_module(Unvalued(torch.zeros(2, dtype=torch.complex64)))


@pytest.mark.parametrize("build", [lambda: nn.LazyLinear(3), nn.LazyBatchNorm1d])
def test_lazy_modules_are_refused(build: Callable[[], Any]) -> None:
    """A parameter without a shape is named, and what to do is said."""
    with pytest.raises(InvalidArgumentError, match="weight is lazy and has no shape yet"):
        from_module(nn.ModuleDict({"layer": build()}))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_with_memory_gives_the_same_layers(name: str) -> None:
    """Only the values of buffers depend on the device a module is on."""
    on_device, virtual = from_module(MODULES[name]()), from_module(on_meta(MODULES[name]))
    without_values = [
        {key: value for key, value in layer.items() if key != "value" or layer["type"] != "Buffer"}
        for layer in on_device.document["layers"]
    ]
    assert without_values == virtual.document["layers"]
