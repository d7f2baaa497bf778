"""A checkpoint as it is wished for."""

from typing import Any

import httpx
import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch

from tests.api.checkpoints.conftest import CHECKPOINT
from tests.hub.checkpoints import MadeCheckpoint, timm_vit
from tests.hub.server import HubServer


def tensors_of(answer: httpx.Response) -> dict[str, Any]:
    """The tensors of an answer."""
    assert answer.status_code == 200, answer.text
    return safetensors.numpy.load(answer.content)


def test_another_dtype(client: httpx.Client, content: bytes) -> None:
    """What torch makes of it; integers stay."""
    fitted = safetensors.torch.load(client.get(CHECKPOINT, params={"dtype": "bfloat16"}).content)
    for name, tensor in safetensors.torch.load(content).items():
        expected = tensor.bfloat16() if tensor.is_floating_point() else tensor
        assert fitted[name].dtype == expected.dtype
        assert fitted[name].equal(expected)


def test_names_are_chosen_and_changed(
    client: httpx.Client, content: bytes, tiny: MadeCheckpoint
) -> None:
    """By regular expressions, prefixes and pairs of names."""
    assert content
    fitted = tensors_of(
        client.get(
            CHECKPOINT,
            params={
                "include": r"(conv1|bn1|fc)\..*",
                "exclude": r".*\.num_batches_tracked",
                "rename": "fc:head",
                "add_prefix": "backbone",
            },
        )
    )
    assert set(fitted) == {
        f"backbone.{name}"
        for name in (
            "conv1.weight",
            "bn1.weight",
            "bn1.bias",
            "bn1.running_mean",
            "bn1.running_var",
            "head.weight",
            "head.bias",
        )
    }
    np.testing.assert_array_equal(fitted["backbone.head.weight"], tiny.tensor("fc.weight"))


def test_a_new_head_is_that_of_a_spec(
    client: httpx.Client, content: bytes, tiny: MadeCheckpoint
) -> None:
    """The same bytes that anybody gets for a layer of its name, sizes and seed."""
    assert content
    params = {"num_classes": "7", "in_channels": "1", "seed": "42"}
    answer = client.get(CHECKPOINT, params=params)
    fitted = tensors_of(answer)
    features = tiny.tensor("fc.weight").shape[1]
    layer = {"name": "fc", "type": "Linear", "in_features": features, "out_features": 7}
    drawn = tensors_of(client.post("/v1/weights?seed=42", json={"layers": [layer]}))
    np.testing.assert_array_equal(fitted["fc.weight"], drawn["fc.weight"])
    summed = tiny.tensor("conv1.weight").astype(np.float64).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted["conv1.weight"], summed, rtol=1e-6, atol=1e-8)
    etags = {
        client.head(CHECKPOINT, params={**params, "seed": seed}).headers["ETag"]
        for seed in ("42", "43")
    }
    assert len(etags) == 2
    assert answer.headers["ETag"] in etags
    parts = [
        client.get(CHECKPOINT, params=params, headers={"Range": value}).content
        for value in ("bytes=0-999", "bytes=1000-")
    ]
    assert b"".join(parts) == answer.content


def test_a_new_head_needs_a_seed(client: httpx.Client, content: bytes) -> None:
    """A seed that decides nothing is refused, too."""
    assert content
    without = client.get(CHECKPOINT, params={"num_classes": "7"})
    assert (without.status_code, without.json()["code"]) == (422, "missing_seed")
    alone = client.get(CHECKPOINT, params={"seed": "7"})
    assert (alone.status_code, alone.json()["code"]) == (422, "invalid_query")


def test_a_larger_grid_of_positions(client: httpx.Client, hub: HubServer) -> None:
    """The class token's embedding stays what it was."""
    made = timm_vit()
    hub.add_repository("timm/vit", made.files)
    before = made.tensor("pos_embed")
    fitted = tensors_of(client.get("/v1/checkpoints/timm/vit", params={"grid": "5x7"}))
    assert fitted["pos_embed"].shape == (1, 1 + 5 * 7, before.shape[2])
    np.testing.assert_array_equal(fitted["pos_embed"][:, 0], before[:, 0])


@pytest.mark.parametrize(
    ("params", "code", "mentioned"),
    [
        ({"include": "layer9.*"}, "invalid_argument", "include"),
        ({"include": "("}, "invalid_pattern", "include"),
        ({"rename": "nothing:something"}, "invalid_argument", "nothing"),
        ({"num_classes": "7", "head": "hed", "seed": "1"}, "unknown_tensor", "hed"),
        ({"in_channels": "0"}, "invalid_query", "in_channels"),
        ({"grid": "0x7"}, "invalid_query", "grid"),
        ({"dtype": "float8"}, "invalid_dtype", "float8"),
        ({"head": "fc"}, "invalid_argument", "num_classes"),
        ({"clean": "yes"}, "invalid_query", "clean"),
        ({"wishes": "none"}, "unknown_parameter", "wishes"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled(
    client: httpx.Client, content: bytes, params: dict[str, str], code: str, mentioned: str
) -> None:
    """It is named, with what would be accepted."""
    assert content
    refused = client.get(CHECKPOINT, params=params)
    assert refused.json()["code"] == code, refused.text
    assert mentioned in refused.json()["detail"]
    assert refused.json().get("accepted")
