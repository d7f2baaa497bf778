"""What each route asks for, and what of a route is asked for more."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import APIRoute

from app.application import _ROUTERS
from app.routes.router import scope_of
from services.keys.scopes import SCOPES, opened_by
from tests.api.checkpoints.conftest import REPOSITORY, content, hub_settings, tiny  # noqa: F401
from tests.api.conftest import Api
from tests.api.keys.conftest import KeyRing
from tests.hub.checkpoints import MadeCheckpoint
from tests.hub.server import HubServer

OPEN = {"/", "/docs", "/healthz", "/openapi.json", "/readyz"}
ROUTES = [
    (method, route.path_format, scope_of(route.endpoint))
    for router in _ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
]
GUARDED = [(method, path, scope) for method, path, scope in ROUTES if scope is not None]
FILLED = {"id": "0" * 64, "owner": "timm", "name": "tiny", "team": "vision", "other": "1" * 64}


def filled(path: str) -> str:
    """A path with something in place of its parameters."""
    for name, value in FILLED.items():
        path = path.replace(f"{{{name}}}", value)
    return path.replace("{version}", "1")


def test_every_route_has_a_scope_or_is_known_to_be_open() -> None:
    """Only these need no key; a new one has to be added to them by hand."""
    assert {path for _, path, scope in ROUTES if scope is None} == OPEN
    assert {scope for _, _, scope in GUARDED} <= set(SCOPES)


def test_what_changes_something_needs_more_than_read() -> None:
    """By whatever method that is not a question."""
    harmless = {"GET", "HEAD"}
    for method, path, scope in GUARDED:
        if method not in harmless:
            assert scope != "read", f"{method} {path}"
        if method == "DELETE":
            assert scope == "admin", f"{method} {path}"


def test_every_route_says_its_scope(keyed_api: Api) -> None:
    """In its description, with what can come of it."""
    paths = keyed_api.get("/openapi.json").json()["paths"]
    scopes = {(method.lower(), path): scope for method, path, scope in ROUTES}
    described = [(method, path) for path, methods in paths.items() for method in methods]
    assert set(described) <= set(scopes)
    for method, path in described:
        operation, scope = paths[path][method], scopes[method, path]
        if scope is None:
            assert operation["security"] == []
            assert "x-scope" not in operation
        else:
            assert operation["security"] == [{"key": [scope]}]
            assert operation["x-scope"] == scope
            assert {"401", "403", "429", "503"} <= set(operation["responses"])


def test_no_route_lets_anybody_in_without_the_right_key(keyed_api: Api, ring: KeyRing) -> None:
    """Neither without a key, nor with any of those that do not open it."""
    headers = {scope: ring.headers(scope) for scope in SCOPES}
    for method, path, scope in GUARDED:
        where = f"{method} {path}"
        assert keyed_api.request(method, filled(path)).status_code == 401, where
        for held in SCOPES:
            # A parameter that nobody knows, so that nothing is done where it is let in.
            answer = keyed_api.request(method, f"{filled(path)}?sed=1", headers=headers[held])
            expected = 422 if scope in opened_by([held]) else 403
            assert answer.status_code == expected, f"{where} with {held}"


@pytest.fixture
def checkpoint_api(
    make_keyed_api: Callable[..., Api],
    hub: HubServer,
    content: bytes,  # noqa: F811
) -> Api:
    """An app whose Hub has a checkpoint."""
    assert hashlib.sha256(content).hexdigest()
    return make_keyed_api(**hub_settings(hub))


PLAIN: dict[str, Any] = {
    "layers": [{"name": "fc", "type": "Linear", "in_features": 3, "out_features": 2}]
}


def pretrained(tiny: MadeCheckpoint) -> dict[str, Any]:  # noqa: F811
    """A spec that names a checkpoint."""
    channels = tiny.tensor("bn1.weight").shape[0]
    layer = {"name": "bn1", "type": "BatchNorm2d", "num_features": channels}
    return {"layers": [layer], "rules": [[".*", {"type": "pretrained", "repo": REPOSITORY}]]}


def test_a_spec_that_names_a_checkpoint_needs_a_key_for_checkpoints(
    checkpoint_api: Api,
    ring: KeyRing,
    tiny: MadeCheckpoint,  # noqa: F811
) -> None:
    """To be resolved, and for its weights and digests; the spec itself may be read."""
    spec = pretrained(tiny)
    writer = ring.headers("write")
    both = ring.headers("write", "checkpoints")
    for path in ("/v1/specs", "/v1/specs?dry_run=true", "/v1/weights?seed=1"):
        refused = checkpoint_api.post(path, json=spec, headers=writer)
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
        assert "not checkpoints" in refused.json()["detail"]
    posted = checkpoint_api.post("/v1/specs", json=spec, headers=both)
    assert posted.status_code == 201, posted.text
    spec_id = posted.json()["id"]
    weights = f"/v1/weights/{spec_id}?seed=1"
    for path in (weights, f"/v1/weights/{spec_id}/digests?seed=1"):
        refused = checkpoint_api.get(path, headers=ring.headers("read"))
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert checkpoint_api.head(weights, headers=writer).status_code == 403
    assert checkpoint_api.get(f"/v1/specs/{spec_id}", headers=writer).status_code == 200
    assert checkpoint_api.get(weights, headers=both).status_code == 200


def test_the_document_of_a_private_repository_needs_a_key_for_checkpoints(
    make_keyed_api: Callable[..., Api],
    hub: HubServer,
    ring: KeyRing,
    tiny: MadeCheckpoint,  # noqa: F811
) -> None:
    """And a token of the Hub, as its weights do; an administrator's key needs neither."""
    hub.add_repository(REPOSITORY, tiny.files, private=True)
    hub.add_user("hf_reader")
    hub.grant("hf_reader", REPOSITORY)
    api, token = make_keyed_api(**hub_settings(hub)), {"X-HF-Token": "hf_reader"}
    both = ring.headers("write", "checkpoints")
    spec_id = api.post("/v1/specs", json=pretrained(tiny), headers=both | token).json()["id"]
    path = f"/v1/specs/{spec_id}"
    for headers, status in (
        (both | token, 200),
        (both, 404),
        (ring.headers("read") | token, 403),
        (ring.headers("admin"), 200),
    ):
        assert api.get(path, headers=headers).status_code == status
        assert api.get(f"{path}/diff/{spec_id}", headers=headers).status_code == status


