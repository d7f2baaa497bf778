"""Whatever is wrong with a request, the answer is a problem that says what and why."""

import asyncio
import json
import threading
from typing import Any

import pytest

from schemas.examples import MLP, MLP_YAML
from schemas.problems import TYPE_PREFIX, Problem
from tests.specs import no_checkpoints

YAML = {"Content-Type": "application/yaml"}
JSON = {"Content-Type": "application/json"}


def linear(**more: Any) -> dict[str, Any]:
    """A layer."""
    return {"name": "fc", "type": "Linear", "in_features": 2, "out_features": 1, **more}


def check(response: Any, status: int, code: str) -> Problem:
    """The problem that an answer is, which has to have this code."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = Problem.model_validate(response.json())
    assert (response.status_code, problem.status, problem.code) == (status, status, code), problem
    assert problem.type == TYPE_PREFIX + code
    assert response.headers["cache-control"] == "no-store"
    return problem


BAD_SPECS: list[tuple[str, Any, str, str]] = [
    ("no mapping", [], "invalid_spec", ""),
    ("no layers", {}, "invalid_argument", "layers"),
    ("empty layers", {"layers": []}, "invalid_argument", "layers"),
    ("unknown key", {"layers": [linear()], "sed": 1}, "unknown_key", "seed"),
    ("unknown layer", {"layers": [linear(type="Linearr")]}, "unknown_type", "Linear"),
    ("misspelt argument", {"layers": [linear(in_feature=2)]}, "unknown_key", "in_features"),
    ("unknown initializer", {"layers": [linear(init="zeroes")]}, "unknown_type", "zeros"),
    (
        "misspelt initializer argument",
        {"layers": [linear(init={"type": "normal", "stdev": 1})]},
        "unknown_key",
        "std",
    ),
    ("a rule that decides nothing", {"layers": [linear()], "rules": [["fx", "zeros"]]},
     "unused_rule", "fx"),
    ("no initializer", {"layers": [{"name": "p", "type": "Parameter", "shape": [2]}]},
     "missing_initializer", "p"),
    ("names twice", {"layers": [linear(), linear()]}, "duplicate_name", "fc.weight"),
    ("negative size", {"layers": [linear(in_features=-1)]}, "invalid_argument", "in_features"),
    ("zero size", {"layers": [linear(in_features=0)]}, "invalid_argument", "in_features"),
    ("a size that is no integer", {"layers": [linear(in_features=1.5)]}, "invalid_argument",
     "in_features"),
    ("seed -1", {"layers": [linear()], "seed": -1}, "invalid_seed", "-1"),
    ("seed 2**64", {"layers": [linear()], "seed": 2**64}, "invalid_seed", str(2**64)),
    ("seed as text", {"layers": [linear()], "seed": "1"}, "invalid_seed", "seed"),
    ("seed true", {"layers": [linear()], "seed": True}, "invalid_seed", "seed"),
    ("unknown dtype", {"layers": [linear()], "dtype": "float8"}, "invalid_dtype", "float16"),
    ("unknown preset", {"layers": [linear()], "preset": "torch"}, "unknown_type", "torch@2"),
    ("constant weights", {"layers": [linear(in_features=3, out_features=3, init="ones")]},
     "constant_weights", "fc.weight"),
    ("too many layers", {"layers": [linear()] * 100_001}, "limit_exceeded", "layers"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "code", "mentioned"), [row[1:] for row in BAD_SPECS], ids=[row[0] for row in BAD_SPECS]
)
@pytest.mark.parametrize("path", ["/v1/specs", "/v1/specs?dry_run=true", "/v1/weights?seed=1"])
def test_a_wrong_spec_is_refused(api: Any, path: str, spec: Any, code: str, mentioned: str) -> None:
    """On every route that takes one, in the library's words."""
    problem = check(api.post(path, json=spec), 422, code)
    assert mentioned in problem.detail
    assert problem.argument
    assert problem.instance == path.partition("?")[0]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_named(api: Any, value: str) -> None:
    """By the argument that has them."""
    spec = linear(init={"type": "normal", "std": "HERE"})
    text = json.dumps({"layers": [spec]}).replace('"HERE"', value)
    problem = check(api.post("/v1/specs", content=text, headers=JSON), 422, "invalid_argument")
    assert "std" in problem.detail


