"""Names over HTTP: put, bound to a version, listed, retired, refused."""

import asyncio
import json
import threading
from typing import Any

import httpx
import pytest

from schemas.examples import MLP
from schemas.names import NamesOut, NameVersionOut, NameVersionsOut
from tests.names import put, stored


def test_a_name_gets_one_version_after_the_other(api: Any) -> None:
    """201 with Location for each; old ones stay what they were."""
    first, second = stored(api, 0.5), stored(api, 0.25)
    made = put(api, "one/net", first, note="the first")
    assert (made.status_code, made.headers["location"]) == (201, "/v1/names/one/net@1")
    assert made.headers["etag"] == '"1"'
    answer = NameVersionOut.model_validate_json(made.content)
    assert (answer.reference, answer.spec, answer.note) == ("one/net@1", first, "the first")
    assert (answer.created_by, str(answer.created_at.tzinfo)) == (None, "UTC")
    assert put(api, "one/net", second).json()["version"] == 2
    for version, spec in (("1", first), ("2", second), ("latest", second)):
        found = api.get(f"/v1/names/one/net@{version}").json()
        assert found["spec"] == spec
    assert api.get(made.headers["location"]).content == made.content


def test_what_stands_there_already_is_not_made_again(api: Any) -> None:
    """Unless the note is another one."""
    spec = stored(api)
    put(api, "same/net", spec, note="why")
    for note, expected in (("why", (200, 1)), (None, (200, 1)), ("because", (201, 2))):
        answer = put(api, "same/net", spec, note=note)
        assert (answer.status_code, answer.json()["version"]) == expected
        assert ("location" in answer.headers) == (expected[0] == 201)


def test_a_reference_is_taken_for_the_spec_it_stands_for(api: Any) -> None:
    """So a name of one team can follow another's."""
    put(api, "source/net", stored(api, 0.5))
    put(api, "source/net", stored(api, 0.25))
    for reference, std in (("source/net@1", 0.5), ("source/net@latest", 0.25)):
        answer = put(api, "copy/net", reference)
        assert answer.json()["spec"] == stored(api, std)


