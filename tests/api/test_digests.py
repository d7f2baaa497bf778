"""Digests over HTTP: computed in the background, kept, and right."""

import hashlib
import itertools
import threading
from typing import Any

import pytest

from schemas.digests import DigestsOut, DigestsProgressOut
from schemas.examples import MLP

HALF_A_TERABYTE = {
    "layers": [{"name": "emb", "type": "Embedding", "num_embeddings": 2**29, "embedding_dim": 256}]
}


def finished(api: Any, path: str) -> DigestsOut:
    """The digests, asked for until they are there."""
    pause = threading.Event()
    for _ in range(3000):
        response = api.get(path)
        if response.status_code == 200:
            assert "immutable" in response.headers["cache-control"]
            return DigestsOut.model_validate(response.json())
        assert response.status_code == 202
        progress = DigestsProgressOut.model_validate(response.json())
        assert 0 <= progress.bytes_done <= progress.bytes_total
        assert int(response.headers["retry-after"]) >= 1
        assert response.headers["cache-control"] == "no-store"
        pause.wait(0.01)
    pytest.fail("the digests were never finished")


def digests_path(posted: Any) -> str:
    """The path of the digests of an answer with weights."""
    path, _, query = posted.headers["content-location"].partition("?")
    return f"{path}/digests?{query}"


def test_digests_are_those_of_the_file(api: Any) -> None:
    """Header, blocks, and the whole."""
    posted = api.post("/v1/weights", json=MLP)
    content = posted.content
    digests = finished(api, digests_path(posted))
    header_bytes = 8 + int.from_bytes(content[:8], "little")
    assert digests.size == len(content)
    assert digests.sha256 == hashlib.sha256(content).hexdigest()
    assert digests.header_sha256 == hashlib.sha256(content[:header_bytes]).hexdigest()
    assert digests.block_bytes == 67108864
    assert digests.blocks == [digests.sha256]


def test_blocks_cover_a_file_of_several(server: Any) -> None:
    """The last one is shorter."""
    rows = {"name": "e", "type": "Embedding", "num_embeddings": 2**16 * 3, "embedding_dim": 128}
    spec = {"seed": 1, "layers": [{**rows, "init": "zeros"}]}
    with server.client() as client:
        posted = client.post("/v1/weights", json=spec)
        digests = finished(client, digests_path(posted))
    blocks = [posted.content[at : at + 2**26] for at in range(0, len(posted.content), 2**26)]
    assert len(blocks) == 2
    assert digests.blocks == [hashlib.sha256(block).hexdigest() for block in blocks]


def test_digests_are_kept(make_api: Any) -> None:
    """Another server with the same store has them at once."""
    api = make_api()
    path = digests_path(api.post("/v1/weights", json=MLP))
    digests = finished(api, path)
    again = make_api().get(path)
    assert again.status_code == 200
    assert DigestsOut.model_validate(again.json()) == digests


def test_only_so_many_files_wait(make_api: Any) -> None:
    """More are refused; who asks again for one of them is not. Shutdown does not wait."""
    api = make_api(limit_digest_files=1)
    spec_id = api.post("/v1/specs", json=HALF_A_TERABYTE).json()["id"]
    path = f"/v1/weights/{spec_id}/digests?seed="
    statuses = [api.get(path + seed).status_code for seed in ("1", "2", "3", "1", "2")]
    assert statuses == [202, 202, 503, 202, 202]
    refused = api.get(path + "3")
    assert refused.json()["code"] == "overloaded"
    assert int(refused.headers["retry-after"]) >= 1


def test_a_file_that_would_take_days_is_refused(make_api: Any) -> None:
    """By a setting, which the message names in bytes."""
    api = make_api(limit_digest_file_bytes=1000)
    problem = api.get(digests_path(api.post("/v1/weights", json=MLP)))
    assert (problem.status_code, problem.json()["code"]) == (422, "limit_exceeded")
    assert "1,000 bytes" in problem.json()["detail"]


def test_digests_belong_to_seed_and_dtype(api: Any, mlp_id: str) -> None:
    """Each file has its own; a dtype that changes nothing is the same file."""
    seen = {
        finished(api, f"/v1/weights/{mlp_id}/digests?seed={seed}{dtype}").sha256
        for seed, dtype in itertools.product((1, 2), ("", "&dtype=float32", "&dtype=bfloat16"))
    }
    assert len(seen) == 4
    missing = api.get(f"/v1/weights/{mlp_id}/digests")
    assert missing.json()["code"] == "missing_seed"