def test_a_catastrophic_pattern_takes_no_time(api: Any) -> None:
    """RE2 is linear; a pattern it does not take is refused."""
    rules = [["(.*)*(.*)*(.*)*x", "zeros"]]
    layers = [linear(name="a" * 500)]
    check(api.post("/v1/specs", json={"layers": layers, "rules": rules}), 422, "unused_rule")
    rules = [[r"(a)\1", "zeros"]]
    check(api.post("/v1/specs", json={"layers": layers, "rules": rules}), 422, "invalid_pattern")


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("", JSON),
        ("{", JSON),
        ('{"seed": 1, "seed": 2}', JSON),
        ("seed: 1\nseed: 2", YAML),
        ("seed: &a 1\ndtype: *a", YAML),
        ("[" * 10_000, JSON),
        (MLP_YAML, JSON),
        (b"\xff\xfe", JSON),
        (b"\xff\xfe", YAML),
        ("a: [", YAML),
        ('{"seed": ' + "1" * 5000 + "}", JSON),
    ],
)
def test_text_that_cannot_be_read_is_refused(api: Any, text: Any, headers: Any) -> None:
    """Duplicate keys and aliases included."""
    check(api.post("/v1/specs", content=text, headers=headers), 422, "invalid_syntax")


@pytest.mark.parametrize(
    ("headers", "mentioned"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded"}, "--data-binary"),
        ({"Content-Type": "multipart/form-data"}, "application/yaml"),
        ({"Content-Type": "text/plain"}, "application/yaml"),
        ({"Content-Type": "json"}, "application/json"),
        ({"Content-Type": "application/json; charset=latin-1"}, "utf-8"),
        ({}, "application/yaml"),
    ],
)
def test_other_media_types_are_refused(api: Any, headers: Any, mentioned: str) -> None:
    """With the header that would have been right."""
    response = api.post("/v1/specs", content=json.dumps(MLP), headers=headers)
    assert mentioned in check(response, 415, "unsupported_media_type").detail


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "Application/JSON;charset=UTF-8", "application/vnd.x+json", "text/json"],
)
def test_what_is_json_may_say_so_in_several_ways(api: Any, media_type: str) -> None:
    """Whatever the case, with or without a charset."""
    headers = {"Content-Type": media_type}
    assert api.post("/v1/specs", content=json.dumps(MLP), headers=headers).status_code < 300


def test_a_compressed_body_is_refused(api: Any) -> None:
    """It could become anything."""
    headers = {**JSON, "Content-Encoding": "gzip"}
    response = api.post("/v1/specs", content=b"\x1f\x8b", headers=headers)
    check(response, 415, "unsupported_encoding")


def test_a_body_over_the_limit_is_refused(make_api: Any) -> None:
    """By its announced length, and by its real one."""
    api = make_api(limit_body_bytes=100)
    problem = check(api.post("/v1/specs", json=MLP), 413, "body_too_large")
    assert "100 bytes" in problem.detail
    api = make_api(limit_yaml_body_bytes=100)
    yaml = api.post("/v1/specs", content=MLP_YAML, headers=YAML)
    assert "of JSON" in check(yaml, 413, "body_too_large").detail
    assert api.post("/v1/specs", json=MLP).status_code == 201
    headers = {**JSON, "Content-Length": "9" * 4000}
    check(api.post("/v1/specs", content=b"{}", headers=headers), 413, "body_too_large")