def test_conditions_bind_a_version_to_the_one_before(api: Any) -> None:
    """412 says which version is the newest; nothing is made."""
    one, two = stored(api, 0.5), stored(api, 0.25)
    refused = put(api, "bound/net", one, headers={"If-Match": '"1"'})
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    assert api.get("/v1/names/bound/net").status_code == 404
    assert put(api, "bound/net", one, headers={"If-None-Match": "*"}).status_code == 201
    for headers in ({"If-None-Match": "*"}, {"If-Match": '"2"'}, {"If-Match": 'W/"1"'}):
        refused = put(api, "bound/net", two, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
        assert "the newest version is 1" in refused.json()["detail"]
    assert put(api, "bound/net", two, headers={"If-Match": '"1"'}).status_code == 201
    assert put(api, "bound/net", one, headers={"If-Match": "*"}).json()["version"] == 3
    refused = api.request("DELETE", "/v1/names/bound/net", headers={"If-Match": '"2"'})
    assert refused.status_code == 412
    assert api.get("/v1/names/bound/net@1").status_code == 200


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("value", ["1", "*, *", '"1', ""])
def test_a_condition_that_cannot_be_read_changes_nothing(api: Any, header: str, value: str) -> None:
    """It was meant to hold somebody back."""
    put(api, "unread/net", stored(api, 0.5))
    refused = put(api, "unread/net", stored(api, 0.25), headers={header: value})
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    refused = api.request("DELETE", "/v1/names/unread/net", headers={header: value})
    assert refused.status_code == 412
    assert api.get("/v1/names/unread/net").json()["newest_version"] == 1


def test_versions_are_listed_in_pages_from_the_newest(api: Any) -> None:
    """The tag is the newest version's number, and unchanged lists are not sent twice."""
    for index in range(5):
        put(api, "pages/net", stored(api), note=str(index))
    path, seen = "/v1/names/pages/net?limit=2", []
    while path:
        response = api.get(path)
        page = NameVersionsOut.model_validate_json(response.content)
        assert (page.newest_version, response.headers["etag"]) == (5, '"5"')
        seen += [version.version for version in page.versions]
        path = page.next
    assert seen == [5, 4, 3, 2, 1]
    unchanged = api.get("/v1/names/pages/net", headers={"If-None-Match": '"5"'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_names_are_listed_searched_and_paged(api: Any) -> None:
    """Each with its newest version; by team in the path or in the query."""
    for name in ("resnet", "resnext", "vit"):
        put(api, f"listed/{name}", stored(api, 0.5))
        put(api, f"listed/{name}", stored(api, 0.25))
    whole = NamesOut.model_validate_json(api.get("/v1/names/listed").content)
    assert [found.reference for found in whole.names] == [
        "listed/resnet@2",
        "listed/resnext@2",
        "listed/vit@2",
    ]
    assert whole.next is None
    assert api.get("/v1/names?team=listed").json() == whole.model_dump(mode="json")
    by_word = api.get("/v1/names?team=listed&q=RESNE").json()["names"]
    assert [found["name"] for found in by_word] == ["resnet", "resnext"]
    assert api.get("/v1/names?q=listed/v").json()["names"][0]["name"] == "vit"
    assert api.get("/v1/names/listed?q=%25").json()["names"] == []
    path, seen = "/v1/names/listed?limit=1", []
    while path:
        page = api.get(path).json()
        seen += [found["name"] for found in page["names"]]
        path = page["next"]
    assert seen == ["resnet", "resnext", "vit"]


def test_a_retired_name_is_gone_and_its_numbers_are_not_given_again(api: Any) -> None:
    """410 for what was, and the next number for what comes."""
    put(api, "gone/net", stored(api, 0.5))
    put(api, "gone/net", stored(api, 0.25))
    assert api.get("/v1/weights/gone/net@1?seed=1").status_code == 200
    retired = api.request("DELETE", "/v1/names/gone/net")
    assert retired.json()["retired_versions"] == retired.json()["newest_version"] == 2
    for path in (
        "/v1/names/gone/net",
        "/v1/names/gone/net@1",
        "/v1/names/gone/net@latest",
        "/v1/weights/gone/net@1?seed=1",
        "/v1/specs/gone/net@2",
    ):
        refused = api.get(path)
        assert (refused.status_code, refused.json()["code"]) == (410, "retired_name"), path
    assert api.request("DELETE", "/v1/names/gone/net").status_code == 410
    assert api.get("/v1/names/gone").json()["names"] == []
    again = put(api, "gone/net", stored(api, 0.5), headers={"If-None-Match": "*"})
    assert again.json()["version"] == 3
    refused = api.get("/v1/names/gone/net@2")
    assert (refused.status_code, "gone/net@3" in refused.json()["accepted"]) == (410, True)


def test_what_is_unknown_is_told_with_what_is_near(api: Any) -> None:
    """The newest version, a name of the team, a team."""
    put(api, "near/resnet50", stored(api))
    for path, code, word in (
        ("/v1/names/near/resnet50@2", "unknown_version", "1, the newest one"),
        ("/v1/names/near/resnet51", "unknown_name", "near/resnet50 (did you mean this?)"),
        ("/v1/names/nearer/resnet50@1", "unknown_name", "near/resnet50 (did you mean this?)"),
        ("/v1/names/neer", "unknown_team", "near (did you mean this?)"),
        ("/v1/weights/near/resnet5@1?seed=1", "unknown_name", "near/resnet50"),
    ):
        refused = api.get(path)
        assert (refused.status_code, refused.json()["code"]) == (404, code), path
        assert word in refused.json()["accepted"]
    assert api.request("DELETE", "/v1/names/near/resnet51").status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "invalid_spec"),
        ({}, "invalid_argument"),
        ({"spec": 3}, "invalid_argument"),
        ({"spec": None}, "invalid_argument"),
        ({"spec": "a/b@1", "note": 3}, "invalid_argument"),
        ({"spec": "a/b@1", "nte": ""}, "unknown_key"),
        ({"spec": "a/b"}, "invalid_reference"),
        ({"spec": "A" * 64}, "invalid_reference"),
        ({"spec": "a/b@0"}, "invalid_version"),
        ({"spec": "a/b@9999999999"}, "invalid_version"),
        ({"spec": "a/../b@1"}, "invalid_team_name"),
        ({"spec": "f" * 64}, "unknown_spec"),
        ({"spec": "f" * 64, "note": "x" * 1001}, "invalid_note"),
        ({"spec": "f" * 64, "note": "\0"}, "invalid_note"),
        ({"spec": "f" * 64, "note": "\ud800"}, "invalid_note"),
    ],
)
def test_a_body_that_names_no_spec_is_refused(api: Any, body: Any, code: str) -> None:
    """With a code of its own, and no name is made."""
    headers = {"Content-Type": "application/json"}
    text = json.dumps(body)  # in ASCII, with what is no text at all as escapes
    refused = api.request("PUT", "/v1/names/bodies/net", content=text, headers=headers)
    assert refused.json()["code"] == code
    assert 400 <= refused.status_code < 500
    assert api.get("/v1/names/bodies/net").status_code == 404


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("A/net", "invalid_team"),
        ("-a/net", "invalid_team"),
        ("a" * 64 + "/net", "invalid_team"),
        ("a..b/net", "invalid_team"),
        ("a/.net", "invalid_team_name"),
        ("a/n%20t", "invalid_team_name"),
        ("a/n%0At", "invalid_team_name"),
        ("a/" + "n" * 64, "invalid_team_name"),
        ("a/n..t", "invalid_team_name"),
        ("a/%C3%A9", "invalid_team_name"),
    ],
)
def test_names_are_written_in_one_way(api: Any, path: str, code: str) -> None:
    """They stand in paths and in logs."""
    for method in ("GET", "PUT", "DELETE"):
        refused = api.request(method, f"/v1/names/{path}")
        assert (refused.status_code, refused.json()["code"]) == (422, code)


