"""What is computed of false bytes while they arrive is for nobody else.

The first chunk is sent before the last byte has come: it is made from values, whole
tensors and moments that nothing vouches for yet.
"""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.api.checkpoints.conftest import REPOSITORY
from tests.api.conftest import LiveServer
from tests.faults.outcomes import rest_of
from tests.faults.test_checkpoints_lies import AT_ONCE, keeps_nothing
from tests.hub.checkpoints import timm_resnet
from tests.hub.faults import CorruptByte
from tests.hub.layouts import ResNetSizes
from tests.hub.server import HubServer
from tests.servers import wait_until
from weightbank.stored_header import parse_header

MakeServer = Callable[..., LiveServer]
FITTED = f"/v1/checkpoints/{REPOSITORY}"
SIZES = ResNetSizes(depths=(1, 1, 1, 1), channels=(16, 32, 64, 128), classes=10)
SPEC = {
    "layers": [{"name": "fc", "type": "Linear", "in_features": 1024, "out_features": 1024}],
    "rules": [[r"fc\..*", {"type": "moments_of", "repo": REPOSITORY}]],
}


@pytest.fixture(scope="module")
def content() -> bytes:
    """A ResNet whose fitted file has several chunks."""
    found = timm_resnet(SIZES).files["model.safetensors"]
    assert isinstance(found, bytes)
    assert len(found) > 2**20
    return found


@pytest.fixture
def hub(hub: HubServer, content: bytes) -> HubServer:
    """A Hub that has it."""
    hub.add_repository(REPOSITORY, {**timm_resnet(SIZES).files, "model.safetensors": content})
    return hub


def wrong_in(content: bytes, name: str) -> CorruptByte:
    """A lie about the first element of a tensor."""
    header = parse_header(content, file_bytes=len(content))
    return CorruptByte(header.tensors[name].start + 1)


@pytest.mark.parametrize("query", ["in_channels=1", "in_channels=5&dtype=float64"])
def test_a_tensor_that_was_made_whole_is_made_anew(
    make_hub_server: MakeServer, hub: HubServer, content: bytes, tmp_path: Path, query: str
) -> None:
    """Once the Hub tells the truth, the same request has the right bytes."""
    lie, path = wrong_in(content, "conv1.weight"), f"{FITTED}?{query}"
    with make_hub_server(**AT_ONCE).client() as client, make_hub_server().client() as clean:
        begun = begin_in_a_lie(client, hub, path, lie, after_bytes=len(content) - 1000)
        wait_until(lambda: keeps_nothing(client, tmp_path / "checkpoints"))
        expected = clean.get(path)
        assert begun != expected.content[: len(begun)], "the lie was to be in what was sent"
        for _ in range(2):
            answer = client.get(path)
            assert answer.content == expected.content
            assert answer.headers["ETag"] == expected.headers["ETag"]


def test_moments_are_taken_anew(
    make_hub_server: MakeServer, hub: HubServer, content: bytes, tmp_path: Path
) -> None:
    """Nor are digests of what followed from false ones kept."""
    lie = wrong_in(content, "fc.weight")
    with make_hub_server(**AT_ONCE).client() as client, make_hub_server().client() as clean:
        spec_id = client.post("/v1/specs", json=SPEC).json()["id"]
        path, digests = f"/v1/weights/{spec_id}?seed=42", f"/v1/weights/{spec_id}/digests?seed=42"
        begun = begin_in_a_lie(client, hub, path, lie, after_bytes=len(content) - 1000)
        wait_until(lambda: keeps_nothing(client, tmp_path / "checkpoints"))
        expected = clean.get(path)
        assert begun != expected.content[: len(begun)], "the lie was to be in what was sent"
        assert client.get(path).content == expected.content
        wait_until(lambda: client.get(digests).status_code == 200)
        wait_until(lambda: clean.get(digests).status_code == 200)
        assert client.get(digests).json() == clean.get(digests).json()


def begin_in_a_lie(
    client: httpx.Client, hub: HubServer, path: str, lie: CorruptByte, *, after_bytes: int
) -> bytes:
    """Take the beginning of an answer that is made from false bytes; return it."""
    gate = hub.gate(after_bytes=after_bytes, times=1)
    hub.inject(lie, host="storage")
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        gate.wait_for_arrival()
        gate.release()
        broken = rest_of(answer)
    assert not broken.is_complete
    hub.mend(lie)
    return broken.content