def test_to_pin_is_for_administrators(checkpoint_api: Api, ring: KeyRing) -> None:
    """And to remove; to fetch ahead is for whoever may read checkpoints."""
    path = f"/v1/checkpoints/{REPOSITORY}"
    headers = ring.headers("checkpoints")
    assert checkpoint_api.post(f"{path}:prefetch", headers=headers).status_code in {200, 202}
    for pin in ("true", "false"):
        refused = checkpoint_api.post(f"{path}:prefetch?pin={pin}", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    administrator = ring.headers("admin")
    pinned = checkpoint_api.post(f"{path}:prefetch?pin=false", headers=administrator)
    assert pinned.status_code in {200, 202}
    assert checkpoint_api.request("DELETE", path, headers=headers).status_code == 403


def test_with_keys_no_shared_cache_keeps_an_answer(checkpoint_api: Api, ring: KeyRing) -> None:
    """What a key opened for one is not for whoever asks the same cache."""
    headers = ring.headers("admin")
    spec_id = checkpoint_api.post("/v1/specs", json=PLAIN, headers=headers).json()["id"]
    weights = checkpoint_api.get(f"/v1/weights/{spec_id}?seed=1", headers=headers)
    kept = "private, max-age=31536000, immutable, no-transform"
    assert weights.headers["cache-control"] == kept
    spec = checkpoint_api.get(f"/v1/specs/{spec_id}", headers=headers)
    assert spec.headers["cache-control"] == "private, no-cache"
    moving = checkpoint_api.get(f"/v1/checkpoints/{REPOSITORY}", headers=headers)
    assert moving.headers["cache-control"] == "private, no-cache, no-transform"
    pinned = checkpoint_api.get(moving.headers["content-location"], headers=headers)
    assert pinned.headers["cache-control"] == kept