def test_a_version_is_no_part_of_what_is_put(api: Any) -> None:
    """Numbers are given here, and by nobody else."""
    refused = put(api, "a/net@7", "f" * 64)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "q=" + "x" * 129, "q=%00", "after=x", "team=X"]
)
def test_odd_queries_are_refused(api: Any, query: str) -> None:
    """And never reach the database."""
    assert api.get(f"/v1/names?{query}").status_code == 422


def test_a_large_body_is_refused(api: Any) -> None:
    """A reference and a note are short."""
    refused = put(api, "large/net", "f" * 64, note="x" * 2**14)
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


def test_a_slow_body_is_cut_off(make_server: Any) -> None:
    """After the time that the settings say."""
    live = make_server(body_timeout_seconds=0.2)

    def never() -> Any:
        yield b'{"spec": '
        waited = threading.Event()
        waited.wait(5)
        yield b'""}'

    with live.client() as client:
        refused = client.put(
            "/v1/names/slow/net", content=never(), headers={"Content-Type": "application/json"}
        )
    assert (refused.status_code, refused.json()["code"]) == (408, "body_timeout")


def test_names_and_versions_are_bounded(make_api: Any) -> None:
    """By settings; what is there can still be used."""
    api = make_api(limit_names=2, limit_name_versions=2)
    for name in ("a", "b"):
        assert put(api, f"full/{name}", stored(api)).status_code == 201
    refused = put(api, "full/c", stored(api))
    assert (refused.status_code, refused.json()["code"]) == (422, "limit_exceeded")
    assert put(api, "other/c", stored(api)).status_code == 201
    assert put(api, "full/a", stored(api, 0.5)).json()["version"] == 2
    refused = put(api, "full/a", stored(api))
    assert (refused.status_code, refused.json()["code"]) == (422, "limit_exceeded")
    assert put(api, "full/a", stored(api, 0.5)).status_code == 200
    api.request("DELETE", "/v1/names/full/a")
    assert put(api, "full/a", stored(api)).json()["version"] == 3


def test_yaml_is_read_too(api: Any) -> None:
    """As everywhere where JSON is."""
    spec = stored(api)
    headers = {"Content-Type": "application/yaml"}
    made = api.request("PUT", "/v1/names/yaml/net", content=f"spec: {spec}", headers=headers)
    assert (made.status_code, made.json()["spec"]) == (201, spec)


def test_a_crowd_that_asks_for_one_version_is_answered(make_api: Any) -> None:
    """With one call of the database for all who begin at the same time."""
    api = make_api(limit_store_calls=1)
    put(api, "crowd/net", stored(api))

    async def crowd() -> list[httpx.Response]:
        path = "/v1/weights/crowd/net@1?seed=1"
        return await asyncio.gather(*(api._client.get(path) for _ in range(50)))

    assert {response.status_code for response in api.run(crowd())} == {200}


def test_the_example_can_be_named(api: Any, mlp_id: str) -> None:
    """And its weights are those of POST, by name."""
    put(api, "example/mlp", mlp_id)
    by_name = api.get("/v1/weights/example/mlp@1?seed=42")
    assert by_name.content == api.post("/v1/weights", json=MLP).content
