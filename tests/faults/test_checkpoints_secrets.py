"""Tokens of the Hub go to the Hub, and nowhere else."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.conftest import LiveServer
from tests.faults.conftest import make_weights
from tests.hub.server import HubServer

ALWAYS = {"hub_revision_seconds": 0, "hub_rights_seconds": 0}
READER, OTHER, SERVICE = "hf_reader_secret", "hf_other_secret", "hf_service_secret"
UNKNOWN = "hf_unknown_secret"
FITTED = f"{CHECKPOINT}?dtype=bfloat16"

MakeServer = Callable[..., LiveServer]


def by(token: str | None) -> dict[str, str]:
    """Headers of a caller."""
    return {} if token is None else {"X-HF-Token": token}


def test_no_token_is_shown_to_anybody_but_the_hub(
    make_hub_server: MakeServer,
    hub: HubServer,
    weights: bytes,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither to the storage nor in logs, metrics, problems, answers or on disk."""
    caplog.set_level(logging.DEBUG)
    private = hub.add_repository(REPOSITORY, {"model.safetensors": weights}, private=True)
    hub.grant(READER, REPOSITORY)
    hub.add_user(OTHER)
    hub.add_repository("timm/own", {"model.safetensors": make_weights(2**20)}, private=True)
    hub.grant(SERVICE, "timm/own")
    shown: list[str] = []

    def show(response: httpx.Response) -> None:
        shown.append(f"{response.headers!r} {response.read()!r}")

    live = make_hub_server(hub_token=SERVICE, **ALWAYS)
    with live.client() as client:
        client.event_hooks = {"response": [*client.event_hooks["response"], show]}
        assert client.get("/v1/checkpoints/timm/own").status_code == 200
        assert client.get(CHECKPOINT, headers=by(READER)).content == weights
        client.get(FITTED, headers=by(READER))
        for token in (OTHER, None, UNKNOWN):
            assert client.get(CHECKPOINT, headers=by(token)).status_code in {401, 404}
        hub.revoke(READER, private)
        assert client.get(CHECKPOINT, headers=by(READER)).status_code == 404
        hub.stop()
        for token in (READER, OTHER, None):
            for path in (CHECKPOINT, FITTED, f"{CHECKPOINT}:describe"):
                client.get(path, headers=by(token))
        hub.start()
        client.get("/metrics")
        client.get("/v1/checkpoints")
    assert not hub.storage_saw_authorization
    assert {SERVICE, READER} <= {request.token for request in hub.requests}
    logged = json.dumps(live.log._lines)
    on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for token in (SERVICE, READER, OTHER, UNKNOWN):
        assert token not in logged
        assert token not in caplog.text
        assert token not in "".join(shown)
        assert token.encode() not in on_disk
