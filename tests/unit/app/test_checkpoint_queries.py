"""What a request says of a checkpoint."""

from urllib.parse import urlencode

import pytest
from starlette.requests import Request

from app.checkpoint_queries import (
    FITTING,
    AskedCheckpoint,
    checkpoint_name,
    read_checkpoint_query,
    repository_of,
)
from app.queries import InvalidQueryError, RepeatedParameterError, UnknownParameterError
from weightbank.errors import InvalidDtypeError, InvalidSeedError
from weightbank.fitting import Wishes
from weightbank.stored import CheckpointName


def request(query: str = "", *, owner: str | None = "timm", name: str = "resnet50") -> Request:
    """A request for a checkpoint."""
    params = {"name": name} if owner is None else {"owner": owner, "name": name}
    scope = {"type": "http", "query_string": query.encode("latin-1"), "path_params": params}
    return Request({**scope, "headers": []})


def asked(**parameters: str) -> AskedCheckpoint:
    """What a request with these parameters asks for."""
    return read_checkpoint_query(request(urlencode(parameters)))


def wishes(**parameters: str) -> Wishes:
    """How a request with these parameters wants it fitted."""
    found = asked(**parameters).wishes
    assert found is not None
    return found


def test_without_parameters_a_checkpoint_is_wanted_as_it_is() -> None:
    """Of its main branch, and the usual file."""
    assert asked() == AskedCheckpoint(CheckpointName("timm/resnet50", "main", None), None, None)


def test_a_repository_may_have_no_owner() -> None:
    """The oldest have none."""
    assert repository_of(request(owner=None, name="gpt2")) == "gpt2"
    assert repository_of(request()) == "timm/resnet50"


def test_revision_and_file_say_which_checkpoint_is_meant() -> None:
    """And nothing of how it is to be fitted."""
    found = asked(revision="refs/pr/4", file="unet/model.safetensors")
    assert found.name == CheckpointName("timm/resnet50", "refs/pr/4", "unet/model.safetensors")
    assert found.wishes is None
    assert checkpoint_name(request(), {"revision": "v1"}).revision == "v1"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("dtype", "bfloat16", "bfloat16"),
        ("include", "layer1.*", "layer1.*"),
        ("exclude", "fc.*", "fc.*"),
        ("strip_prefix", "model", "model"),
        ("add_prefix", "backbone", "backbone"),
        ("rename", "fc:head,layer4:stage4", (("fc", "head"), ("layer4", "stage4"))),
        ("rename", "", ()),
        ("clean", "true", True),
        ("clean", "false", False),
        ("num_classes", "10", 10),
        ("head", "fc", "fc"),
        ("in_channels", "1", 1),
        ("first_conv", "conv1", "conv1"),
        ("grid", "24x32", (24, 32)),
        ("grid", "24", (24, 24)),
        ("position_embedding", "pos_embed", "pos_embed"),
        ("prefix_tokens", "0", 0),
    ],
)
def test_every_wish_is_read(name: str, text: str, value: object) -> None:
    """And nothing but what was said is other than it is."""
    assert wishes(**{name: text}) == Wishes(**{name: value})  # type: ignore[arg-type]


def test_every_parameter_is_a_wish_and_every_wish_a_parameter() -> None:
    """What is fitted is all there is to say of it."""
    assert set(FITTING) == set(Wishes.__dataclass_fields__)


def test_a_seed_is_for_what_is_drawn_anew() -> None:
    """Where nothing is fitted it would decide nothing, and is refused."""
    assert asked(num_classes="10", seed="42").seed == 42
    with pytest.raises(InvalidQueryError, match="seed 42 decides nothing here"):
        asked(seed="42")
    with pytest.raises(InvalidSeedError):
        asked(num_classes="10", seed="-1")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("num_classes", "0", "num_classes '0' is no count; accepted: a whole number, 1 or more"),
        ("num_classes", "", "is no count"),
        ("num_classes", "ten", "is no count"),
        ("num_classes", "-1", "is no count"),
        ("num_classes", "1.0", "is no count"),
        ("num_classes", "1234567890", "is no count"),
        ("num_classes", "\u0661", "is no count"),
        ("in_channels", "0", "accepted: a whole number, 1 or more"),
        ("prefix_tokens", "-1", "accepted: a whole number, 0 or more"),
        ("clean", "yes", "accepted: true or false"),
        ("grid", "0x24", "is no grid"),
        ("grid", "24x0", "is no grid"),
        ("grid", "24x", "is no grid"),
        ("grid", "x24", "is no grid"),
        ("grid", "24X24", "is no grid"),
        ("grid", "24x24x24", "is no grid"),
        ("grid", "1234567x1", "is no grid"),
        ("rename", "fc", "is no pair of names"),
        ("rename", "fc:", "is no pair of names"),
        ("rename", ":head", "is no pair of names"),
        ("rename", "a:b:c", "is no pair of names"),
        ("rename", "fc:head,", "rename '' is no pair of names"),
        ("rename", ",".join(["a:b"] * 257), "has too many pairs; accepted: at most 256"),
    ],
)
def test_a_wish_that_cannot_be_read_is_refused(name: str, text: str, message: str) -> None:
    """By its name, with what would be accepted."""
    with pytest.raises(InvalidQueryError) as caught:
        asked(**{name: text})
    assert message in str(caught.value)
    assert str(caught.value).startswith(name)


def test_as_many_renames_as_may_be_are_read() -> None:
    """And not one more."""
    assert len(wishes(rename=",".join(["a:b"] * 256)).rename) == 256


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("num_clases=10", UnknownParameterError),
        ("dtype=float32&dtype=float16", RepeatedParameterError),
        ("dtype=int8", InvalidDtypeError),
        ("revision=%ff", InvalidQueryError),
    ],
)
def test_a_query_is_read_strictly(query: str, error: type[Exception]) -> None:
    """As everywhere."""
    with pytest.raises(error):
        read_checkpoint_query(request(query))