BAD_QUERIES: list[tuple[str, str, str]] = [
    ("seed=-1", "invalid_seed", "[0, 2**64)"),
    (f"seed={2**64}", "invalid_seed", "[0, 2**64)"),
    ("seed=" + "9" * 5000, "invalid_seed", "[0, 2**64)"),
    ("seed=1.5", "invalid_seed", "1.5"),
    ("seed=abc", "invalid_seed", "abc"),
    ("seed=", "invalid_seed", "integer"),
    ("seed=+1", "invalid_seed", "integer"),
    ("seed=%2B1", "invalid_seed", "integer"),
    ("seed=0x10", "invalid_seed", "integer"),
    ("seed=007", "invalid_seed", "seed=7"),
    ("seed=1_000", "invalid_seed", "integer"),
    ("seed=%D9%A1", "invalid_seed", "integer"),
    ("seed=1&seed=1", "repeated_parameter", "seed"),
    ("sed=42", "unknown_parameter", "seed (did you mean this?)"),
    ("seed=1&Dtype=float32", "unknown_parameter", "dtype"),
    ("seed=1&dtype=float8", "invalid_dtype", "bfloat16"),
    ("seed=1&dtype=int64", "invalid_dtype", "bfloat16"),
    ("seed=1&dtype=", "invalid_dtype", "bfloat16"),
    ("seed=1&dtype=%FF", "invalid_query", "UTF-8"),
    ("&".join(["seed=1"] * 40), "invalid_query", "32"),
]


@pytest.mark.parametrize(("query", "code", "mentioned"), BAD_QUERIES)
def test_a_wrong_query_is_refused(
    api: Any, mlp_id: str, query: str, code: str, mentioned: str
) -> None:
    """On every route with a seed; nothing is guessed."""
    for path in (f"/v1/weights/{mlp_id}", f"/v1/weights/{mlp_id}/digests"):
        assert mentioned in check(api.get(f"{path}?{query}"), 422, code).detail
        assert api.head(f"{path}?{query}").status_code == 422
    assert mentioned in check(api.post(f"/v1/weights?{query}", json=MLP), 422, code).detail


@pytest.mark.parametrize("value", ["yes", "True", "1", ""])
def test_a_switch_is_true_or_false(api: Any, value: str) -> None:
    """Nobody should store a spec who did not want to."""
    problem = check(api.post(f"/v1/specs?dry_run={value}", json=MLP), 422, "invalid_query")
    assert problem.accepted == "true or false"


def test_a_value_that_the_dtype_cannot_hold_is_refused(api: Any) -> None:
    """When the dtype is asked for."""
    spec = {"layers": [linear(init={"type": "normal", "std": 1e5})]}
    spec_id = api.post("/v1/specs", json=spec).json()["id"]
    refused = api.get(f"/v1/weights/{spec_id}?seed=1&dtype=float16")
    assert "fc.weight" in check(refused, 422, "unrepresentable").detail


def test_too_many_specs_at_once_are_refused(make_api: Any) -> None:
    """At once, with Retry-After."""
    api = make_api(limit_resolving=3)
    specs = api.app.state.wiring.specs
    started, release = threading.Semaphore(0), threading.Event()

    def read() -> Any:
        started.release()
        release.wait()
        raise RuntimeError("not needed")

    async def occupy() -> None:
        await asyncio.gather(
            *(specs.resolve(read, find=no_checkpoints) for _ in range(3)), return_exceptions=True
        )

    occupied = asyncio.run_coroutine_threadsafe(occupy(), api._loop)
    # Two threads are taken now, and the place to wait.
    assert started.acquire(timeout=10)
    assert started.acquire(timeout=10)
    refused = api.post("/v1/specs", json=MLP)
    release.set()
    occupied.result(10)
    check(refused, 503, "overloaded")
    assert refused.headers["retry-after"] == "1"
    assert api.post("/v1/specs", json=MLP).status_code == 201
