"""Pickled checkpoints: refused, or converted where their code reaches nothing."""

import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import safetensors.numpy
import torch

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.checkpoints.problems import check_problem
from tests.api.conftest import LiveServer
from tests.hub.checkpoints import MadeCheckpoint
from tests.hub.server import HubServer

MakeServer = Callable[..., LiveServer]


class Harm:
    """Does something when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __reduce__(self) -> Any:
        """Say what."""
        return os.mkdir, (str(self._place),)


def harmful_pickles(place: Path) -> dict[str, bytes]:
    """Pickles that make a directory when somebody loads them, by repositories."""
    saved = io.BytesIO()
    torch.save({"weight": torch.zeros(3), "harm": Harm(place)}, saved)
    return {
        "test/saved": saved.getvalue(),
        "test/plain": pickle.dumps({"weight": Harm(place)}),
        "test/cut": saved.getvalue()[: len(saved.getvalue()) // 2],
        "test/none": b"no pickle at all",
    }


def test_pickles_are_refused(client: httpx.Client, hub: HubServer, tiny: MadeCheckpoint) -> None:
    """With the reason, and what helps; nothing of them is fetched."""
    hub.add_repository(REPOSITORY, tiny.pickled_only().files)
    named = f"{CHECKPOINT}?file=pytorch_model.bin"
    for path in (CHECKPOINT, named, f"{CHECKPOINT}?dtype=float16", f"{CHECKPOINT}:describe"):
        problem = check_problem(client.get(path), 403, "pickle_refused")
        assert "can run code" in problem.detail
        assert "WEIGHTBANK_ALLOW_PICKLE=convert" in problem.detail
    check_problem(client.post(f"{CHECKPOINT}:prefetch"), 403, "pickle_refused")
    assert client.head(CHECKPOINT).status_code == 403
    assert hub.count(host="storage") == 0


def test_safetensors_beside_a_pickle_are_preferred(
    client: httpx.Client, hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """Nobody has to name them."""
    hub.add_repository(REPOSITORY, tiny.with_pickle().files)
    assert client.get(CHECKPOINT).content == tiny.files["model.safetensors"]


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(
    make_hub_server: MakeServer, hub: HubServer, tmp_path: Path
) -> None:
    """Nor does what is no pickle of tensors become a file."""
    place = tmp_path / "harm"
    for name, content in harmful_pickles(place).items():
        hub.add_repository(name, {"pytorch_model.bin": content})
    live = make_hub_server(allow_pickle="convert")
    with live.client() as client:
        for name in harmful_pickles(place):
            answer = client.get(f"/v1/checkpoints/{name}")
            check_problem(answer, 502, "conversion_failed")
        fitted = client.get("/v1/checkpoints/test/plain?dtype=float16")
        check_problem(fitted, 502, "conversion_failed")
        kept = client.get("/v1/checkpoints").json()["files"]
        hashes = {hub_file(hub, name) for name in harmful_pickles(place)}
        assert {file["hash"] for file in kept} <= hashes, "nothing but the pickles themselves"
    assert not place.exists()
    pickle.loads(harmful_pickles(place)["test/plain"])
    assert place.exists(), "it would have done it"


def hub_file(hub: HubServer, name: str) -> str:
    """The hash of a repository's pickle."""
    return f"sha256:{hub._find(name).file('pytorch_model.bin').content.sha256}"


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_good_pickle_becomes_safetensors(
    make_hub_server: MakeServer, hub: HubServer, tiny: MadeCheckpoint, *, is_zip: bool
) -> None:
    """Whose tensors are those of torch; it is converted once."""
    files = tiny.pickled_only(is_zip=is_zip).files
    hub.add_repository(REPOSITORY, files)
    pickled = files["pytorch_model.bin"]
    assert isinstance(pickled, bytes)
    expected = torch.load(io.BytesIO(pickled), weights_only=True)
    with make_hub_server(allow_pickle="convert").client() as client:
        answer = client.get(CHECKPOINT)
        assert answer.status_code == 200
        found = safetensors.numpy.load(answer.content)
        assert set(found) == set(expected)
        for name, tensor in expected.items():
            np.testing.assert_array_equal(found[name], tensor.numpy(), strict=True)
        again = client.get(CHECKPOINT, params={"file": "pytorch_model.bin"})
        assert again.content == answer.content
        assert again.headers["ETag"] == answer.headers["ETag"]
        part = client.get(CHECKPOINT, headers={"Range": "bytes=-100"})
        assert part.content == answer.content[-100:]
        fitted = safetensors.numpy.load(client.get(f"{CHECKPOINT}?dtype=float16").content)
        weight = expected["fc.weight"].half().numpy()
        np.testing.assert_array_equal(fitted["fc.weight"], weight)
        described = client.get(f"{CHECKPOINT}:describe").json()
        assert described["format"] == "pickle"
        assert {tensor["name"] for tensor in described["tensors"]} == set(expected)
    assert hub.count(host="storage") == 1
