"""Specs as a whole, over HTTP: listed, removed, exported and imported."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.examples import MLP, RESIDUAL_BLOCK
from schemas.problems import Problem
from schemas.spec_catalogue import ImportedOut, ListedSpecsOut
from tests.api.conftest import running_api, settings_in

LINES = {"Content-Type": "application/x-ndjson"}
LIMIT_BYTES = 100_000


@pytest.fixture
def make_bank(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Builds apps, each with a database of its own."""
    with ExitStack() as stack:

        def make(name: str) -> Any:
            settings = settings_in(tmp_path / name, limit_import_bytes=LIMIT_BYTES)
            return stack.enter_context(running_api(settings))

        yield make


@pytest.fixture
def bank(make_bank: Callable[[str], Any]) -> Any:
    """An app with two specs, one of them with a name."""
    api = make_bank("bank")
    ids = [api.post("/v1/specs", json=spec).json()["id"] for spec in (MLP, RESIDUAL_BLOCK)]
    put = api.request("PUT", "/v1/names/vision/mlp", json={"spec": ids[0], "note": "run 12"})
    assert put.status_code == 201
    api.ids = ids
    return api


def problem(response: httpx.Response) -> Problem:
    """The problem that an answer is."""
    found = Problem.model_validate(response.json())
    assert found.status == response.status_code
    return found


def test_a_list_says_what_is_to_be_known(bank: Any) -> None:
    """Newest first."""
    response = bank.get("/v1/specs")
    page = ListedSpecsOut.model_validate(response.json())
    assert [spec.id for spec in page.specs] == bank.ids[::-1]
    posted = bank.get(f"/v1/specs/{bank.ids[0]}").json()
    mlp = page.specs[1].model_dump()
    for same in ("id", "tensors", "elements", "bytes", "dtype", "seed"):
        assert mlp[same] == posted[same]
    assert mlp["names"] == ["vision/mlp@1"]
    assert mlp["checkpoints"] == []
    assert page.next is None
    assert "link" not in response.headers
    assert response.headers["cache-control"] == "no-store"


def test_a_page_leads_to_the_next(bank: Any) -> None:
    """In the answer, and in a header."""
    first = bank.get("/v1/specs?limit=1&dtype=float32")
    path = first.json()["next"]
    assert first.headers["link"] == f'<{path}>; rel="next"'
    second = bank.get(path)
    assert [spec["id"] for spec in second.json()["specs"]] == bank.ids[:1]
    assert second.json()["next"] is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "invalid_query"),
        ("limit=201", "invalid_query"),
        ("after=x", "invalid_query"),
        ("q=", "invalid_query"),
        ("q=" + "a" * 129, "invalid_query"),
        ("q=%00", "invalid_query"),
        ("tensors_from=-1", "invalid_query"),
        ("tensors_to=1.5", "invalid_query"),
        ("initializer=kaiming_normal", "invalid_query"),
        ("team=../x", "invalid_team"),
        ("dtype=int8", "invalid_dtype"),
        ("names=1", "unknown_parameter"),
        ("q=a&q=b", "repeated_parameter"),
    ],
)
def test_a_query_that_cannot_be_is_refused(api: Any, query: str, code: str) -> None:
    """By its parameter."""
    assert problem(api.get(f"/v1/specs?{query}")).code == code


def test_a_spec_is_removed_once_no_name_needs_it(bank: Any) -> None:
    """And comes back with the same id."""
    path = f"/v1/specs/{bank.ids[0]}"
    refused = problem(bank.request("DELETE", path))
    assert (refused.status, refused.code) == (409, "spec_in_use")
    assert "vision/mlp@1" in refused.detail
    bank.request("DELETE", "/v1/names/vision/mlp")
    assert bank.get(path).status_code == 200
    assert bank.request("DELETE", path).status_code == 204
    assert problem(bank.get(path)).code == "unknown_spec"
    assert problem(bank.get(f"/v1/weights/{bank.ids[0]}?seed=1")).code == "unknown_spec"
    assert problem(bank.request("DELETE", path)).code == "unknown_spec"
    assert bank.post("/v1/specs", json=MLP).status_code == 201


