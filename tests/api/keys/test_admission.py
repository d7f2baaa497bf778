"""Who is let in."""

import dataclasses
import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.examples import MLP
from services.keys.key_text import make_key
from tests.api.conftest import Api, LiveServer
from tests.api.keys.conftest import KeyRing

REALM = 'Bearer realm="weightbank"'
INVALID = f'{REALM}, error="invalid_token"'


def test_no_key_is_asked_for_with_a_challenge(keyed_api: Api) -> None:
    """Nothing more is said to who sent nothing (RFC 6750, section 3)."""
    response = keyed_api.get("/v1/presets")
    assert (response.status_code, response.json()["code"]) == (401, "missing_key")
    assert response.headers["www-authenticate"] == REALM
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/"])
def test_some_pages_are_open(keyed_api: Api, path: str) -> None:
    """How the server is, and how to ask it."""
    assert keyed_api.get(path).status_code in {200, 307, 503}


def test_metrics_need_a_key_that_reads(make_keyed_api: Callable[..., Api], ring: KeyRing) -> None:
    """Unless a setting says otherwise."""
    api = make_keyed_api()
    assert api.get("/metrics").status_code == 401
    assert api.get("/metrics", headers=ring.headers("checkpoints")).status_code == 403
    assert api.get("/metrics", headers=ring.headers("read")).status_code == 200


def test_metrics_can_be_open(make_keyed_api: Callable[..., Api]) -> None:
    """For a Prometheus that has no key; nothing else is."""
    api = make_keyed_api(metrics_without_key=True)
    assert api.get("/metrics").status_code == 200
    assert api.get("/v1/presets").status_code == 401


def test_looking_for_keys_is_counted(keyed_api: Api, ring: KeyRing) -> None:
    """As all work that waits for the store is."""
    text = keyed_api.get("/metrics", headers=ring.headers("read")).text
    line = next(
        line
        for line in text.splitlines()
        if line.startswith('weightbank_work_seconds_count{work="keys"}')
    )
    assert float(line.split()[1]) >= 1


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_opens(keyed_api: Api, ring: KeyRing, scheme: str) -> None:
    """However the scheme is spelt; the log has its id, and never the rest."""
    headers, key = ring.make("read")
    secret = headers["Authorization"].split()[1]
    response = keyed_api.get("/v1/presets", headers={"Authorization": f"{scheme} {secret}"})
    assert response.status_code == 200
    assert keyed_api.log.wait_for(key=key.id)["path"] == "/v1/presets"


def test_an_unknown_key_opens_nothing(keyed_api: Api, ring: KeyRing) -> None:
    """Nor a known id with another secret; both are answered alike."""
    _, key = ring.make("admin")
    stranger = make_key()
    for text in (stranger, dataclasses.replace(stranger, id=key.id)):
        response = keyed_api.get(
            "/v1/presets", headers={"Authorization": f"Bearer {text.reveal()}"}
        )
        problem = response.json()
        assert (response.status_code, problem["code"]) == (401, "invalid_key")
        assert problem["detail"].startswith("Authorization is not a key that counts here")
        assert response.headers["www-authenticate"] == INVALID


def test_two_headers_open_nothing(keyed_api: Api, ring: KeyRing) -> None:
    """A proxy and we could take different ones."""
    value = ring.headers("read")["Authorization"]
    headers = [("Authorization", value), ("Authorization", value)]
    response = keyed_api.get("/v1/presets", headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "invalid_key")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"expires_at": datetime.now(UTC) - timedelta(seconds=1)}, "a key that has expired"),
        ({}, "a key that was revoked"),
    ],
)
def test_a_key_that_is_over_opens_nothing(
    keyed_api: Api, ring: KeyRing, fields: dict[str, Any], said: str
) -> None:
    """And its owner is told why."""
    headers, key = ring.make("admin", **fields)
    if not fields:
        ring.keys.revoke(key.id, datetime.now(UTC))
    response = keyed_api.get("/v1/presets", headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "invalid_key")
    assert said in response.json()["detail"]
    assert keyed_api.log.wait_for(key=key.id)["code"] == "invalid_key"


def test_a_key_that_is_revoked_ends_at_once_without_a_cache(
    make_keyed_api: Callable[..., Api], ring: KeyRing
) -> None:
    """The next request is refused."""
    api = make_keyed_api(key_cache_seconds=0)
    headers, key = ring.make("read")
    assert api.get("/v1/presets", headers=headers).status_code == 200
    ring.keys.revoke(key.id, datetime.now(UTC))
    assert api.get("/v1/presets", headers=headers).status_code == 401


def test_a_scope_that_is_missing_is_named(keyed_api: Api, ring: KeyRing) -> None:
    """To programs too."""
    response = keyed_api.post("/v1/specs", json=MLP, headers=ring.headers("read"))
    problem = response.json()
    assert (response.status_code, problem["code"]) == (403, "insufficient_scope")
    assert problem["detail"] == (
        "key opens read, and not write; accepted: a key with the scope write"
    )
    assert response.headers["www-authenticate"] == (
        f'{REALM}, error="insufficient_scope", scope="write"'
    )


