"""What holds on every route: one error shape, no parameter that nobody reads."""

import dataclasses
import json
from typing import Any

import pytest

from app.application import _ROUTERS
from schemas.problems import Problem

GET_PATHS = [
    "/",
    "/docs",
    "/healthz",
    "/metrics",
    "/openapi.json",
    "/readyz",
    "/v1/checkpoints",
    "/v1/checkpoints/{name}",
    "/v1/checkpoints/{name}:describe",
    "/v1/checkpoints/{owner}/{name}",
    "/v1/checkpoints/{owner}/{name}:describe",
    "/v1/initializers",
    "/v1/layers",
    "/v1/names",
    "/v1/names/{team}",
    "/v1/names/{team}/{name}",
    "/v1/names/{team}/{name}@{version}",
    "/v1/nonlinearities",
    "/v1/presets",
    "/v1/specs",
    "/v1/specs/{id}",
    "/v1/specs:export",
    "/v1/specs/{id}/diff/{other}",
    "/v1/specs/{team}/{name}",
    "/v1/specs/{team}/{name}/diff/{other}",
    "/v1/specs/{team}/{name}@{version}",
    "/v1/specs/{team}/{name}@{version}/diff/{other}",
    "/v1/weights/{id}",
    "/v1/weights/{id}/digests",
    "/v1/weights/{team}/{name}",
    "/v1/weights/{team}/{name}/digests",
    "/v1/weights/{team}/{name}@{version}",
    "/v1/weights/{team}/{name}@{version}/digests",
]
POST_PATHS = [
    "/v1/checkpoints/{name}:prefetch",
    "/v1/checkpoints/{owner}/{name}:prefetch",
    "/v1/specs",
    "/v1/specs:import",
    "/v1/weights",
]
PUT_PATHS = ["/v1/names/{team}/{name}"]
DELETE_PATHS = [
    "/v1/checkpoints/{name}",
    "/v1/checkpoints/{owner}/{name}",
    "/v1/names/{team}/{name}",
    "/v1/specs/{id}",
]
ALL = [
    *(("GET", path) for path in GET_PATHS),
    *(("POST", path) for path in POST_PATHS),
    *(("PUT", path) for path in PUT_PATHS),
    *(("DELETE", path) for path in DELETE_PATHS),
]


def filled(path: str) -> str:
    """A path with something in place of its parameters."""
    parameters = {
        "id": "0" * 64,
        "other": "0" * 64,
        "owner": "timm",
        "team": "vision",
        "name": "resnet50",
        "version": "3",
    }
    for parameter, value in parameters.items():
        path = path.replace(f"{{{parameter}}}", value)
    return path


def all_paths() -> set[tuple[str, str]]:
    """Methods and paths that the app has, read from its own routers."""
    return {
        (method, route.path_format)
        for router in _ROUTERS
        for route in router.routes
        for method in route.methods
    }


def test_all_routes_are_tested_here() -> None:
    """A new one has to be added above."""
    listed = {(method, path) for path in GET_PATHS for method in ("GET", "HEAD")}
    assert all_paths() == listed | set(ALL)


@pytest.mark.parametrize(("method", "path"), ALL)
def test_a_parameter_that_nobody_reads_is_refused(api: Any, method: str, path: str) -> None:
    """On every route, by its name."""
    response = api.request(method, filled(path) + "?sed=42")
    problem = Problem.model_validate(response.json())
    assert (problem.status, problem.code, problem.value) == (422, "unknown_parameter", "'sed'")


@pytest.mark.parametrize("path", [*GET_PATHS, *POST_PATHS])
def test_another_method_is_refused_with_those_there_are(api: Any, path: str) -> None:
    """405 with Allow, complete."""
    known = {
        method
        for methods, paths in (
            (("GET", "HEAD"), GET_PATHS),
            (("POST",), POST_PATHS),
            (("PUT",), PUT_PATHS),
            (("DELETE",), DELETE_PATHS),
        )
        for method in methods
        if path in paths
    }
    for method in {"DELETE", "PUT", "PATCH", "OPTIONS", "BREW"} - known:
        response = api.request(method, filled(path))
        problem = Problem.model_validate(response.json())
        assert (response.status_code, problem.code) == (405, "method_not_allowed")
        expected = ", ".join(sorted(known))
        assert response.headers["allow"] == problem.accepted == expected


@pytest.mark.parametrize(
    "path", ["/v2", "/v1/specs/", "/v1/weights/a/b/c", "/%2e%2e/etc/passwd", "/v1/Specs"]
)
def test_another_path_is_refused(api: Any, path: str) -> None:
    """404 as a problem, without a redirect."""
    response = api.get(path)
    problem = Problem.model_validate(response.json())
    assert (response.status_code, problem.code) == (404, "unknown_route")
    assert problem.instance.startswith("/")