def test_a_file_goes_from_one_server_to_another(bank: Any, make_bank: Callable[[str], Any]) -> None:
    """With names; the bytes of weights are equal there."""
    other = make_bank("other")
    file = bank.get("/v1/specs:export")
    assert file.headers["content-type"] == "application/x-ndjson"
    assert int(file.headers["content-length"]) == len(file.content)
    answer = other.post("/v1/specs:import", content=file.content, headers=LINES)
    imported = ImportedOut.model_validate(answer.json())
    assert (imported.new_specs, imported.new_names, imported.new_versions) == (2, 1, 1)
    path = "/v1/weights/vision/mlp@1?seed=3"
    assert bank.get(path).content == other.get(path).content
    assert other.get("/v1/specs:export").content == file.content
    again = other.post("/v1/specs:import", content=file.content, headers=LINES).json()
    assert (again["known_specs"], again["known_versions"], again["new_specs"]) == (2, 1, 0)


def test_a_part_is_exported(bank: Any) -> None:
    """Of a team, or some specs."""
    assert bank.head("/v1/specs:export").content == b""
    for query, lines in (("team=vision", 5), ("team=audio", 2), (f"id={bank.ids[0]}", 3)):
        assert len(bank.get(f"/v1/specs:export?{query}").content.splitlines()) == lines
    for query in ("id=x", f"id={bank.ids[0]}&team=vision", "id=" + ",".join(["0" * 64] * 101)):
        assert problem(bank.get(f"/v1/specs:export?{query}")).code == "invalid_query"


def test_exports_and_imports_are_counted(bank: Any) -> None:
    """As all work in threads is."""
    bank.get("/v1/specs:export")
    lines = bank.get("/metrics").text.splitlines()
    assert 'weightbank_work_seconds_count{work="exchange"} 1.0' in lines


def test_a_conflict_imports_nothing(bank: Any, make_bank: Callable[[str], Any]) -> None:
    """And says which name it is."""
    other = make_bank("other")
    spec_id = other.post("/v1/specs", json=RESIDUAL_BLOCK).json()["id"]
    other.request("PUT", "/v1/names/vision/mlp", json={"spec": spec_id})
    file = bank.get("/v1/specs:export").content
    refused = problem(other.post("/v1/specs:import", content=file, headers=LINES))
    assert (refused.status, refused.code) == (409, "import_conflict")
    assert "vision/mlp@1" in refused.detail
    assert len(other.get("/v1/specs").json()["specs"]) == 1


def test_a_bad_file_is_refused(bank: Any) -> None:
    """Cut, changed, compressed in secret, empty."""
    file = bank.get("/v1/specs:export").content
    changed = file.replace(b"run 12", b"run 13")
    assert changed != file
    for content in (file[:-1], file[:1000], changed, gzip.compress(file), b"", b"\n" * 1000):
        refused = problem(bank.post("/v1/specs:import", content=content, headers=LINES))
        assert (refused.status, refused.code) == (422, "invalid_import")


def test_a_body_that_is_not_read_is_refused_before_it_is_kept(bank: Any) -> None:
    """Too large, compressed, or of another kind."""
    bomb = gzip.compress(b"\n" * 10_000_000)

    def pieces() -> Any:
        async def produce() -> Any:
            for _ in range(200):
                yield b"x" * 1000

        return produce()

    for content, headers, code in (
        (b"x" * (LIMIT_BYTES + 1), LINES, "body_too_large"),
        (pieces(), LINES, "body_too_large"),
        (bomb, {**LINES, "Content-Encoding": "gzip"}, "unsupported_encoding"),
        (b"{}", {"Content-Type": "application/json"}, "unsupported_media_type"),
        (b"{}", {}, "unsupported_media_type"),
    ):
        response = bank.post("/v1/specs:import", content=content, headers=headers)
        assert problem(response).code == code


def test_one_file_at_a_time(bank: Any) -> None:
    """More are refused at once, and may come again."""
    with bank.app.state.wiring.exchange.place():
        for response in (
            bank.get("/v1/specs:export"),
            bank.post("/v1/specs:import", content=b"", headers=LINES),
        ):
            assert problem(response).code == "overloaded"
            assert response.headers["retry-after"] == "10"
    assert bank.get("/v1/specs:export").status_code == 200
