"""Pickled checkpoints over HTTP: refused, or converted to what can be believed."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import safetensors.numpy

from services.blobs.store import BlobStore
from services.conversion.converter import VERSION
from tests.api.checkpoints.conftest import CHECKPOINT, REPOSITORY
from tests.api.conftest import LiveServer
from tests.hub.checkpoints import PICKLE, MadeCheckpoint
from tests.hub.server import HubServer


@pytest.fixture
def pickled(hub: HubServer, tiny: MadeCheckpoint) -> bytes:
    """The bytes of a pickle, which is all that the Hub has of a checkpoint."""
    files = tiny.pickled_only().files
    hub.add_repository(REPOSITORY, files)
    found = files[PICKLE]
    return found if isinstance(found, bytes) else found.read_bytes()


@pytest.mark.usefixtures("pickled")
def test_a_pickle_is_refused_if_nothing_is_said(
    make_hub_server: Callable[..., LiveServer], hub: HubServer
) -> None:
    """Before any of it is fetched."""
    with make_hub_server().client() as client:
        answer = client.get(CHECKPOINT)
    assert (answer.status_code, answer.json()["code"]) == (403, "pickle_refused")
    assert hub.count(host="storage") == 0


@pytest.mark.usefixtures("pickled")
def test_a_pickle_is_converted_where_that_is_let_in(
    make_hub_server: Callable[..., LiveServer], tiny: MadeCheckpoint
) -> None:
    """The tag is the hash of the file that it becomes."""
    with make_hub_server(allow_pickle="convert").client() as client:
        answer = client.get(CHECKPOINT)
    assert answer.status_code == 200
    assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    loaded = safetensors.numpy.load(answer.content)
    for name, values in tiny.tensors().items():
        np.testing.assert_array_equal(loaded[name], values)


def test_what_a_pickle_became_is_not_believed_either(
    make_hub_server: Callable[..., LiveServer], pickled: bytes, tmp_path: Path
) -> None:
    """A process that a pickle has taken over could write anything in place of tensors."""
    directory = tmp_path / "checkpoints"
    store = BlobStore(directory, quota_bytes=10**6, fetches=1)
    key = store.put(_write_no_tensors, size_limit_bytes=100)
    store.close()
    records = directory / "converted"
    records.mkdir()
    record = records / f"sha256-{hashlib.sha256(pickled).hexdigest()}-{VERSION}.json"
    record.write_text(json.dumps({"hash": key.hash, "size_bytes": key.size_bytes}))
    server = make_hub_server(allow_pickle="convert", checkpoint_dir=directory)
    with server.client() as client:
        answer = client.get(CHECKPOINT)
    assert (answer.status_code, answer.json()["code"]) == (502, "invalid_checkpoint")


def _write_no_tensors(out: BinaryIO) -> None:
    out.write(bytes(100))