def test_head_is_get_without_a_body(server: Any) -> None:
    """On routes that are not about files too."""
    with server.client() as client:
        for path in ("/healthz", "/v1/presets", "/docs"):
            got, head = client.get(path), client.head(path)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("name", ["initializers", "presets", "nonlinearities", "layers"])
def test_a_catalogue_lists_what_there_is(api: Any, name: str) -> None:
    """And is not sent twice."""
    response = api.get(f"/v1/{name}")
    entries = response.json()[name]
    assert len({entry["name"] for entry in entries}) == len(entries) > 1
    unchanged = api.get(f"/v1/{name}", headers={"If-None-Match": response.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "kept"), [("/openapi.json", "description"), ("/docs", "documentation")]
)
def test_pages_that_anybody_may_ask_for_are_made_once(api: Any, path: str, kept: str) -> None:
    """A crowd without keys must not keep the loop busy with them."""
    first = api.get(path)
    made = getattr(api.app.state, kept)
    assert made == first.content == api.get(path).content
    assert getattr(api.app.state, kept) is made


def test_the_documentation_loads_nothing_from_elsewhere(api: Any) -> None:
    """It works in a cluster without a way out, and has every operation."""
    page = api.get("/docs").text
    for absent in ("<script", "<link", "src=", "@import"):
        assert absent not in page
    for path, methods in api.get("/openapi.json").json()["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in page
    assert api.get("/").headers["location"] == "/docs"


def test_the_documentation_says_what_a_key_has_to_open(api: Any) -> None:
    """For each operation, and how a key is sent."""
    page = api.get("/docs").text
    assert "Authorization: Bearer $KEY" in page
    for methods in api.get("/openapi.json").json()["paths"].values():
        for operation in methods.values():
            section = page.partition(f"id={operation['operationId']}>")[2].partition("<h3 ")[0]
            scope = operation.get("x-scope")
            assert (f"Scope: <code>{scope}</code>." if scope else "Needs no key.") in section


def test_a_request_id_is_kept_if_it_is_sane(api: Any) -> None:
    """And made otherwise; it is in the log either way."""
    assert api.get("/healthz", headers={"X-Request-Id": "a.B-9_"}).headers["x-request-id"] == (
        "a.B-9_"
    )
    for odd in ("a b", "x" * 65, "", 'a"b', "a\\nb"):
        made = api.get("/healthz", headers={"X-Request-Id": odd}).headers["x-request-id"]
        assert len(made) == 32
    assert api.log.wait_for(request_id="a.B-9_")["route"] == "/healthz"


def test_a_mistake_of_ours_tells_nothing(make_api: Any) -> None:
    """Its details are in the log, under the id that the client gets."""
    api = make_api()

    class Broken:
        async def find(self, spec_id: str) -> Any:
            raise ValueError(f"secret of {spec_id}")

    api.app.state.wiring = dataclasses.replace(api.app.state.wiring, specs=Broken())
    response = api.get("/v1/specs/abc")
    problem = Problem.model_validate(response.json())
    assert (response.status_code, problem.code) == (500, "internal")
    assert "secret" not in response.text
    assert response.headers["x-request-id"] in problem.detail
    line = api.log.wait_for(event="internal error")
    assert line["request_id"] == response.headers["x-request-id"]
    assert "secret of abc" in json.dumps(line)


def test_health_and_readiness(make_api: Any) -> None:
    """Alive at once, ready once the kernels are loaded."""
    api = make_api()
    assert api.get("/healthz").json() == {"status": "alive"}
    answers = (api.get("/readyz") for _ in range(100_000))
    ready = next(answer for answer in answers if answer.status_code == 200)
    assert ready.json()["status"] == "ready"
    assert {"store", "devices"} < set(ready.json()["checks"])
    api.app.state.wiring.readiness.drain()
    draining = api.get("/readyz")
    problem = Problem.model_validate(draining.json())
    assert (problem.status, problem.code) == (503, "not_ready")
    assert problem.reasons == ["server: is shutting down"]


def test_metrics_have_templates_for_routes(api: Any, mlp_id: str) -> None:
    """So that ids do not multiply the series."""
    api.get(f"/v1/specs/{mlp_id}")
    api.request("BREW", "/nowhere/at/all")
    text = api.get("/metrics").text
    assert 'route="/v1/specs/{id}"' in text
    assert 'weightbank_requests_total{method="other",route="unknown",status="404"}' in text
    assert mlp_id not in text
    for name in (
        "weightbank_generation_seconds_bucket",
        "weightbank_time_to_first_byte_seconds_bucket",
        "weightbank_streams_in_progress",
        "weightbank_sent_bytes_total",
        "weightbank_refused_total",
    ):
        assert name in text
