"""Checkpoints of full size that the server does not have: fitted and sent while they arrive."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.examples.checkpoints.bank import Bank
from tests.examples.checkpoints.models import RESNET50, resnet_spec
from tests.hub.server import HubServer

SEED = 42
ARRIVED_BYTES = 60_000_000
# What has arrived is on its way but for chunks that are not full, and what sockets hold.
SENT_BYTES = 40_000_000

pytestmark = pytest.mark.examples


def fitted(bank: Bank) -> tuple[str, dict[str, Any]]:
    """Return path and query of the checkpoint, fitted."""
    del bank
    return RESNET50.path, {"num_classes": 10, "in_channels": 1, "seed": SEED}


def pretrained(bank: Bank) -> tuple[str, dict[str, Any]]:
    """Return path and query of a spec's weights that start from the checkpoint."""
    head = [r"fc\..*", {"type": "normal", "std": 0.01}]
    backbone = [".*", {"type": "pretrained", "repo": RESNET50.repository}]
    return bank.post(resnet_spec(head, backbone)), {"seed": SEED}


def first_of(pieces: Iterator[bytes], size_bytes: int) -> bytearray:
    """Return pieces of a file until there are so many bytes of it."""
    taken = bytearray()
    while len(taken) < size_bytes:
        taken += next(pieces)
    return taken


@pytest.mark.parametrize("ask", [fitted, pretrained])
def test_what_is_here_is_sent_before_the_rest_has_come(
    bank: Bank, full_size_hub: HubServer, sources: dict[str, Path], ask: Any
) -> None:
    """The Hub holds back two fifths until a client has the first; the whole stays right."""
    path, query = ask(bank)
    expected = bank.fetch(path, **query).read_bytes()
    bank.forget(RESNET50.repository)
    size_bytes = sources[RESNET50.repository].stat().st_size
    full_size_hub.requests.clear()
    gate = full_size_hub.gate("model.safetensors", after_bytes=ARRIVED_BYTES)
    try:
        pieces = bank.pieces(path, **query)
        first = first_of(pieces, SENT_BYTES)
        assert full_size_hub.sent_bytes(host="storage") <= ARRIVED_BYTES < size_bytes
        gate.release()
        assert first + b"".join(pieces) == expected
    finally:
        full_size_hub.mend(gate)
    assert full_size_hub.sent_bytes(host="storage") == size_bytes
