"""Ways in which a Hub, or a mirror, answers that make no difference to clients."""

from collections.abc import Callable

import httpx
import pytest

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.conftest import LiveServer
from tests.faults.outcomes import outcome
from tests.hub.checkpoints import MadeCheckpoint, timm_resnet
from tests.hub.falsehoods import WeakEtags, rate_limited
from tests.hub.faults import Cut, IgnoreRange
from tests.hub.server import HubServer

MakeServer = Callable[..., LiveServer]


@pytest.fixture
def tiny(hub: HubServer) -> MadeCheckpoint:
    """A small ResNet, whole and in shards, that the Hub has."""
    made = timm_resnet()
    hub.add_repository(REPOSITORY, made.files)
    hub.add_repository("timm/sharded", made.sharded(2).files)
    return made


def check_all(client: httpx.Client, tiny: MadeCheckpoint) -> None:
    """See that everything works that needs the Hub."""
    weights = tiny.files["model.safetensors"]
    assert client.get(f"{CHECKPOINT}:describe").json()["model"]["classifier"] == "fc"
    assert client.get(CHECKPOINT).content == weights
    config = client.get(CHECKPOINT, params={"file": "config.json"})
    assert config.content == tiny.files["config.json"]
    sharded = client.get("/v1/checkpoints/timm/sharded")
    assert len(sharded.content) == int(sharded.headers["Content-Length"])
    fitted = client.get(CHECKPOINT, params={"num_classes": "3", "seed": "1"})
    assert fitted.status_code == 200


@pytest.mark.parametrize("compresses", [False, True])
def test_small_files_behind_a_redirect(
    make_hub_server: MakeServer, hub: HubServer, tiny: MadeCheckpoint, *, compresses: bool
) -> None:
    """As on the Hub of today, sent with gzip or without."""
    hub.options.resolve_cache = True
    hub.options.compresses = compresses
    with make_hub_server().client() as client:
        check_all(client, tiny)


def test_small_files_without_a_redirect_and_compressed(
    make_hub_server: MakeServer, hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """Their length is not told then."""
    hub.options.compresses = True
    with make_hub_server().client() as client:
        check_all(client, tiny)


def test_xet_is_not_needed(
    make_hub_server: MakeServer, hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """Where it is offered, the address for all clients is as good."""
    hub.options.xet = True
    with make_hub_server().client() as client:
        answer = client.get(CHECKPOINT)
        check_all(client, tiny)
    assert not [name for name in answer.headers if "xet" in name.lower()]
    assert hub.count(path_contains="xet-read-token") == 0


def test_a_storage_without_ranges(
    make_hub_server: MakeServer, hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """A broken transfer is sent anew, and what is there already is skipped."""
    hub.inject(IgnoreRange(), host="storage")
    hub.inject(Cut(after_bytes=50_000), "model.safetensors", host="storage", skip=1, times=1)
    with make_hub_server().client() as client:
        check_all(client, tiny)


def test_weak_tags_of_a_proxy(
    make_hub_server: MakeServer, hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """They name the content all the same."""
    hub.inject(WeakEtags())
    with make_hub_server().client() as client:
        check_all(client, tiny)


def test_links_that_run_out(
    make_hub_server: MakeServer, hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """The Hub is asked for another one in mid-transfer."""
    gate = hub.gate("model.safetensors", after_bytes=50_000, times=1)
    with make_hub_server().client() as client, client.stream("GET", CHECKPOINT) as answer:
        gate.wait_for_arrival()
        hub.expire_links()
        hub.inject(Cut(), host="storage", times=1)
        hub.mend(gate)
        content = answer.read()
    assert content == tiny.files["model.safetensors"]


def test_a_hub_that_limits_its_callers(
    make_hub_server: MakeServer, hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """They are told when to come again; what is kept is served."""
    with make_hub_server(hub_revision_seconds=0).client() as client:
        weights = client.get(CHECKPOINT).content
        assert weights == tiny.files["model.safetensors"]
        limit = rate_limited(30)
        hub.inject(limit)
        assert client.get(CHECKPOINT).content == weights
        refused = outcome(client, "/v1/checkpoints/timm/sharded")
        assert (refused.status, refused.code) == (503, "upstream_busy")
        assert 0 < int(refused.headers["Retry-After"]) <= 30
        hub.mend(limit)
        assert outcome(client, "/v1/checkpoints/timm/sharded").is_whole
