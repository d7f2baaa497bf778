"""Specs over HTTP: posted, known, tried, fetched."""

import hashlib
import json
from typing import Any

import pytest
import rfc8785

from schemas.examples import MLP, MLP_YAML, RESIDUAL_BLOCK, RESIDUAL_BLOCK_YAML
from schemas.summaries import PostedSpec, StoredSpecOut
from services.spec_store import StoredSpec

YAML = {"Content-Type": "application/yaml"}


def linear(name: str, **more: Any) -> dict[str, Any]:
    """A layer of two weights."""
    return {"name": name, "type": "Linear", "in_features": 2, "out_features": 1, **more}


def test_a_new_spec_is_created_and_a_known_one_is_not(make_api: Any) -> None:
    """201 with Location, then 200 with the same id."""
    api = make_api()
    first, second = (api.post("/v1/specs", json=MLP) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.headers["location"] == f"/v1/specs/{first.json()['id']}"
    assert api.get(first.headers["location"]).status_code == 200


def test_the_answer_says_what_the_file_will_be(api: Any) -> None:
    """Counts and sizes are those of the file."""
    answer = PostedSpec.model_validate(api.post("/v1/specs", json=MLP).json())
    file = api.post("/v1/weights", json=MLP).content
    header_bytes = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:header_bytes])
    assert answer.tensors == len(header) - 1 == 4
    assert answer.elements == 784 * 256 + 256 + 256 * 10 + 10
    assert answer.bytes == len(file)
    assert answer.header_bytes == header_bytes
    assert (answer.dtype, answer.seed, answer.algorithm) == ("float32", 42, 1)
    assert sorted(name for choice in answer.choices for name in choice.tensors) == [
        "fc1.bias",
        "fc1.weight",
        "fc2.bias",
        "fc2.weight",
    ]


@pytest.mark.parametrize(
    ("document", "text"), [(MLP, MLP_YAML), (RESIDUAL_BLOCK, RESIDUAL_BLOCK_YAML)]
)
def test_json_and_yaml_have_one_id(api: Any, document: Any, text: str) -> None:
    """The examples of the documentation say the same in both languages."""
    ids = {
        api.post("/v1/specs", json=document).json()["id"],
        api.post("/v1/specs", content=text, headers=YAML).json()["id"],
    }
    assert len(ids) == 1


@pytest.mark.parametrize("path", ["/v1/specs", "/v1/specs?dry_run=true", "/v1/weights?seed=1"])
@pytest.mark.parametrize("limit", ["limit_file_bytes", "limit_header_bytes"])
def test_limits_of_a_file_are_the_operators(make_api: Any, path: str, limit: str) -> None:
    """A spec whose file would be larger is refused when it is posted."""
    api = make_api(**{limit: 100})
    refused = api.post(path, json=MLP)
    assert (refused.status_code, refused.json()["code"]) == (422, "limit_exceeded")
    assert "100 bytes or fewer" in refused.json()["accepted"]


def test_a_spec_of_another_algorithm_is_not_made_here(make_api: Any) -> None:
    """It is stored, by a server that could make it."""
    api = make_api()
    text = rfc8785.dumps({"algorithm": 999, "tensors": []})
    spec_id = hashlib.sha256(text).hexdigest()
    api.app.state.wiring.specs._store.add(StoredSpec(spec_id, text, None))
    for path in (f"/v1/specs/{spec_id}", f"/v1/weights/{spec_id}?seed=1"):
        refused = api.get(path)
        assert (refused.status_code, refused.json()["code"]) == (501, "unknown_algorithm")


def test_a_dry_run_stores_nothing(make_api: Any) -> None:
    """The answer is that of a stored spec, and there is none."""
    api = make_api()
    tried = api.post("/v1/specs?dry_run=true", json=MLP)
    assert tried.status_code == 200
    assert "location" not in tried.headers
    assert api.get(f"/v1/specs/{tried.json()['id']}").json()["code"] == "unknown_spec"
    stored = api.post("/v1/specs?dry_run=false", json=MLP)
    assert stored.status_code == 201
    assert stored.json() == tried.json()


def test_a_warning_comes_with_its_source(api: Any) -> None:
    """N(0, 1) weights are served, and said to be unwise."""
    spec = {"layers": [linear("fc", init="normal")]}
    warnings = api.post("/v1/specs", json=spec).json()["warnings"]
    assert [warning["tensors"] for warning in warnings] == [["fc.weight"]]
    assert all(warning["message"] and warning["source"] for warning in warnings)


def test_a_stored_spec_hashes_to_its_id(api: Any, mlp_id: str) -> None:
    """Anybody can check the id."""
    response = api.get(f"/v1/specs/{mlp_id}")
    spec = StoredSpecOut.model_validate(response.json())
    assert hashlib.sha256(rfc8785.dumps(spec.document)).hexdigest() == mlp_id == spec.id
    assert response.content.endswith(rfc8785.dumps(spec.document) + b"}")
    assert spec.seed == 42


def test_a_spec_is_not_sent_twice(api: Any, mlp_id: str) -> None:
    """If-None-Match answers 304, If-Match with a weak tag cannot hold."""
    etag = api.get(f"/v1/specs/{mlp_id}").headers["etag"]
    unchanged = api.get(f"/v1/specs/{mlp_id}", headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == etag
    failed = api.get(f"/v1/specs/{mlp_id}", headers={"If-Match": etag})
    assert (failed.status_code, failed.json()["code"]) == (412, "precondition_failed")


def test_a_suggested_seed_is_filled_in_and_then_stays(make_api: Any) -> None:
    """The first seed that comes is the suggestion, whether it came first or not."""
    api = make_api()
    layers = [linear("fc")]
    path = api.post("/v1/specs", json={"layers": layers}).headers["location"]
    assert api.get(path).json()["seed"] is None
    assert api.post("/v1/specs", json={"layers": layers, "seed": 2**64 - 1}).status_code == 200
    assert api.get(path).json()["seed"] == 2**64 - 1
    assert api.post("/v1/specs", json={"layers": layers, "seed": 5}).json()["seed"] == 5
    assert api.get(path).json()["seed"] == 2**64 - 1


@pytest.mark.parametrize("spec_id", ["0" * 64, "A" * 64, "x", "0" * 63, "..%2f..%2f..", "%00"])
def test_an_unknown_id_is_not_found(api: Any, spec_id: str) -> None:
    """Whatever it looks like."""
    for path in (f"/v1/specs/{spec_id}", f"/v1/weights/{spec_id}?seed=1"):
        response = api.get(path)
        assert (response.status_code, response.headers["content-type"]) == (
            404,
            "application/problem+json",
        )


def test_specs_survive_a_restart(make_api: Any) -> None:
    """They are in the data directory."""
    path = make_api().post("/v1/specs", json=MLP).headers["location"]
    again = make_api()
    assert again.get(path).json()["seed"] == 42
    assert again.post("/v1/specs", json=MLP).status_code == 200
