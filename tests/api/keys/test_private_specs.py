"""Specs that read private checkpoints: in nobody's list who may not know of them."""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from schemas.examples import MLP, RESIDUAL_BLOCK
from services.database import spec_facts_table


def make_private(api: Any, spec_id: str, *repositories: str) -> None:
    """Say that a spec reads repositories."""
    engine = api.app.state.wiring.exchange._engine
    with engine.begin() as connection:
        connection.execute(
            update(spec_facts_table)
            .where(spec_facts_table.c.spec_id == spec_id)
            .values(repositories_json=json.dumps(repositories))
        )


def say(api: Any, repository: str, *, is_restricted: bool) -> None:
    """Let the server have heard from the Hub whether a repository is for everybody."""
    memory = api.app.state.wiring.checkpoints.inventory._hub._memory
    memory.keep_restriction(repository, is_restricted=is_restricted)


def listed(api: Any, query: str = "", **options: Any) -> list[str]:
    """Ids that a caller gets."""
    response = api.get(f"/v1/specs{query}", **options)
    return [spec["id"] for spec in response.json()["specs"]]


def test_what_is_not_known_to_be_public_is_for_no_list(make_api: Callable[..., Any]) -> None:
    """Also without keys, where everybody administers; and not one private among public ones."""
    api = make_api()
    hidden, shown = (
        api.post("/v1/specs", json=spec).json()["id"] for spec in (MLP, RESIDUAL_BLOCK)
    )
    make_private(api, hidden, "o/open", "o/other")
    assert listed(api) == [shown]
    say(api, "o/open", is_restricted=False)
    assert listed(api) == [shown]
    say(api, "o/other", is_restricted=True)
    for query in ("", "?checkpoint=o/other", f"?q={hidden}", "?limit=1"):
        assert hidden not in listed(api, query)
    say(api, "o/other", is_restricted=False)
    assert listed(api) == [shown, hidden]
    say(api, "o/open", is_restricted=True)
    assert listed(api) == [shown]


def test_a_key_of_an_administrator_lists_everything(keyed_api: Any, ring: Any) -> None:
    """And no other key does."""
    spec_id = keyed_api.post("/v1/specs", json=MLP, headers=ring.headers("write")).json()["id"]
    make_private(keyed_api, spec_id, "o/private")
    for scope, expected in (("read", []), ("write", []), ("admin", [spec_id])):
        assert listed(keyed_api, headers=ring.headers(scope)) == expected


def test_only_an_administrator_removes_exports_and_imports(keyed_api: Any, ring: Any) -> None:
    """403 for all others."""
    for method, path in (
        ("DELETE", "/v1/specs/" + "0" * 64),
        ("GET", "/v1/specs:export"),
        ("POST", "/v1/specs:import"),
    ):
        for headers, status in (
            ({}, 401),
            (ring.headers("write", "checkpoints"), 403),
        ):
            assert keyed_api.request(method, path, headers=headers).status_code == status
    assert keyed_api.get("/v1/specs:export", headers=ring.headers("admin")).status_code == 200
