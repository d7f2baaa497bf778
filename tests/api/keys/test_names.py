"""Names with keys: whose they are, who changes them, who made a version."""

from typing import Any

import pytest

from tests.names import put, stored


def test_a_key_of_a_team_changes_the_names_of_that_team_alone(keyed_api: Any, ring: Any) -> None:
    """It reads those of all; a key without teams changes all."""
    writer, key = ring.make("write", teams=("vision",))
    anybody = ring.headers("write")
    spec = stored(keyed_api, headers=writer)
    made = put(keyed_api, "vision/net", spec, headers=writer)
    assert (made.status_code, made.json()["created_by"]) == (201, key.id)
    refused = put(keyed_api, "text/net", spec, headers=writer)
    assert (refused.status_code, refused.json()["code"]) == (403, "other_team")
    assert put(keyed_api, "text/net", spec, headers=anybody).status_code == 201
    assert keyed_api.get("/v1/names/text/net@1", headers=writer).status_code == 200


def test_retiring_is_for_administrators_of_the_team(keyed_api: Any, ring: Any) -> None:
    """Who makes versions does not take them away."""
    writer = ring.headers("write")
    put(keyed_api, "vision/net", stored(keyed_api, headers=writer), headers=writer)
    for headers, code in (
        (writer, "insufficient_scope"),
        (ring.headers("admin", teams=("text",)), "other_team"),
    ):
        refused = keyed_api.request("DELETE", "/v1/names/vision/net", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, code)
    admin = ring.headers("admin", teams=("vision",))
    assert keyed_api.request("DELETE", "/v1/names/vision/net", headers=admin).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/names",
        "/v1/names/a",
        "/v1/names/a/b",
        "/v1/names/a/b@1",
        "/v1/weights/a/b@1?seed=1",
        "/v1/weights/a/b?seed=1",
        "/v1/weights/a/b@1/digests?seed=1",
        "/v1/specs/a/b@1",
        "/v1/specs/a/b",
        "/v1/specs/a/b@1/diff/@2",
    ],
)
def test_reading_needs_a_key(keyed_api: Any, ring: Any, path: str) -> None:
    """Without one nobody learns which names there are."""
    assert keyed_api.get(path).json()["code"] == "missing_key"
    refused = keyed_api.get(path, headers=ring.headers("checkpoints"))
    assert refused.json()["code"] == "insufficient_scope"
    assert keyed_api.get(path, headers=ring.headers("read")).status_code in {200, 404}


def test_answers_by_name_are_for_the_callers_own_caches(keyed_api: Any, ring: Any) -> None:
    """As those by id are where keys are asked for."""
    writer = ring.headers("write")
    put(keyed_api, "vision/net", stored(keyed_api, headers=writer), headers=writer)
    for path in ("/v1/weights/vision/net@1?seed=1", "/v1/weights/vision/net@latest?seed=1"):
        answer = keyed_api.get(path, headers=writer)
        assert answer.headers["cache-control"].startswith("private, ")