def test_who_may_write_may_read(keyed_api: Api, ring: KeyRing) -> None:
    """And who may administer may do all."""
    for scope in ("write", "admin"):
        headers = ring.headers(scope)
        posted = keyed_api.post("/v1/specs", json=MLP, headers=headers)
        assert posted.status_code in {200, 201}
        assert keyed_api.get(posted.headers["location"], headers=headers).status_code == 200


def test_a_body_is_not_read_before_its_sender_is_let_in(
    make_keyed_server: Callable[..., LiveServer],
) -> None:
    """A stranger's body may be as large as it likes: the answer does not wait for it."""
    live = make_keyed_server()
    head = b"POST /v1/specs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n"
    with socket.create_connection(live.address, timeout=60) as client:
        client.sendall(head)
        answer = b""
        while b"missing_key" not in answer:
            received = client.recv(2**16)
            assert received, answer
            answer += received
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_names_are_not_looked_up_for_strangers(keyed_api: Api) -> None:
    """They learn of no spec whether it is there, nor of a parameter whether it is known."""
    for path in (f"/v1/specs/{'0' * 64}", "/v1/weights/x?seed=1", "/v1/presets?what=1"):
        assert keyed_api.get(path).json()["code"] == "missing_key"


def test_without_keys_a_header_is_nobodys_business(api: Api) -> None:
    """Proxies send all kinds of them."""
    for value in ("Basic dXNlcjpwYXNz", "Bearer x", ""):
        assert api.get("/v1/presets", headers={"Authorization": value}).status_code == 200


def test_too_many_requests_are_told_when_to_come_again(
    make_keyed_api: Callable[..., Api], ring: KeyRing
) -> None:
    """Each key for itself; its own rate wins over the settings'."""
    api = make_keyed_api(key_requests_per_second=0.001)
    headers = ring.headers("read")
    assert api.get("/v1/presets", headers=headers).status_code == 200
    response = api.get("/v1/presets", headers=headers)
    assert (response.status_code, response.json()["code"]) == (429, "rate_limited")
    assert 900 < int(response.headers["retry-after"]) <= 1000
    free = ring.headers("read", requests_per_second=0.0)
    for _ in range(5):
        assert api.get("/v1/presets", headers=free).status_code == 200


def test_a_database_that_is_away_is_said_to_be(keyed_api: Api) -> None:
    """A key that was never seen cannot be looked for."""
    database = keyed_api.app.state.wiring.access._known._store._engine
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE keys RENAME TO elsewhere")
    headers = {"Authorization": f"Bearer {make_key().reveal()}"}
    response = keyed_api.get("/v1/presets", headers=headers)
    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
    assert response.headers["retry-after"]


def test_a_key_that_counted_does_so_while_the_database_is_away(
    make_keyed_api: Callable[..., Api], ring: KeyRing
) -> None:
    """Within the time of grace; a quota that was leased goes on, too."""
    api = make_keyed_api(key_cache_seconds=0)
    headers = ring.headers("read", bytes_per_day=2**30)
    assert api.get("/v1/nonlinearities", headers=headers).status_code == 200
    database = api.app.state.wiring.access._known._store._engine
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE keys RENAME TO elsewhere")
    assert api.get("/v1/nonlinearities", headers=headers).status_code == 200
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO keys")
    assert api.get("/v1/nonlinearities", headers=headers).status_code == 200


def test_nothing_shows_a_key(make_keyed_api: Callable[..., Api], ring: KeyRing) -> None:
    """Neither answers nor the log, whatever goes wrong, our own mistakes included."""
    api = make_keyed_api()
    headers, key = ring.make("write")
    text = headers["Authorization"].split()[1]
    secret = text.split("_")[2]
    answers = [
        api.get("/v1/presets", headers=headers),
        api.get("/v1/presets", headers={"Authorization": f"Bearer {text[:-1]}"}),
        api.get("/v1/presets", headers={"Authorization": text}),
        api.get("/v1/presets", headers={"Authorization": f"Basic {text}"}),
        api.get("/v1/presets", headers={"Authorization": f"Bearer {text} {text}"}),
        api.get("/v1/checkpoints", headers=headers),
    ]

    class Broken:
        async def identify(self, authorization: list[str]) -> Any:
            raise ValueError(f"on purpose, with {len(authorization)}")

    broken = dataclasses.replace(api.app.state.wiring, access=Broken())
    api.app.state.wiring = broken
    answers.append(api.get("/v1/presets", headers=headers))
    assert [answer.status_code for answer in answers] == [200, 401, 401, 401, 401, 403, 500]
    api.log.wait_for(event="internal error")
    lines = json.dumps(api.log._lines)
    shown = lines + "".join(answer.text + str(answer.headers) for answer in answers)
    assert secret[:10] not in shown
    assert key.secret_sha256[:10] not in shown
