"""Files over HTTP: the same bytes whichever way they are asked for."""

from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from app.security_headers import HEADERS, STRICTEST
from schemas.examples import MLP, MLP_YAML, RESIDUAL_BLOCK
from weightbank import ReferenceBackend, Spec, WeightsFile, resolve
from weightbank.layout import Layout

OCTETS = "application/octet-stream"
_OF_ALL = {name.decode() for name, _ in (*HEADERS, STRICTEST)}


def expected_file(spec: dict[str, Any], seed: int, dtype: str = "float32") -> bytes:
    """The file as the slow reference makes it."""
    resolved = resolve(Spec.from_document(spec)).resolved.with_dtype(dtype)
    file = WeightsFile(Layout.of(resolved), seed=seed, backend=ReferenceBackend())
    return bytes(file.read(0, file.size_bytes))


def test_a_posted_spec_gives_the_bytes_of_the_reference(api: Any) -> None:
    """And Content-Location names a GET with the same bytes and tag."""
    posted = api.post("/v1/weights", json=MLP)
    assert posted.status_code == 200
    assert posted.content == expected_file(MLP, 42)
    got = api.get(posted.headers["content-location"])
    assert got.content == posted.content
    assert got.headers["etag"] == posted.headers["etag"]
    assert posted.headers["cache-control"] == "no-store, no-transform"


def test_headers_of_a_file(api: Any, mlp_id: str) -> None:
    """What caches and clients need to know."""
    response = api.get(f"/v1/weights/{mlp_id}?seed=7")
    # Those that every answer has are tests/api/test_browsers.py's.
    own = {name: value for name, value in response.headers.items() if name not in _OF_ALL}
    assert own == {
        "etag": f'"1-{mlp_id}-7-float32"',
        "cache-control": "public, max-age=31536000, immutable, no-transform",
        "accept-ranges": "bytes",
        "content-location": f"/v1/weights/{mlp_id}?seed=7&dtype=float32",
        "content-disposition": f'attachment; filename="{mlp_id[:12]}-seed-7-float32.safetensors"',
        "weightbank-algorithm": "1",
        "content-type": OCTETS,
        "content-length": str(len(response.content)),
        "x-request-id": response.headers["x-request-id"],
    }


def test_the_seed_of_the_query_wins(api: Any, mlp_id: str) -> None:
    """Over the one in the spec."""
    posted = api.post("/v1/weights?seed=7", json=MLP)
    assert posted.content == expected_file(MLP, 7)
    assert posted.headers["etag"] == f'"1-{mlp_id}-7-float32"'


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_the_dtype_of_the_query_wins(api: Any, mlp_id: str, dtype: str) -> None:
    """And a dtype that is the spec's own is no other file."""
    posted = api.post(f"/v1/weights?dtype={dtype}", json=MLP)
    assert posted.content == expected_file(MLP, 42, dtype)
    assert posted.headers["etag"] == f'"1-{mlp_id}-42-{dtype}"'
    tags = {
        api.head(f"/v1/weights/{mlp_id}?seed=1{query}").headers["etag"]
        for query in ("", "&dtype=float32")
    }
    assert len(tags) == 1


def test_a_file_whose_tensors_fix_their_dtypes_has_one_tag(api: Any) -> None:
    """Whatever dtype is asked for."""
    spec = {
        "layers": [
            {"name": "p", "type": "Parameter", "shape": [3], "dtype": "float16", "init": "ones"}
        ]
    }
    stored = api.post("/v1/specs", json=spec).json()
    assert stored["dtype"] is None
    path = f"/v1/weights/{stored['id']}?seed=1"
    answers = [api.get(path + query) for query in ("", "&dtype=float64")]
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert answers[0].content == answers[1].content
    assert answers[0].headers["content-location"] == path


def test_yaml_is_posted_as_json_is(api: Any) -> None:
    """One spec, one file."""
    headers = {"Content-Type": "text/yaml; charset=utf-8"}
    assert api.post("/v1/weights", content=MLP_YAML, headers=headers).content == expected_file(
        MLP, 42
    )


def test_safetensors_reads_the_file(api: Any) -> None:
    """With its counters and running statistics."""
    tensors = safetensors.numpy.load(api.post("/v1/weights", json=RESIDUAL_BLOCK).content)
    assert tensors["conv1.weight"].shape == (64, 64, 3, 3)
    assert np.array_equal(tensors["bn2.weight"], np.zeros(64, np.float32))
    assert np.array_equal(tensors["bn1.weight"], np.ones(64, np.float32))
    assert tensors["bn1.num_batches_tracked"].dtype == np.int64


def test_head_has_the_size_and_makes_nothing(server: Any, large_spec: dict[str, Any]) -> None:
    """Range is ignored, as the RFC says."""
    with server.client() as client:
        stored = client.post("/v1/specs", json=large_spec).json()
        path = f"/v1/weights/{stored['id']}?seed=1"
        before = _made(client)
        for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=x"}):
            response = client.head(path, headers=headers)
            assert response.status_code == 200
            assert response.headers["content-length"] == str(stored["bytes"])
            assert "content-range" not in response.headers
        unchanged = client.get(path, headers={"If-None-Match": response.headers["etag"]})
        refused = client.get(path, headers={"Range": f"bytes={stored['bytes']}-"})
        assert (unchanged.status_code, refused.status_code) == (304, 416)
        assert _made(client) == before


def test_a_file_of_terabytes_has_an_end(api: Any) -> None:
    """Its last bytes are made without the others."""
    spec = {
        "layers": [
            {"name": "emb", "type": "Embedding", "num_embeddings": 2**32, "embedding_dim": 256}
        ]
    }
    stored = api.post("/v1/specs", json=spec).json()
    assert stored["bytes"] > 4 * 2**40
    path = f"/v1/weights/{stored['id']}?seed=1"
    assert api.head(path).headers["content-length"] == str(stored["bytes"])
    last = api.get(path, headers={"Range": "bytes=-1024"})
    first, stop = stored["bytes"] - 1024, stored["bytes"]
    assert last.headers["content-range"] == f"bytes {first}-{stop - 1}/{stop}"
    middle = api.get(path, headers={"Range": f"bytes={first - 100}-{first + 99}"})
    assert middle.content[100:] == last.content[:100]


def test_a_missing_seed_is_asked_for(api: Any, mlp_id: str) -> None:
    """With the one that was suggested, where there is one."""
    problem = api.get(f"/v1/weights/{mlp_id}").json()
    assert problem["code"] == "missing_seed"
    assert "seed=42" in problem["detail"]
    without = {"layers": MLP["layers"]}
    assert api.post("/v1/weights", json=without).json()["code"] == "missing_seed"
    assert api.post("/v1/weights?seed=42", json=without).status_code == 200


def test_a_file_over_the_limit_is_refused_in_a_wider_dtype(make_api: Any) -> None:
    """The limit counts bytes of the file that is asked for."""
    api = make_api(limit_file_bytes=1_000_000)
    stored = api.post("/v1/specs", json=MLP).json()
    assert api.head(f"/v1/weights/{stored['id']}?seed=1").status_code == 200
    refused = api.get(f"/v1/weights/{stored['id']}?seed=1&dtype=float64")
    assert (refused.status_code, refused.json()["code"]) == (422, "limit_exceeded")


def _made(client: Any) -> str:
    """What the metrics say of bytes that were made."""
    lines = client.get("/metrics").text.splitlines()
    return next(line for line in lines if line.startswith("weightbank_generated_bytes_total"))
