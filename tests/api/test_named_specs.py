"""Weights and specs by a version of a name: what an id would give, and nothing else."""

from typing import Any

import pytest

from tests.names import put, stored
from tests.servers import wait_until


@pytest.fixture(scope="module")
def named(api: Any) -> tuple[str, str]:
    """A name with two versions, and the ids of their specs."""
    ids = stored(api, 0.5), stored(api, 0.25)
    for spec in ids:
        put(api, "named/net", spec)
    return ids


@pytest.mark.parametrize("query", ["?seed=7", "?seed=7&dtype=bfloat16"])
def test_a_numbered_version_is_the_file_of_its_id(
    api: Any, named: tuple[str, str], query: str
) -> None:
    """The same bytes, tag and caching; Content-Location names the path by id."""
    by_id = api.get(f"/v1/weights/{named[0]}{query}")
    for path in ("named/net@1", "named/net%401", "named%2Fnet@1"):
        by_name = api.get(f"/v1/weights/{path}{query}")
        assert by_name.content == by_id.content
        for header in ("etag", "cache-control", "content-location", "content-disposition"):
            assert by_name.headers[header] == by_id.headers[header]
    assert "immutable" in by_id.headers["cache-control"]
    assert by_id.headers["content-location"].startswith(f"/v1/weights/{named[0]}?seed=7")


def test_latest_is_asked_for_anew(api: Any, named: tuple[str, str]) -> None:
    """No cache may take it for good; its tag is still that of the file."""
    by_id = api.get(f"/v1/weights/{named[1]}?seed=7")
    latest = api.get("/v1/weights/named/net@latest?seed=7")
    assert latest.content == by_id.content
    assert latest.headers["etag"] == by_id.headers["etag"]
    assert latest.headers["content-location"] == by_id.headers["content-location"]
    assert "no-cache" in latest.headers["cache-control"]
    assert "immutable" not in latest.headers["cache-control"]
    tag = {"If-None-Match": by_id.headers["etag"]}
    assert api.get("/v1/weights/named/net@latest?seed=7", headers=tag).status_code == 304


def test_ranges_and_head_work_by_name(api: Any, named: tuple[str, str]) -> None:
    """As by id, with If-Range too."""
    whole = api.get(f"/v1/weights/{named[0]}?seed=7")
    headers = {"Range": "bytes=10-19", "If-Range": whole.headers["etag"]}
    part = api.get("/v1/weights/named/net@1?seed=7", headers=headers)
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    head = api.head("/v1/weights/named/net@1?seed=7")
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.content == b""


def test_digests_are_found_by_name(api: Any, named: tuple[str, str]) -> None:
    """Computed once for both paths."""
    path = "/v1/weights/named/net@1/digests?seed=7"
    wait_until(lambda: api.get(path).status_code == 200)
    by_name = api.get(path)
    by_id = api.get(f"/v1/weights/{named[0]}/digests?seed=7")
    assert (by_id.status_code, by_id.content) == (200, by_name.content)
    assert by_id.headers["cache-control"] == by_name.headers["cache-control"]
    latest = "/v1/weights/named/net@latest/digests?seed=7"
    wait_until(lambda: api.get(latest).status_code == 200)
    assert "no-cache" in api.get(latest).headers["cache-control"]


def test_specs_are_found_by_name(api: Any, named: tuple[str, str]) -> None:
    """The same document, and the path by id."""
    by_id = api.get(f"/v1/specs/{named[1]}")
    for version in ("2", "latest"):
        by_name = api.get(f"/v1/specs/named/net@{version}")
        assert by_name.content == by_id.content
        assert by_name.headers["content-location"] == f"/v1/specs/{named[1]}"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/weights/named/net?seed=7",
        "/v1/weights/named/net/digests?seed=7",
        "/v1/specs/named/net",
        "/v1/specs/named/net/diff/@1",
    ],
)
def test_a_name_without_a_version_is_refused(api: Any, named: tuple[str, str], path: str) -> None:
    """What it stands for may change; the newest version is told."""
    assert named
    refused = api.get(path)
    assert (refused.status_code, refused.json()["code"]) == (422, "missing_version")
    assert "named/net@2, the newest one" in refused.json()["accepted"]
    unknown = api.get(path.replace("/net", "/nat"))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_name")


@pytest.mark.parametrize("version", ["0", "01", "-1", "1.0", "newest", "", "1@2", "1e1", "²"])
def test_odd_versions_are_refused(api: Any, version: str) -> None:
    """There is one way to write each."""
    for path in ("names", "specs"):
        refused = api.get(f"/v1/{path}/named/net@{version}")
        assert refused.status_code in {404, 422}
        assert refused.json()["code"] in {"invalid_version", "unknown_route"}


def test_a_name_that_is_called_like_a_path_works(api: Any) -> None:
    """Digests and differences have paths of their own."""
    spec = stored(api)
    for name in ("digests", "diff"):
        put(api, f"named/{name}", spec)
        assert api.get(f"/v1/specs/named/{name}@1").json()["id"] == spec
        assert api.get(f"/v1/weights/named/{name}@1?seed=1").status_code == 200
    same = api.get("/v1/specs/named/diff@1/diff/named/digests@1").json()
    assert same["differences"] == []


def test_lines_of_the_log_say_which_spec(api: Any, named: tuple[str, str]) -> None:
    """Whatever path it was asked for by; of two that are compared, the first."""
    for path, spec in (
        ("/v1/specs/named/net@1", named[0]),
        ("/v1/names/named/net@2", named[1]),
        ("/v1/specs/named/net@2/diff/@1", named[1]),
        (f"/v1/specs/{named[0]}", named[0]),
    ):
        request_id = api.get(path).headers["x-request-id"]
        assert api.log.wait_for(request_id=request_id)["spec_id"] == spec
